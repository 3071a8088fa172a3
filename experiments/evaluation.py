"""Playing one policy on held-out users and keeping what the tables and pictures need."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from agents.kernel import ANNOYANCE, COMPLETION, SUPPORT, TIME
from experiments.settings import HELD_OUT, Problem
from journeys.actions import HINT, N_CHANNELS, N_RUNGS, N_VARIANTS
from journeys.observation import USER_INDEX
from journeys.state import DONE
from policies.protocol import Policy
from policies.training.rollout import Moment, Played, play


class Measure(NamedTuple):
    """One number per user: its short name, what it says, its unit, and the sign of a change for the better.

    0 is of measures that are neither good nor bad by themselves: who leaves early spends little time.
    """

    name: str
    meaning: str
    unit: str
    better: int


MEASURES = (
    Measure("return", "weighted sum of the reward terms", "reward", 1),
    Measure("completion", "share of users who completed the journey", "share", 1),
    Measure("skill", "share of the journey's skills mastered at the end", "share", 1),
    Measure("time", "active time", "minutes", 0),
    Measure("help", "offers of help shown, asked for or not", "offers", 0),
    Measure("annoyance", "hidden annoyance by offers and messages", "units", -1),
    Measure("cost", "answers by a human", "answers", -1),
)
MEASURE_NAMES = tuple(measure.name for measure in MEASURES)
MINUTES_PER_HOUR = 60.0
STRUGGLE_LEVELS = 10  # equal bins of the struggle signal over [0, 1]
UNASKED, ASKED = 0, 1


class Evaluation(NamedTuple):
    """A policy on `n` users.

    `measures` `(n, M)` in the order of `MEASURES`; `personas` `(n,)` persona indices; `reached` and `finished`
    `(S,)` shares of users per step; `offers` `(2, 10, 5)` counts of moments in which help could be offered, by
    unasked or asked, struggle level and the rung that was chosen (0 is waiting).
    """

    policy: str
    measures: np.ndarray
    personas: np.ndarray
    reached: np.ndarray
    finished: np.ndarray
    offers: np.ndarray

    def of(self, measure: str) -> np.ndarray:
        """One measure of every user, `(n,)`."""
        return np.asarray(self.measures[:, MEASURE_NAMES.index(measure)])


def evaluate(
    problem: Problem, policy: Policy, users: int, seed: int = 0, on_done: Callable[[int], None] | None = None
) -> Evaluation:
    """Play `policy` on `users` held-out users; `on_done` is told how many are through, after each round."""
    offers = np.zeros((2, STRUGGLE_LEVELS, N_RUNGS), np.int64)

    def watch(moment: Moment) -> None:
        count_offers(moment, offers)
        if on_done is not None:
            on_done(users - len(moment.rows))

    played = play(
        problem.journey, problem.population, policy, users, seed + HELD_OUT, problem.weights, watch, problem.learner
    )
    steps = played.world.steps
    return Evaluation(
        policy=policy.name,
        measures=measures_of(played),
        personas=played.personas.copy(),
        reached=(steps["visits"] > 0).mean(axis=0),
        finished=(steps["status"] == DONE).mean(axis=0),
        offers=offers,
    )


def measures_of(played: Played) -> np.ndarray:
    """`MEASURES` of every user, `(n, M)`."""
    completed, hours, annoyance, humans = played.terms[:, [COMPLETION, TIME, ANNOYANCE, SUPPORT]].T
    shown = played.world.users["shown"].astype(float)
    minutes = MINUTES_PER_HOUR * hours
    return np.column_stack([played.returns, completed, played.skill, minutes, shown, annoyance, humans])


def count_offers(moment: Moment, offers: np.ndarray) -> None:
    """Add one round's moments in which help could be offered to `offers` `(2, 10, 5)`."""
    base = moment.masks.shape[1] - N_CHANNELS - N_RUNGS
    assert base % N_VARIANTS == 0
    could = moment.masks[:, base + HINT : base + N_RUNGS].any(axis=1)
    seen = moment.observations[could]
    asked = (seen[:, USER_INDEX["asked_now"]] > 0.5).astype(int)
    level = np.minimum((seen[:, USER_INDEX["struggle"]] * STRUGGLE_LEVELS).astype(int), STRUGGLE_LEVELS - 1)
    np.add.at(offers, (asked, level, moment.choices.actions[could] - base), 1)
