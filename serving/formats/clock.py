"""Times and durations as other formats write them: RFC 3339 and ISO 8601, to and from milliseconds and seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from journeys.events import EventError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS, HALF_MS = timedelta(milliseconds=1), timedelta(microseconds=500)
DURATION = re.compile(
    r"P(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
SECONDS_IN = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the Unix epoch, to the nearest. `moment` knows its time zone."""
    return (moment - EPOCH + HALF_MS) // MS


def rfc3339(time: int) -> str:
    """Milliseconds since the Unix epoch as `2026-01-01T09:00:00.000Z`."""
    return (EPOCH + time * MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(duration: str) -> float:
    """Seconds of an ISO 8601 duration such as `PT1M41.5S`. Of years and months raises `EventError`."""
    found = DURATION.fullmatch(duration)
    parts = {name: part for name, part in found.groupdict().items() if part} if found else {}
    if not parts:
        raise EventError(f"{duration!r} is no duration. Mend: write ISO 8601 without years and months, as in PT41.5S")
    return float(sum(Decimal(part) * SECONDS_IN[name] for name, part in parts.items()))


def duration_of(seconds: float) -> str:
    """Seconds as an ISO 8601 duration, exactly."""
    return f"PT{Decimal(repr(float(seconds))):f}S"
