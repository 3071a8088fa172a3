"""A decision as an event of its own: written in one place, folded like any other event."""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.actions import STANDARD
from journeys.compiled import compiled
from journeys.draws import decision_key
from journeys.events import DECISION
from journeys.state import NOWHERE, UNDECLARED, UNKNOWN_DEVICE


@compiled
def write_decision(event: Any, answered: np.uint64, user: int, time: int, action: int, propensity: float) -> None:
    """Fill `event` (EVENT) with the decision for the event of key `answered`, at that event's `time`."""
    event.key, event.user = decision_key(answered), user
    event.time, event.duration, event.kind = time, 0.0, DECISION
    event.step, event.rung, event.variant, event.consent = NOWHERE, 0, STANDARD, 0
    event.action, event.propensity = action, propensity
    event.position, event.goal, event.experience, event.device = 0.0, UNDECLARED, UNDECLARED, UNKNOWN_DEVICE
