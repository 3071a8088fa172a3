"""Events in every wire format, for tools and tests that send them."""

from __future__ import annotations

from collections.abc import Callable

from journeys.events import Event
from journeys.events import encoder as event_encoder
from serving.formats import cloudevents, segment, xapi

WRITE: dict[str, Callable[[Event], bytes]] = {
    "handrail": event_encoder.encode,
    "jsonl": event_encoder.encode,
    "cloudevents": cloudevents.write,
    "segment": segment.write,
    "xapi": xapi.write,
}
