"""What every format has in common: from the fields of one message to an `Event`, or an error that says what to mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from journeys.events import Event, EventError, explain
from journeys.faults import fault_from

T = TypeVar("T")
Read = Callable[[bytes], Event]  # one message of a format; raises `EventError`
OWN = {"id", "user", "journey", "time", "kind"}  # fields with a place of their own in other formats
REST = tuple(name for name in Event.__struct_fields__ if name not in OWN)


def event_of(fields: Mapping[str, Any]) -> Event:
    """The event with these fields; those that are None are left out. Raises `EventError`."""
    try:
        return msgspec.convert({name: value for name, value in fields.items() if value is not None}, Event)
    except msgspec.ValidationError as error:
        raise EventError(explain(str(error))) from None


def rest_of(event: Event) -> dict[str, Any]:
    """Those fields of an event that are not at their defaults and have no place of their own."""
    told: dict[str, Any] = msgspec.to_builtins(event)
    return {name: value for name, value in told.items() if name not in OWN}


def check_rest(rest: Mapping[str, Any], where: str) -> None:
    """Raises `EventError` where `rest` holds what is no field of an event, or has its place elsewhere."""
    for name in rest:
        if name not in REST:
            raise EventError(f"{where}: {name!r} is no field here. Mend: use those of docs/formats.md")


def decode(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """One JSON document. Raises `EventError` that names the format, the field and the mend."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        fault = fault_from(str(error), (), noun="field")
        place = f"field {fault.path!r}: " if fault.path and fault.path not in fault.complaint else ""
        raise EventError(f"{what}: {place}{fault.complaint}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventError(f"{what}: not JSON: {error}. Mend: send one JSON object, in UTF-8") from None
