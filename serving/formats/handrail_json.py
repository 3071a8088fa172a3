"""Handrail's own JSON, read as JSON means it: 3.0 is the whole number 3, though `parse_event` wants it written as 3."""

from __future__ import annotations

from typing import Any

import msgspec

from journeys.events import Event, EventError, parse_event
from serving.formats.wire import event_of

WHOLE = ("time", "action")  # fields that are whole numbers


def read(body: bytes) -> Event:
    """One event. Raises `EventError`."""
    try:
        return parse_event(body)
    except EventError as error:
        fields = with_whole_numbers(body)
        if fields is None:
            raise
        try:
            return event_of(fields)
        except EventError:
            raise error from None


def with_whole_numbers(body: bytes) -> dict[str, Any] | None:
    """The fields with whole numbers that were written with a decimal point; None where there are none."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    fields = told if isinstance(told, dict) else {}
    floats = [name for name in WHOLE if isinstance(fields.get(name), float) and fields[name].is_integer()]
    return fields | {name: int(fields[name]) for name in floats} if floats else None
