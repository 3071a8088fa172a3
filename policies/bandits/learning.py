"""Learning from what was lived: from decisions and what they brought to sums, and from sums to a policy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from journeys.actions import N_VARIANTS
from journeys.compiled import compiled
from journeys.spec import Journey
from policies.bandits.inputs import (
    ADVISED,
    RECENCY,
    Desk,
    Reading,
    desk_of,
    head_of,
    read_action,
    reading_of,
)
from policies.bandits.linear_bandit import LinearBandit
from policies.bandits.lived import IS_OVER, Lived, Worth
from policies.bandits.regression import Sums, add, posterior
from policies.bandits.settings import BANDITS, BanditSettings
from policies.greedy_belief import choose
from policies.network import Weights
from policies.step_features import step_skills


class Learner(NamedTuple):
    """Everything that a bandit is: `family`, `settings`, the `sums` it learned, its `networks` where it reads by some."""

    family: str
    settings: BanditSettings
    sums: Sums
    networks: tuple[Weights, Weights] | None = None


class Counts(NamedTuple):
    """Of the decisions that were looked at: learned from; not yet known what they brought; with nothing to learn."""

    learned: int
    waiting: int
    forced: int


def policy_of(learner: Learner, journey: Journey) -> LinearBandit:
    """What the bandit does, as it stands."""
    settings, of = learner.settings, BANDITS[learner.family]
    found = posterior(learner.sums, settings.ridge, settings.discount)
    found.means[:, ADVISED] += settings.trust
    return LinearBandit(learner.family, found, settings.rule(of.how), of.kind, journey, learner.networks)


@compiled
def learn_rows(
    reading: Reading, sums: Sums, discount: float, lived: Lived, low: int, high: int, desk: Desk, inputs: Any
) -> int:
    """Learn from decisions `low` to `high - 1`; returns of how many there was something to choose."""
    base, learned = N_VARIANTS * len(reading.table.starts), 0
    for i in range(low, high):
        legal = 0
        for a in range(lived.masks.shape[1]):
            legal += lived.masks[i, a]
        action = lived.actions[i]
        if legal > 1 and (reading.kind != RECENCY or action >= base):
            advised = choose(lived.observations[i], lived.masks[i]) == action
            read_action(reading, lived.observations[i], action, advised, desk, inputs)
            head = head_of(action, len(reading.table.starts), len(sums.moment))
            add(sums, head, inputs, lived.returns[i], discount)
            learned += 1
    return learned


def learn(learner: Learner, lived: Lived, journey: Journey) -> Counts:
    """Learn from all decisions of users whose onboarding is over, in order; `learner.sums` grow.

    Where one action alone was legal there is nothing to learn, nor of steps for a bandit that leaves them to the
    planner.
    """
    reading = reading_of(BANDITS[learner.family].kind, learner.networks, step_skills(journey))
    desk, inputs = desk_of(reading), np.zeros(learner.sums.moment.shape[1])
    learned = waiting = 0
    for u, standing in enumerate(lived.standing.tolist()):
        low, high = lived.firsts[u], lived.firsts[u + 1]
        if standing == IS_OVER:
            learned += learn_rows(reading, learner.sums, learner.settings.discount, lived, low, high, desk, inputs)
        else:
            waiting += int(high - low)
    return Counts(learned, waiting, len(lived.actions) - learned - waiting)


def worth_of(settings: BanditSettings) -> Worth:
    """What counts for this bandit."""
    return Worth(np.array(settings.weights), settings.discount_per_day)
