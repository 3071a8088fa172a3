"""Fitting the heads that predict: will this user complete the journey under this policy, and which kind is it like?"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from agents.learners import BINARY_MASTERY, Learner
from journeys.spec import Journey
from journeys.state import COMPLETED
from personas.persona import Population
from policies.persona_head import PersonaHead
from policies.protocol import Policy
from policies.success import SuccessHead
from policies.training.prediction_worth import Worth, worth_of
from policies.training.rollout import Moment, play

KEPT_SHARE = 0.25  # of decision moments: neighbouring moments of a user say nearly the same
STRENGTH = 1.0  # inverse regularisation of the logistic regressions
MOST_ITERATIONS = 400  # some personas take more, for a log loss that is lower in the third digit
FIT_SEED_SALT = 7_919  # the heads are fitted on users that neither training nor evaluation meets
EVERY = 5  # one user in so many is held out, with all of its moments


class FittedHeads(NamedTuple):
    """The heads, the mean observation `usual` `(D,)` float32 that reasons are measured against, and what is predicted.

    `success_worth` and `persona_worth` are measured on the users that were held out of fitting.
    """

    success: SuccessHead
    persona: PersonaHead
    usual: np.ndarray
    success_worth: Worth
    persona_worth: Worth


class Sample(NamedTuple):
    """Decision moments `m`: `observations` `(m, D)` float32; of each its user, whether completed in the end, persona.

    `users` `(m,)` and `personas` `(m,)` are integers, `completed` `(m,)` is bool.
    """

    observations: np.ndarray
    users: np.ndarray
    completed: np.ndarray
    personas: np.ndarray


class Line(NamedTuple):
    """A multinomial logistic regression over `C` classes: `weight` `(D, C)`, `bias` `(C,)`, float64."""

    weight: np.ndarray
    bias: np.ndarray


def fit_heads(
    journey: Journey,
    population: Population,
    policy: Policy,
    n_users: int,
    seed: int,
    learner: Learner = BINARY_MASTERY,
) -> FittedHeads:
    """Fit "completed in the end" and the persona on observations at a sample of decision moments.

    Where every user or none completes, or a persona is never met, its share is predicted whatever is seen, counted as
    if each answer had been met once more. The head of a population of one persona says 1.
    """
    sample = sample_moments(journey, population, policy, n_users, seed, learner)
    observations, held = sample.observations, sample.users % EVERY == 0
    usual = observations.mean(axis=0, dtype=np.float64).astype(np.float32)
    names, done = population.personas, sample.completed.astype(np.int64)
    of_success = fit_line(observations[~held], done[~held], 2, usual)
    success = SuccessHead(of_success.weight[:, 1], float(of_success.bias[1]))
    persona = PersonaHead(names, *fit_line(observations[~held], sample.personas[~held], len(names), usual))
    chances = success.predict(observations[held])
    return FittedHeads(
        success,
        persona,
        usual,
        worth_of(np.column_stack([1.0 - chances, chances]), done, sample.users, held),
        worth_of(persona.predict(observations[held]), sample.personas, sample.users, held),
    )


def sample_moments(
    journey: Journey, population: Population, policy: Policy, n_users: int, seed: int, learner: Learner
) -> Sample:
    """Play `policy`, and keep a share of what it saw together with what became of the users and who they were."""
    luck = np.random.default_rng(seed)
    seen: list[np.ndarray] = []
    whose: list[np.ndarray] = []

    def remember(moment: Moment) -> None:
        kept = luck.random(len(moment.rows)) < KEPT_SHARE
        seen.append(moment.observations[kept])
        whose.append(moment.rows[kept])

    played = play(journey, population, policy, n_users, seed + FIT_SEED_SALT, on_round=remember, learner=learner)
    users = np.concatenate(whose)
    completed = (played.world.users["ended"] == COMPLETED)[users]
    return Sample(np.concatenate(seen), users, completed, played.personas.astype(np.int64)[users])


def fit_line(observations: np.ndarray, answers: np.ndarray, n_answers: int, usual: np.ndarray) -> Line:
    """Logistic regression of `answers` `(m,)`, 0 to `n_answers - 1`, on `observations` `(m, D)`.

    Each answer is met once more, at the `usual` observation `(D,)`: none is impossible because it was not met, and
    where only one was, its chance is (m + 1) / (m + C), Laplace's rule of succession. One thread alone: how many there
    are would change the last bits, and threads that wait for each other on a busy machine take ten times as long.
    """
    if n_answers == 1:
        return Line(np.zeros((len(usual), 1)), np.zeros(1))
    seen = np.concatenate([observations, np.repeat(usual[None], n_answers, axis=0)])
    told = np.concatenate([answers, np.arange(n_answers)])
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what an early end is worth is measured and told
        model = LogisticRegression(C=STRENGTH, max_iter=MOST_ITERATIONS).fit(seen, told)
    weight, bias = model.coef_.astype(np.float64), model.intercept_.astype(np.float64)
    if n_answers == 2:  # of two answers the model states the second, against a first of zero
        weight, bias = np.concatenate([np.zeros_like(weight), weight]), np.concatenate([np.zeros(1), bias])
    return Line(weight.T, bias)
