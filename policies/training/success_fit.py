"""Fitting the head that predicts success: will this user complete the journey under this policy?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from agents.learners import BINARY_MASTERY, Learner
from journeys.spec import Journey
from journeys.state import COMPLETED
from personas.persona import Population
from policies.protocol import Policy
from policies.success import SuccessHead
from policies.training.rollout import Moment, play

KEPT_SHARE = 0.25  # of decision moments: neighbouring moments of a user say nearly the same
STRENGTH = 1.0  # inverse regularisation of the logistic regression
FIT_SEED_SALT = 7_919  # the head is fitted on users that neither training nor evaluation meets


class FittedSuccess(NamedTuple):
    """The head, and the mean observation `usual` `(D,)` float32 that reasons are measured against."""

    head: SuccessHead
    usual: np.ndarray


def fit_success(
    journey: Journey,
    population: Population,
    policy: Policy,
    n_users: int,
    seed: int,
    learner: Learner = BINARY_MASTERY,
) -> FittedSuccess:
    """Logistic regression of "completed in the end" on observations at a sample of decision moments.

    Where every user or none completes, the head predicts that share whatever it sees.
    """
    luck = np.random.default_rng(seed)
    seen: list[np.ndarray] = []
    whose: list[np.ndarray] = []

    def remember(moment: Moment) -> None:
        kept = luck.random(len(moment.rows)) < KEPT_SHARE
        seen.append(moment.observations[kept])
        whose.append(moment.rows[kept])

    played = play(journey, population, policy, n_users, seed + FIT_SEED_SALT, on_round=remember, learner=learner)
    observations, users = np.concatenate(seen), np.concatenate(whose)
    completed = (played.world.users["ended"] == COMPLETED)[users]
    usual = observations.mean(axis=0, dtype=np.float64).astype(np.float32)
    if completed.all() or not completed.any():
        certainty = 1.0 - 1.0 / (len(completed) + 2)
        logit = np.log(certainty / (1.0 - certainty)) * (1.0 if completed.any() else -1.0)
        return FittedSuccess(SuccessHead(np.zeros(observations.shape[1]), float(logit)), usual)
    model = LogisticRegression(C=STRENGTH, max_iter=400).fit(observations, completed)
    return FittedSuccess(SuccessHead(model.coef_[0].astype(np.float64), float(model.intercept_[0])), usual)
