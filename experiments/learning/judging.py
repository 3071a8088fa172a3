"""What a policy is judged by, user by user, and how two policies differ on the same users."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from agents.kernel import COMPLETION, SKILL_GAINED, TIME
from experiments.comparison import groups_of
from experiments.settings import HELD_OUT, Problem
from experiments.statistics import paired_interval
from journeys.observation import USER_INDEX
from journeys.state import DONE, LAPSED
from policies.protocol import Policy
from policies.training.rollout import Moment, play

MEASURES = ("return", "completion", "gained", "hours", "finished", "engagement", "retained", "skill", "annoyance")
ENGAGEMENT = USER_INDEX["engagement"]


class Judged(NamedTuple):
    """`measures` `(n, M)` float64 in the order of `MEASURES` and persona indices `(n,)` of `n` users.

    gained: skill over the journey; hours: active time; finished: steps done; engagement: mean of the fold's signal over
    the user's decision moments; retained: not lost (completed, or still there at the horizon); the rest as in reports.
    """

    measures: np.ndarray
    personas: np.ndarray

    def of(self, measure: str) -> np.ndarray:
        """One measure `(n,)`."""
        return np.asarray(self.measures[:, MEASURES.index(measure)])


class Level(msgspec.Struct, frozen=True):
    """The mean of one measure."""

    place: str
    group: str
    policy: str
    measure: str
    mean: float
    users: int


class Difference(msgspec.Struct, frozen=True):
    """A mean paired difference with its 95% interval over users."""

    place: str
    group: str
    policy: str
    reference: str
    measure: str
    mean: float
    low: float
    high: float


def judge(problem: Problem, policy: Policy, users: int, seed: int) -> Judged:
    """Play `policy` on users that no training meets; another `seed`, other users."""
    engaged, moments = np.zeros(users), np.zeros(users)

    def watch(moment: Moment) -> None:
        engaged[moment.rows] += moment.observations[:, ENGAGEMENT]
        moments[moment.rows] += 1.0

    played = play(
        problem.journey, problem.population, policy, users, seed + HELD_OUT, problem.weights, watch, problem.learner
    )
    world = played.world
    columns = {
        "return": played.returns,
        "completion": played.terms[:, COMPLETION],
        "gained": played.terms[:, SKILL_GAINED],
        "hours": played.terms[:, TIME],
        "finished": (world.steps["status"] == DONE).sum(axis=1),
        "engagement": engaged / moments,
        "retained": world.users["ended"] != LAPSED,
        "skill": played.skill,
        "annoyance": world.minds["annoyance"],
    }
    return Judged(np.column_stack([columns[name] for name in MEASURES]), played.personas.copy())


def levels(place: str, policy: str, judged: Judged, names: tuple[str, ...]) -> list[Level]:
    """Every measure of every group."""
    return [
        Level(place, group, policy, measure, float(judged.of(measure)[rows].mean()), int(rows.sum()))
        for group, rows in groups_of(judged.personas, names).items()
        for measure in MEASURES
    ]


def differences(
    place: str, policy: str, judged: Judged, reference: str, other: Judged, names: tuple[str, ...]
) -> list[Difference]:
    """Every measure of every group, less that of the `reference` on the same users."""
    found = []
    for group, rows in groups_of(judged.personas, names).items():
        for measure in MEASURES:
            interval = paired_interval(judged.of(measure)[rows], other.of(measure)[rows])
            found.append(Difference(place, group, policy, reference, measure, *interval[:3]))
    return found
