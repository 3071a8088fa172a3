"""`POST /v1/events` and `POST /v1/decide`: events in, answers out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from journeys.events import LARGEST_EVENT, Event, EventError, Identifier, parse_event
from serving.answer import Answer
from serving.engine import Engine
from serving.formats.reading import BodyError, FormatError, Item, TooMany, format_of, read_body
from serving.http.batcher import Batcher
from serving.http.replies import JSON, NULL, Refused, Reply, problem
from serving.http.requests import Request

SOURCE = "http"
MALFORMED = {"malformed", "oversized"}  # what no journey and no user could have taken


class Refusal(msgspec.Struct, frozen=True):
    """Why an event was refused, or was in conflict with the first of its id."""

    reason: str
    detail: str


class Told(msgspec.Struct, frozen=True):
    """The answer to one event. `decision` is null where none is due, `refusal` where nothing is wrong."""

    event: str | None
    user: str | None
    outcome: str
    decision: msgspec.Raw | None
    refusal: Refusal | None


class Answers(msgspec.Struct, frozen=True):
    """The answers to all events of a request, in their order."""

    answers: list[Told]


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question for the decision that stands, without an event."""

    user: Identifier
    journey: Identifier


encoder = msgspec.json.Encoder()
standing_decoder = msgspec.json.Decoder(Standing)


class Reader(Protocol):
    """What looks up the decision that stands."""

    async def standing(self, journey: str, user: str) -> bytes | None:
        """The record of the last decision, if nothing has happened to the user since."""


def told(item: Item, answer: Answer) -> Told:
    """An answer as it is sent."""
    letter, record = answer.letter, answer.record
    name = item.id if isinstance(item, Event) else item.event
    refusal = None if letter is None else Refusal(letter.reason, letter.detail)
    return Told(name, item.user, answer.outcome, None if record is None else msgspec.Raw(record), refusal)


def read(request: Request, most: int) -> list[Item]:
    """The events of a request. Raises `Refused` with 400, 413 or 415."""
    source = f"{SOURCE}/{request.key}" if request.key else SOURCE
    try:
        return read_body(request.body, request.texts(), request.query.get("format"), source, most)
    except TooMany as error:
        raise Refused(problem(413, "too_many", str(error))) from None
    except FormatError as error:
        raise Refused(problem(415, "unknown_format", str(error))) from None
    except BodyError as error:
        raise Refused(problem(400, "malformed", str(error))) from None


def question_in(body: bytes) -> Standing | None:
    """The question that a body is: by what it holds, as no event of any format holds a user and a journey alone."""
    if len(body) > LARGEST_EVENT:
        return None
    try:
        return standing_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def check_format(request: Request) -> None:
    """Raises `Refused` with 415 where the format or the content type is unknown."""
    try:
        format_of(request.texts(), request.query.get("format"))
    except FormatError as error:
        raise Refused(problem(415, "unknown_format", str(error))) from None


def reply_of(answer: Answer) -> Reply:
    """The decision alone; what was refused as a problem."""
    if answer.record is not None:
        return Reply(200, answer.record)
    if answer.outcome == "refused" and answer.letter is not None:
        status = 422 if answer.letter.reason in MALFORMED else 409
        return problem(status, answer.letter.reason, answer.letter.detail)
    return NULL


class Events:
    """Takes one event or many, and answers each."""

    def __init__(self, batcher: Batcher, most: int) -> None:
        self._batcher, self._most = batcher, most

    async def __call__(self, request: Request) -> Reply:
        """200 with the answers in order; what was refused is among them."""
        items = read(request, self._most)
        answers: Sequence[Answer] = await self._batcher.submit(items) if items else []
        return Reply(200, encoder.encode(Answers([told(*pair) for pair in zip(items, answers, strict=True)])))


class Decide:
    """Takes one event, and answers with its decision alone."""

    def __init__(self, batcher: Batcher, engine: Engine, reader: Reader, most: int) -> None:
        self._batcher, self._engine, self._reader, self._most = batcher, engine, reader, most

    async def __call__(self, request: Request) -> Reply:
        """200 with the decision or null; 422 where the event is malformed, 409 where it does not fit."""
        item = self._item(request)
        if isinstance(item, Standing):
            return await self._standing(item)
        return reply_of((await self._batcher.submit((item,)))[0])

    def _item(self, request: Request) -> Item | Standing:
        """The one event of a request; Handrail JSON first, as nearly all are."""
        if request.headers.get(b"content-type", JSON) == JSON and not request.query:
            with contextlib.suppress(EventError):
                return parse_event(request.body)
        question = question_in(request.body)
        if question is not None:
            check_format(request)
            return question
        items = read(request, self._most)
        if len(items) != 1:
            raise Refused(
                problem(422, "not_one", f"{len(items)} events in the body. Mend: send one, or use /v1/events")
            )
        return items[0]

    async def _standing(self, asked: Standing) -> Reply:
        if asked.journey not in self._engine.journeys:
            names = ", ".join(self._engine.journeys)
            return problem(404, "no_journey", f"journey {asked.journey!r} is not served. Mend: use one of {names}")
        record = await self._reader.standing(asked.journey, asked.user)
        return NULL if record is None else Reply(200, record)
