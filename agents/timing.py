"""How long a synthetic user's activities take. Durations are whole milliseconds, as a tracker would report them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from journeys.compiled import compiled
from journeys.draws import PURPOSE_DURATION, normal
from journeys.fold import expected_seconds
from journeys.knowledge import REVIEW_TIME
from journeys.plan import Plan
from journeys.state import MOBILE
from journeys.words import UNIT

HOUR_MS, MINUTE_MS, MS = 3_600_000.0, 60_000.0, 1000.0
BROWSE_S = 6.0  # looking at what is offered before starting it
SPREAD_OF_TIME = 0.45  # of the logarithm of one activity's time, within a person (van der Linden 2006: 0.3 to 0.6)
ATTEMPT_SHARE = 0.55  # of a step's expected time that one attempt takes; the rest is hesitation and repetition
SIGN_SHARE = 0.15  # the same of one hesitation, pause, way back or question
READING_S = (0.0, 8.0, 25.0, 50.0, 240.0)  # taking help, by rung; a human takes minutes
CLOSING_S = 1.5  # finding the cross
MOBILE_TIME = 1.3  # of typing on a small screen (Couper and Peterson 2017: web forms take longer on phones); size ours


@compiled
def spend(mind: Any, seconds: float, event: Any) -> None:
    """Let active time pass: `event` ends then."""
    passed = np.int64(MS * seconds)
    mind.time += passed
    event.duration, event.time = passed / MS, mind.time


@compiled
def spread_of_time(luck: np.uint64) -> float:
    """Log-normal factor of one activity's time."""
    return math.exp(SPREAD_OF_TIME * normal(luck, PURPOSE_DURATION))


@compiled
def moment_length(plan: Plan, mind: Any) -> float:
    """How long a moment at the current step lasts, relative to a usual one: short where it is only reviewed."""
    reviewed = mind.done >> np.uint64(mind.step) & UNIT and not plan.steps[mind.step].video
    return REVIEW_TIME if reviewed else 1.0


@compiled
def working_seconds(plan: Plan, mind: Any, traits: Any, luck: np.uint64) -> float:
    """The time that the whole of the current step would take this user at this moment."""
    seconds = expected_seconds(plan, mind.done, mind.step, mind.variant) * traits.pace * spread_of_time(luck)
    return seconds * MOBILE_TIME if mind["device"] == MOBILE and plan.steps[mind.step].desk_work else seconds
