"""Segment `track` calls. docs/formats.md has the mapping."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from journeys.events import Event, EventError, Kind
from journeys.faults import nearest
from serving.formats.clock import milliseconds, rfc3339
from serving.formats.wire import REST, decode, event_of, rest_of

NAMES: dict[Kind, str] = {
    "signup": "Onboarding Signed Up",
    "consent": "Onboarding Consent Changed",
    "enter": "Onboarding Session Started",
    "start": "Onboarding Step Started",
    "succeed": "Onboarding Step Completed",
    "fail": "Onboarding Step Failed",
    "hesitate": "Onboarding Step Hesitated",
    "backtrack": "Onboarding Step Backtracked",
    "ask": "Onboarding Help Requested",
    "accept": "Onboarding Help Accepted",
    "dismiss": "Onboarding Help Dismissed",
    "give_up": "Onboarding Step Abandoned",
    "watch": "Onboarding Video Progressed",
    "pause": "Onboarding Video Paused",
    "seek": "Onboarding Video Sought",
    "drop": "Onboarding Video Dropped",
    "leave": "Onboarding Session Ended",
    "away": "Onboarding User Away",
    "decision": "Onboarding Decision Made",
}
KINDS = {name: kind for kind, name in NAMES.items()}
Moment = Annotated[datetime, Meta(tz=True)]


class Track(msgspec.Struct, rename="camel"):
    """The fields of a call that are read; others (context, integrations) are passed over."""

    message_id: str
    event: str
    properties: dict[str, Any]
    type: str = "track"
    user_id: str | None = None
    anonymous_id: str | None = None
    timestamp: Moment | None = None
    original_timestamp: Moment | None = None


decoder = msgspec.json.Decoder(Track)


def read(body: bytes) -> Event:
    """One `track` call. Raises `EventError`."""
    call = decode(decoder, body, "Segment call")
    if call.type != "track":
        raise EventError(f"Segment call of type {call.type!r}. Mend: send `track` calls alone")
    if call.event not in KINDS:
        raise EventError(f"Segment event {call.event!r} means nothing here. Mend: {nearest(call.event, KINDS)}")
    moment = call.timestamp or call.original_timestamp
    if moment is None:
        raise EventError("Segment call: 'timestamp' is missing. Mend: send it, or originalTimestamp")
    told = {name: value for name, value in call.properties.items() if name in REST}  # trackers add properties of theirs
    return event_of({
        "id": call.message_id, "user": call.user_id or call.anonymous_id, "journey": call.properties.get("journey"),
        "time": milliseconds(moment), "kind": KINDS[call.event], **told,
    })  # fmt: skip


def write(event: Event) -> bytes:
    """An event as a `track` call."""
    return msgspec.json.encode({
        "type": "track", "messageId": event.id, "userId": event.user, "event": NAMES[event.kind],
        "timestamp": rfc3339(event.time), "properties": {"journey": event.journey, **rest_of(event)},
    })  # fmt: skip
