"""Playing one policy on held-out users and keeping what the tables and pictures need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from agents.kernel import ANNOYANCE, COMPLETION, SUPPORT, TIME
from envs.reward import RewardWeights
from experiments.settings import HELD_OUT, Problem
from journeys.actions import HINT, N_CHANNELS, N_RUNGS, N_VARIANTS
from journeys.observation import USER_INDEX
from journeys.state import DONE
from policies.protocol import Policy
from policies.training.rollout import Moment, play


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
SHARD = 8_192  # users played at a time: their world stays in the cache, which made 64,000 half as fast again


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


class Shard(NamedTuple):
    """`n_users` users from number `first_user` on."""

    first_user: int
    n_users: int


class Tally(NamedTuple):
    """What came of a shard of `n` users under a policy, in numbers that can be put together without rounding.

    `terms` `(n, 6)`, `skill`, `shown` and `personas` `(n,)` are of users. `reached` and `finished` `(S,)` count users,
    `offers` are those of `Evaluation`.
    """

    terms: np.ndarray
    skill: np.ndarray
    shown: np.ndarray
    personas: np.ndarray
    reached: np.ndarray
    finished: np.ndarray
    offers: np.ndarray


def evaluate(
    problem: Problem, policy: Policy, users: int, seed: int = 0, on_done: Callable[[int], None] | None = None
) -> Evaluation:
    """Play `policy` on `users` held-out users; `on_done` is told how many are through, after each round."""
    tallies = [play_shard(problem, policy, seed, shard, on_done) for shard in shards_of(users)]
    return merged(policy.name, problem.weights, tallies)


def shards_of(users: int, size: int = SHARD) -> list[Shard]:
    """Users 0 to `users - 1`, `size` at a time."""
    return [Shard(first, min(size, users - first)) for first in range(0, users, size)]


def play_shard(
    problem: Problem, policy: Policy, seed: int, shard: Shard, on_done: Callable[[int], None] | None = None
) -> Tally:
    """Play `policy` on some of the held-out users of `seed`: who they are, and their luck, is theirs alone."""
    offers = np.zeros((2, STRUGGLE_LEVELS, N_RUNGS), np.int64)

    def watch(moment: Moment) -> None:
        count_offers(moment, offers)
        if on_done is not None:
            on_done(shard.first_user + shard.n_users - len(moment.rows))

    first, n_users = shard
    people, held_out = problem.population, seed + HELD_OUT
    played = play(problem.journey, people, policy, n_users, held_out, problem.weights, watch, problem.learner, first)
    steps = played.world.steps
    return Tally(
        terms=played.terms,
        skill=played.skill.copy(),
        shown=played.world.users["shown"].astype(float),
        personas=played.personas.copy(),
        reached=(steps["visits"] > 0).sum(axis=0),
        finished=(steps["status"] == DONE).sum(axis=0),
        offers=offers,
    )


def merged(policy: str, weights: RewardWeights, tallies: Sequence[Tally]) -> Evaluation:
    """The evaluation of all shards, in the order of their users: the same numbers however they were cut.

    Counts are added as whole numbers and divided once. Returns are taken of all terms in one product, because a
    product of matrices may round a row otherwise where it stands among others.
    """
    columns = list(zip(*tallies, strict=True))
    terms, skill, shown, personas = (np.concatenate(column) for column in columns[:4])
    reached, finished, offers = (np.sum(column, axis=0) for column in columns[4:])
    measures = measures_of(terms, weights, skill, shown)
    return Evaluation(policy, measures, personas, reached / len(terms), finished / len(terms), offers)


def measures_of(terms: np.ndarray, weights: RewardWeights, skill: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """`MEASURES` of every user, `(n, M)`."""
    completed, hours, annoyance, humans = terms[:, [COMPLETION, TIME, ANNOYANCE, SUPPORT]].T
    minutes = MINUTES_PER_HOUR * hours
    return np.column_stack([terms @ weights.array(), completed, skill, minutes, shown, annoyance, humans])


def count_offers(moment: Moment, offers: np.ndarray) -> None:
    """Add one round's moments in which help could be offered to `offers` `(2, 10, 5)`."""
    base = moment.masks.shape[1] - N_CHANNELS - N_RUNGS
    assert base % N_VARIANTS == 0
    could = moment.masks[:, base + HINT : base + N_RUNGS].any(axis=1)
    seen = moment.observations[could]
    asked = (seen[:, USER_INDEX["asked_now"]] > 0.5).astype(int)
    level = np.minimum((seen[:, USER_INDEX["struggle"]] * STRUGGLE_LEVELS).astype(int), STRUGGLE_LEVELS - 1)
    np.add.at(offers, (asked, level, moment.choices.actions[could] - base), 1)
