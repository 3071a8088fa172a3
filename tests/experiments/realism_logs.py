"""Hand-written logs: EVENT records of users whose lives are a few words."""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.events import EVENT, KINDS

MIDNIGHT_MS = 1_767_225_600_000  # 2026-01-01 UTC
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def log_of(*events: tuple[Any, ...]) -> np.ndarray:
    """EVENT records of `(user, kind, minute, step, seconds, variant)`; everything after the minute may be left out."""
    records = np.zeros(len(events), EVENT)
    for record, event in zip(records, events, strict=True):
        user, kind, minute, step, seconds, variant = (*event, *(-1, 0.0, 1)[len(event) - 3 :])
        record["user"], record["kind"] = user, KINDS.index(kind)
        record["time"] = MIDNIGHT_MS + round(minute * MINUTE_MS)
        record["step"], record["duration"], record["variant"] = step, seconds, variant
    return records
