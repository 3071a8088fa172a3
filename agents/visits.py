"""What every event of a synthetic user has in common, and how a visit of a step ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.mind import AT_BOUNDARY
from journeys.compiled import compiled
from journeys.draws import id_key
from journeys.state import NOWHERE, UNDECLARED, UNKNOWN_DEVICE
from journeys.words import UNIT


@compiled
def begin_event(mind: Any, luck: np.uint64, event: Any) -> None:
    """What every event of a user says, and nothing more."""
    event.key, event.user = id_key(luck), mind.user
    event.step, event.rung, event.variant = NOWHERE, 0, mind.variant
    event.action, event.propensity, event.consent = -1, 1.0, 0
    event.duration = event.position = 0.0
    event.goal, event.experience, event.device = UNDECLARED, UNDECLARED, UNKNOWN_DEVICE
    mind.n += 1


@compiled
def leave_step(mind: Any) -> None:
    """Come to the boundary, with no step in hand."""
    mind.phase, mind.step, mind.started = AT_BOUNDARY, NOWHERE, 0


@compiled
def finish_step(mind: Any) -> None:
    """The current step is done."""
    mind.done = mind.done | (UNIT << np.uint64(mind.step))
    leave_step(mind)
