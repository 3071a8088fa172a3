"""From the bytes that came through any door to events, and to dead letters of what is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from journeys.events import LARGEST_EVENT, Event, EventError, parse_event
from serving.answer import DeadLetter, Reason, shown
from serving.formats import cloudevents, handrail_json, segment, xapi
from serving.formats.wire import Read

Item = Event | DeadLetter
NS_PER_MS = 1_000_000
MOST_IN_MESSAGE = 1_000  # as one request may have: brokers take messages in which half a million items fit
NO_HEADERS: Mapping[str, str] = {}
T = TypeVar("T")


class BodyError(ValueError):
    """A body of which nothing can be read: what is wrong with it and how to mend it."""


class FormatError(BodyError):
    """A format or content type that is not known."""


class TooMany(BodyError):
    """A message of more events than are taken at once; none of them was looked at."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(f"{count} events, at most {most} are taken at once. Mend: send them in several parts")
        self.count = count


class Format(NamedTuple):
    """A wire format: how one event of it is read, and whether one event is a line, or all are in one document."""

    name: str
    read: Read
    lines: bool = False


HANDRAIL, LINES = Format("handrail", handrail_json.read), Format("jsonl", handrail_json.read, lines=True)
CLOUD, CLOUD_BINARY = Format("cloudevents", cloudevents.read), "cloudevents-binary"
SEGMENT, XAPI = Format("segment", segment.read), Format("xapi", xapi.read)
BY_NAME = {form.name: form for form in (HANDRAIL, LINES, CLOUD, SEGMENT, XAPI)}
BY_TYPE = {
    **dict.fromkeys(("", "application/json", "text/json", "application/octet-stream", "text/plain"), HANDRAIL),
    **dict.fromkeys(("application/x-ndjson", "application/ndjson", "application/jsonl"), LINES),
    **dict.fromkeys(("application/cloudevents+json", "application/cloudevents-batch+json"), CLOUD),
}  # fmt: skip
XAPI_HEADER = "x-experience-api-version"  # every client of xAPI sends it


class Batch(msgspec.Struct):
    """Segment's `/v1/batch`: calls under one key."""

    batch: list[msgspec.Raw]


raws_decoder = msgspec.json.Decoder(list[msgspec.Raw])
batch_decoder = msgspec.json.Decoder(Batch)
events_decoder = msgspec.json.Decoder(list[Event])


def read_message(
    body: bytes, headers: Mapping[str, str] = NO_HEADERS, format: str | None = None, source: str | None = None
) -> list[Item]:
    """The events of one message, and a dead letter for each that cannot be read. Never raises for what came.

    `headers` have names in lower case; `format` is a name such as `segment`, or None to go by the headers. A message of
    more than `MOST_IN_MESSAGE` events is one dead letter.
    """
    try:
        return read_body(body, headers, format, source, MOST_IN_MESSAGE)
    except TooMany as error:
        return [letter_of("oversized", str(error), body, headers, format, source)]
    except BodyError as error:
        return [letter_of("malformed", str(error), body, headers, format, source)]


def read_body(
    body: bytes,
    headers: Mapping[str, str] = NO_HEADERS,
    format: str | None = None,
    source: str | None = None,
    most: int | None = None,
) -> list[Item]:
    """As `read_message`, of up to `most` events: they are counted before any is looked at, or becomes a dead letter.

    Raises `BodyError` where nothing can be read, `FormatError` for a strange format, `TooMany` beyond `most`.
    """
    if format in {None, CLOUD.name, CLOUD_BINARY} and cloudevents.is_binary(headers):
        kept = {
            name: value for name, value in headers.items() if name.startswith((*cloudevents.PREFIXES, "content-type"))
        }
        return [read_one(body, lambda raw: cloudevents.read_binary(raw, headers), CLOUD_BINARY, source, kept)]
    form = format_of(headers, format)
    if not form.lines and (form is HANDRAIL and len(body) <= LARGEST_EVENT):
        events = read_quickly(body)
        if events is not None:
            return counted(events, most)
    return [read_one(raw, form.read, form.name, source) for raw in counted(split(body, form), most)]


def counted(parts: Sequence[T], most: int | None) -> list[T]:
    """All of `parts`. Raises `TooMany` where they are more than `most`."""
    if most is not None and len(parts) > most:
        raise TooMany(len(parts), most)
    return parts if isinstance(parts, list) else list(parts)


def read_quickly(body: bytes) -> list[Item] | None:
    """Sound events in Handrail JSON; None where anything has to be looked at more closely."""
    try:
        if body[:1] == b"[":
            return list(events_decoder.decode(body))
        return [parse_event(body)] if body[:1] == b"{" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, EventError):
        return None


def format_of(headers: Mapping[str, str], format: str | None) -> Format:
    """The format that was named, or that the headers tell. Raises `FormatError`."""
    if format is not None:
        if format not in BY_NAME:
            raise FormatError(f"format {format!r} is unknown. Mend: use one of {', '.join(BY_NAME)}")
        return BY_NAME[format]
    if XAPI_HEADER in headers:
        return XAPI
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in BY_TYPE:
        raise FormatError(f"content type {kind!r} is unknown. Mend: send application/json, or name the format")
    return BY_TYPE[kind]


def split(body: bytes, form: Format) -> Sequence[bytes | msgspec.Raw]:
    """The events of a body, each as it was written: one, those of an array, or those of a line each.

    Raises `BodyError` where the body is empty or no JSON.
    """
    text = body.strip()
    if not text:
        raise BodyError("the body is empty. Mend: send one event, or several")
    if form.lines:
        return [line for line in text.split(b"\n") if line.strip()]
    if text[:1] == b"[":
        return whole(raws_decoder.decode, text)
    if text[:1] != b"{":
        raise BodyError("the body is no JSON object or array. Mend: send one event, or an array of events")
    if form is SEGMENT and b'"batch"' in text:
        try:
            return batch_decoder.decode(text).batch
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # one call whose properties hold the word
            return [text]
    whole(lambda raw: msgspec.json.decode(raw, type=msgspec.Raw), text)
    return [text]


def whole(read: Callable[[bytes], T], text: bytes) -> T:
    """What `read` makes of a document. Raises `BodyError` where it is no JSON."""
    try:
        return read(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyError(f"the body is no JSON: {error}. Mend: send JSON in UTF-8") from None


def read_one(
    raw: bytes | msgspec.Raw, read: Read, format: str, source: str | None, headers: Mapping[str, str] = NO_HEADERS
) -> Item:
    """One event, or the dead letter of what is none."""
    body = bytes(raw)
    if len(body) > LARGEST_EVENT:
        detail = f"{len(body)} bytes, at most {LARGEST_EVENT} are read. Mend: send one event at a time, without ballast"
        return letter_of("oversized", detail, body, headers, format, source)
    try:
        return read(body)
    except EventError as error:
        return letter_of("malformed", str(error), body, headers, format, source)


def letter_of(
    reason: Reason, detail: str, body: bytes, headers: Mapping[str, str], format: str | None, source: str | None
) -> DeadLetter:
    """A dead letter that can be read again."""
    kept = dict(headers) if headers else None
    return DeadLetter(
        reason,
        detail,
        raw=shown(body),
        format=format,
        headers=kept,
        source=source,
        received=time.time_ns() // NS_PER_MS,
    )
