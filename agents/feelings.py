"""Frustration, motivation and need for help of one synthetic user: what moves them and by how much.

Constants without a citation are our choice; docs/behaviour.md names what each set was checked against.
"""

from __future__ import annotations

import math
from typing import Any

from journeys.compiled import compiled

SETBACK_OF_SIGN = 0.35  # a hesitation or way back weighs so much of a failure
REFUSED_HELP = 0.8  # asking in vain weighs so much of a failure
SETBACK_OF_QUEUE = 1.0  # the same of waiting `QUEUE_THAT_TRIES` for a human
QUEUE_THAT_TRIES = 600.0  # seconds
RELIEF_OF_SUCCESS = 0.6  # share of frustration that a success takes away
RELIEF_OF_HELP = (0.0, 0.20, 0.35, 0.5, 0.7)  # the same of accepted help by rung, when it meets distress
MOTIVATION_OF_SUCCESS, MOTIVATION_OF_FAILURE = 0.04, -0.03
GOAL_PULL = 2.0  # a success that serves the user's goal motivates so many times as much
MOTIVATION_OF_INTERRUPTION = -0.07  # times autonomy and calm
MOTIVATION_OF_PEERS = 0.25  # times sociability and how far the peers are ahead (Festinger 1954: upward comparison)
DISTRESS_OF_GAP = 0.45  # lacking a needed skill feels like so much distress before the first failure


@compiled
def within(value: float) -> float:
    """`value` cut to [0, 1]."""
    return min(1.0, max(0.0, value))


@compiled
def set_back(mind: Any, traits: Any, size: float) -> None:
    """Frustration grows towards 1; after `patience` setbacks of size 1 it has come 63% of the way."""
    mind.frustration += (1.0 - mind.frustration) * (1.0 - math.exp(-size / traits.patience))


@compiled
def move(mind: Any, by: float) -> None:
    """Motivation rises or falls."""
    mind.motivation = within(mind.motivation + by)


@compiled
def distress(mind: Any) -> float:
    """How much the user needs help, 0 to 1: frustration, or lacking a skill that the step exercises."""
    lacking = DISTRESS_OF_GAP * (1.0 - mind.mastery)
    return lacking + (1.0 - lacking) * mind.frustration
