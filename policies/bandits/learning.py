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
from policies.bandits.lived import Lived, Worth
from policies.bandits.regression import Sums, add, posterior
from policies.bandits.settings import BANDITS, BanditSettings
from policies.greedy_belief import choose
from policies.network import Weights
from policies.step_features import step_skills


class Learner(NamedTuple):
    """Everything that a bandit is: `family`, `settings`, the `sums` it learned, and the `networks` that it reads by."""

    family: str
    settings: BanditSettings
    sums: Sums
    networks: tuple[Weights, Weights] | None = None


class Counts(NamedTuple):
    """Of the decisions that were looked at: learned from; not yet known what they were worth; nothing to learn."""

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
def learn_rows(reading: Reading, sums: Sums, discount: float, lived: Lived, desk: Desk, inputs: Any) -> int:
    """Learn from every decision of known worth at which there was something to choose; returns how many these were."""
    base, learned = N_VARIANTS * len(reading.table.starts), 0
    for i in range(len(lived.actions)):
        legal, action = 0, lived.actions[i]
        for a in range(lived.masks.shape[1]):
            legal += lived.masks[i, a]
        chosen = legal > 1 and lived.masks[i, action]
        if lived.known[i] and chosen and (reading.kind != RECENCY or action >= base):
            advised = choose(lived.observations[i], lived.masks[i]) == action
            read_action(reading, lived.observations[i], action, advised, desk, inputs)
            head = head_of(action, len(reading.table.starts), len(sums.moment))
            add(sums, head, inputs, lived.returns[i], discount)
            learned += 1
    return learned


def learn(learner: Learner, lived: Lived, journey: Journey) -> Counts:
    """Learn from all decisions whose worth is known, in order; `learner.sums` grow.

    Where one action alone was legal there is nothing to learn, nor from what was not legal, nor of steps for a bandit
    that leaves them to the planner.
    """
    reading = reading_of(BANDITS[learner.family].kind, learner.networks, step_skills(journey))
    desk, inputs = desk_of(reading), np.zeros(learner.sums.moment.shape[1])
    learned = learn_rows(reading, learner.sums, learner.settings.discount, lived, desk, inputs)
    known = int(lived.known.sum())
    return Counts(learned, len(lived.known) - known, known - learned)


def worth_of(settings: BanditSettings) -> Worth:
    """What counts for this bandit."""
    return Worth(np.array(settings.weights), settings.discount_per_day)
