"""A cohort's whole log: simulated users under a policy, as the events that production would have of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.kernel import COMPLETION, TERMS
from envs.reward import RewardWeights
from policies.protocol import Policy
from policies.training.env_group import Setting
from policies.training.rollout import Moment, rounds


class CohortLog(NamedTuple):
    """`events` `(n,)` EVENT of `U` users, user by user, each in order; user `u`'s begin at `starts[u]`, `(U + 1,)`.

    `returns` `(U,)` are what the simulation knows they were worth, `completed` `(U,)` whether the journey was.
    """

    events: np.ndarray
    starts: np.ndarray
    returns: np.ndarray
    completed: np.ndarray


class Cohort(NamedTuple):
    """Who is to live how: users `first_user` to `first_user + n_users - 1` of `seed`, under `policy`."""

    setting: Setting
    policy: Policy
    n_users: int
    seed: int
    first_user: int
    weights: RewardWeights


def cohort_log(cohort: Cohort) -> CohortLog:
    """Let a cohort live."""
    (journey, population, learner), policy, n_users, seed, first_user, weights = cohort
    kept, terms = list[np.ndarray](), np.zeros((n_users, len(TERMS)))
    for moment in rounds(journey, population, policy, n_users, seed, first_user, keep_log=True, learner=learner):
        if kept:
            terms += moment.world.terms
        kept.append(events_since(moment))
    events = np.concatenate(kept)
    events = events[np.argsort(events["user"], kind="stable")]
    starts = np.searchsorted(events["user"], np.arange(first_user, first_user + n_users + 1))
    returns = (terms * weights.array()).sum(axis=1)  # a product of matrices rounds a row otherwise among others
    return CohortLog(events.view(np.recarray), starts, returns, terms[:, COMPLETION] > 0.0)


def events_since(moment: Moment) -> np.ndarray:
    """EVENT records `(n,)` since the round before, user by user, each in order."""
    log, counts = moment.world.log, moment.world.n_events
    return np.array(log[np.arange(log.shape[1]) < counts[:, None]])
