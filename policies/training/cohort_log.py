"""A cohort's whole log: simulated users under a policy, as the events that production would have of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.kernel import COMPLETION, EVENTS_PER_DECISION, TERMS
from envs.reward import RewardWeights
from journeys.events import EVENT
from policies.protocol import Policy
from policies.training.env_group import Setting
from policies.training.rollout import rounds


class CohortLog(NamedTuple):
    """`events` `(n,)` EVENT of `U` users, user by user, each in order; user `u`'s begin at `starts[u]`, `(U + 1,)`.

    `returns` `(U,)` are what the simulation knows they were worth, `completed` `(U,)` whether the journey was.
    """

    events: np.ndarray
    starts: np.ndarray
    returns: np.ndarray
    completed: np.ndarray


def cohort_log(
    setting: Setting, policy: Policy, n_users: int, seed: int, first_user: int, weights: RewardWeights
) -> CohortLog:
    """Let users `first_user` to `first_user + n_users - 1` of `seed` live under `policy`."""
    journey, population, learner = setting
    logs, counts, terms = list[np.ndarray](), list[np.ndarray](), np.zeros((n_users, len(TERMS)))
    for moment in rounds(journey, population, policy, n_users, seed, first_user, keep_log=True, learner=learner):
        if counts:
            terms += moment.world.terms
        logs.append(moment.world.log.copy())
        counts.append(moment.world.n_events.copy())
    starts = np.concatenate([[0], np.cumsum(np.sum(counts, axis=0, dtype=np.int64))])
    events, at = np.zeros(starts[-1], EVENT).view(np.recarray), starts[:-1].copy()
    for log, count in zip(logs, counts, strict=True):
        for i in range(EVENTS_PER_DECISION):
            rows = count > i
            events[at[rows]] = log[rows, i]
            at[rows] += 1
    return CohortLog(events, starts, terms @ weights.array(), terms[:, COMPLETION] > 0.0)
