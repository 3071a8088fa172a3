"""CloudEvents 1.0 in JSON: structured, batched and binary. docs/formats.md has the mapping."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote

import msgspec
from msgspec import Meta

from journeys.events import Event, EventError
from serving.formats.clock import milliseconds, rfc3339
from serving.formats.wire import check_rest, decode, event_of, rest_of

TYPE = "handrail."  # a type is this and the kind; the kind alone is understood as well
PREFIXES = ("ce-", "ce_")  # of headers: HTTP and NATS write the one, Kafka the other
Moment = Annotated[datetime, Meta(tz=True)]


class CloudEvent(msgspec.Struct):
    """The attributes that are read. Others, and extensions that mean nothing here, are passed over."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Moment
    journey: str
    datacontenttype: str | None = None
    data: dict[str, Any] | None = None
    data_base64: str | None = None


decoder = msgspec.json.Decoder(CloudEvent)
data_decoder = msgspec.json.Decoder(dict[str, Any])


def read(body: bytes) -> Event:
    """One event in structured mode. Raises `EventError`."""
    return event_from(decode(decoder, body, "CloudEvent"))


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether the attributes of a CloudEvent are among the headers."""
    return any(prefix + "specversion" in headers for prefix in PREFIXES)


def read_binary(body: bytes, headers: Mapping[str, str]) -> Event:
    """One event in binary mode: attributes in `headers`, data in the body. Raises `EventError`."""
    told: dict[str, Any] = {
        name[len(PREFIXES[0]) :]: unquote(value) for name, value in headers.items() if name.startswith(PREFIXES)
    }
    told |= {"data": decode(data_decoder, body, "data of the CloudEvent") if body.strip() else None}
    told["datacontenttype"] = headers.get("content-type")
    try:
        return event_from(msgspec.convert(told, CloudEvent))
    except msgspec.ValidationError as error:
        raise EventError(f"CloudEvent: {error}. Mend: send it as a header, see docs/formats.md") from None


def event_from(cloud: CloudEvent) -> Event:
    """The event that a CloudEvent tells of. Raises `EventError`."""
    if cloud.specversion != "1.0":
        raise EventError(f"CloudEvent: specversion is {cloud.specversion!r}. Mend: send CloudEvents 1.0")
    if cloud.datacontenttype and "json" not in cloud.datacontenttype:
        raise EventError(f"CloudEvent: datacontenttype is {cloud.datacontenttype!r}. Mend: send data as JSON")
    data = cloud.data or {}
    if cloud.data_base64 is not None:
        try:
            data = decode(data_decoder, base64.b64decode(cloud.data_base64, validate=True), "data_base64")
        except binascii.Error as error:
            raise EventError(f"CloudEvent: data_base64: {error}. Mend: encode it again, or send data") from None
    check_rest(data, "data of the CloudEvent")
    return event_of({
        "id": cloud.id, "user": cloud.subject, "journey": cloud.journey, "time": milliseconds(cloud.time),
        "kind": cloud.type.removeprefix(TYPE), **data,
    })  # fmt: skip


def attributes(event: Event) -> dict[str, str]:
    """The context attributes of an event."""
    return {
        "specversion": "1.0", "id": event.id, "source": f"/journeys/{quote(event.journey, safe='')}",
        "type": TYPE + event.kind, "subject": event.user, "time": rfc3339(event.time), "journey": event.journey,
    }  # fmt: skip


def write(event: Event) -> bytes:
    """An event in structured mode."""
    return msgspec.json.encode({**attributes(event), "datacontenttype": "application/json", "data": rest_of(event)})


def write_binary(event: Event) -> tuple[dict[str, str], bytes]:
    """An event in binary mode: headers and body."""
    headers = {PREFIXES[0] + name: quote(value, safe="/:-._~ ") for name, value in attributes(event).items()}
    return {**headers, "content-type": "application/json"}, msgspec.json.encode(rest_of(event))
