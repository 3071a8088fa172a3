"""`/v1/stream`: events in, answers pushed back on the same socket in the order of the events.

Memory is bounded on both sides: of one socket only so many frames are in work, then reading stops (TCP tells the
client), and a client that does not take its answers is let go with 1013. docs/service.md has the frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
import structlog

from serving.answer import Answer
from serving.formats.reading import BodyError, Item, TooMany, format_of, letter_of, read_body
from serving.http.app import Door
from serving.http.batcher import Batcher, Busy
from serving.http.events import Refusal, Told, told
from serving.http.replies import Headers, Receive, Refused, Reply, Scope, Send, later, problem
from serving.http.requests import query_of
from serving.stores.store import LogLine, StoreError

log = structlog.get_logger("handrail.socket")
IN_WORK = 64  # frames of one socket: more than a round trip needs, and the queue's limit holds for their events
SLOW_SECONDS = 10.0  # in which a client has to take what is sent, once its buffers are full
LAST_WORD_SECONDS = 1.0  # for the reason of closing
PAUSE_SECONDS = 0.05  # before asking again where too many events wait
MOST_RESUMED = 1_000  # users of one frame
SOURCE = "websocket"
TRY_LATER = 1013  # close code, IANA registry: the server is overloaded, or the client too slow for it
KEY_PROTOCOL, PROTOCOL = "key.", "handrail"  # browsers cannot set headers; they can offer subprotocols


class Resume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client that comes back has seen: of each user the last event whose answer came, null for none."""

    journey: str
    seen: dict[str, str | None]


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frame that is no event."""

    resume: Resume


class Log(Protocol):
    """Reads users' logs."""

    def serves(self, journey: str) -> bool:
        """Whether that journey is served."""

    async def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events with their decisions."""


class Sockets(Protocol):
    """Counts connections."""

    def sockets(self, change: int) -> int:
        """One more or one less; returns how many there are."""


class Work(NamedTuple):
    """One frame in work: its events with the answers to come, or frames that are ready."""

    items: Sequence[Item] = ()
    answers: asyncio.Future[list[Answer]] | None = None
    ready: Sequence[bytes] = ()


encoder = msgspec.json.Encoder()
control_decoder = msgspec.json.Decoder(Control)
fields_decoder = msgspec.json.Decoder(type=dict[str, msgspec.Raw])
NAMES = {"id", "messageId"}  # of which every event has one, in whatever format
SHAPE = '{"resume": {"journey": JOURNEY, "seen": {USER: ID or null}}}'


class Stream:
    """The WebSocket door."""

    def __init__(self, batcher: Batcher, log: Log, door: Door, sockets: Sockets, most: int, largest_batch: int) -> None:
        self._batcher, self._log, self._door, self._sockets, self._most = batcher, log, door, sockets, most
        self._largest_batch = largest_batch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from its opening to its end."""
        await receive()
        subprotocol = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
        format = query_of(scope).get("format")
        try:
            if scope["path"] != "/v1/stream":
                raise Refused(problem(404, "no_path", "no socket is here. Mend: use /v1/stream"))
            key = self._door.admit(headers_of(scope), scope["client"][0], time.monotonic())
            format_of({}, format)
        except Refused as refused:
            return await reject(send, refused.reply)
        except BodyError as error:
            return await reject(send, problem(415, "unknown_format", str(error)))
        if self._sockets.sockets(+1) > self._most:
            self._sockets.sockets(-1)
            return await reject(send, later(503, "sockets", "too many sockets are open. Mend: try again later", 5))
        try:
            await send({"type": "websocket.accept", "subprotocol": subprotocol})
            limit = self._door.pace(key, scope["client"][0])
            frames = Frames(format, self._largest_batch)
            await Connection(self._batcher, self._log, limit, receive, send, frames).run()
        finally:
            self._sockets.sockets(-1)


class Pace(Protocol):
    """How long to wait before the next frame."""

    def __call__(self) -> float:
        """Seconds."""


class Frames(NamedTuple):
    """What a frame may hold: its format, None for Handrail JSON, and how many events at most."""

    format: str | None
    most: int

    def read(self, frame: bytes) -> list[Item]:
        """The events of a frame, and a dead letter for each that cannot be read. Raises `TooMany`."""
        try:
            return read_body(frame, format=self.format, source=SOURCE, most=self.most)
        except TooMany:
            raise
        except BodyError as error:
            return [letter_of("malformed", str(error), frame, {}, self.format, SOURCE)]


class Connection:
    """One socket: a task that reads and one that writes, with a bounded queue between them."""

    def __init__(self, batcher: Batcher, log: Log, pace: Pace, receive: Receive, send: Send, frames: Frames) -> None:
        self._batcher, self._log, self._pace, self._frames = batcher, log, pace, frames
        self._receive, self._send = receive, send
        self._work = asyncio.Queue[Work](IN_WORK)

    async def run(self) -> None:
        """Returns when the client has gone, or was let go as too slow."""
        tasks = {asyncio.create_task(self._read()), asyncio.create_task(self._write())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            error = task.exception()
            if isinstance(error, TimeoutError):
                log.info("slow client let go")
                await self._let_go()
            elif error is not None and not isinstance(error, OSError):
                log.error("socket failed", detail=repr(error))

    async def _let_go(self) -> None:
        """Say why, if the client takes at least that; the server closes the socket, TCP ends it where that is stuck."""
        with contextlib.suppress(TimeoutError, OSError):
            await asyncio.wait_for(self._send({"type": "websocket.close", "code": TRY_LATER}), LAST_WORD_SECONDS)

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            frame = (message.get("text") or "").encode() or message.get("bytes") or b""
            while seconds := self._pace():
                await asyncio.sleep(seconds)
            await self._frame(frame)

    async def _frame(self, frame: bytes) -> None:
        asked = control_in(frame)
        if asked is not None:
            return await self._resume(asked)
        while self._batcher.full:  # a frame that waits is kept as it came: its events take many times the room
            await asyncio.sleep(PAUSE_SECONDS)
        try:
            items = self._frames.read(frame)
        except TooMany as error:
            refusal = Refusal("too_many", str(error))
            return await self._work.put(Work(ready=[encoder.encode(Told(None, None, "refused", None, refusal))]))
        while True:
            try:
                return await self._work.put(Work(items, self._batcher.submit(items)))
            except Busy:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _resume(self, asked: Resume | Refusal) -> None:
        """Send again what came behind the last answers seen, from the log: it survives the service and its worker."""
        count, refusal = 0, asked if isinstance(asked, Refusal) else self._against(asked)
        if isinstance(asked, Resume) and refusal is None:
            try:
                for user, seen in asked.seen.items():
                    frames = missed(user, seen, await self._lines(asked.journey, user))
                    count += len(frames)
                    await self._work.put(Work(ready=frames))
            except StoreError as error:
                log.warning("store down", detail=str(error))
                refusal = Refusal("store_down", "not all was sent. Mend: send the frame again with what was seen")
        told = {"resumed": count} if refusal is None else {"resumed": count, "refusal": refusal}
        await self._work.put(Work(ready=[encoder.encode(told)]))

    def _against(self, resume: Resume) -> Refusal | None:
        """What is wrong with a frame that is well formed."""
        if len(resume.seen) > MOST_RESUMED:
            return Refusal("malformed", f"at most {MOST_RESUMED} users a frame. Mend: send several frames")
        if not self._log.serves(resume.journey):
            return Refusal("no_journey", f"journey {resume.journey!r} is not served. Mend: see /v1/journeys")
        return None

    async def _lines(self, journey: str, user: str) -> list[LogLine]:
        while True:
            try:
                return await self._log.log(journey, user)
            except Busy:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _write(self) -> None:
        while True:
            items, answers, ready = await self._work.get()
            frames = ready if answers is None else await frames_of(items, answers)
            for frame in frames:
                await asyncio.wait_for(self._send({"type": "websocket.send", "text": frame.decode()}), SLOW_SECONDS)


async def frames_of(items: Sequence[Item], answers: asyncio.Future[list[Answer]]) -> list[bytes]:
    """The frames that answer the events of one frame: one each."""
    try:
        return [encoder.encode(told(*pair)) for pair in zip(items, await answers, strict=True)]
    except StoreError as error:
        log.warning("store down", detail=str(error))
        why = Refusal("store_down", "nothing was changed. Mend: send the event again")
    except Exception as error:
        log.error("fault", detail=repr(error))
        why = Refusal("fault", "a fault of the service; nothing was changed. Mend: report it with the service's log")
    return [encoder.encode(msgspec.structs.replace(told(item, Answer("refused")), refusal=why)) for item in items]


def control_in(frame: bytes) -> Resume | Refusal | None:
    """What a frame that is no event asks for, or what is wrong with it; None for all others."""
    if b'"resume"' not in frame:
        return None
    try:
        fields = fields_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if "resume" not in fields or fields.keys() & NAMES:
        return None  # an event whose fields hold the word
    try:
        return control_decoder.decode(frame).resume
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal("malformed", f"{error}. Mend: send {SHAPE}")


def missed(user: str, seen: str | None, lines: Sequence[LogLine]) -> list[bytes]:
    """The answers to a user's events behind the one that was `seen`; all of them where it is not in the log."""
    frames: list[bytes] = []
    for line in lines:
        name = msgspec.json.decode(fields_decoder.decode(line.event)["id"], type=str)
        if name == seen:
            frames.clear()
            continue
        record = None if line.decision is None else msgspec.Raw(line.decision)
        frames.append(encoder.encode(Told(name, user, "duplicate", record, None)))
    return frames


def headers_of(scope: Scope) -> Headers:
    """The headers; a key that a browser offered as a subprotocol is put where keys are looked for."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    for offered in scope["subprotocols"]:
        if offered.startswith(KEY_PROTOCOL):
            headers.setdefault(b"x-api-key", offered.removeprefix(KEY_PROTOCOL).encode())
    return headers


async def reject(send: Send, reply: Reply) -> None:
    """Answer the handshake with an HTTP error."""
    headers = [(b"content-type", reply.kind), *reply.more]
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reply.body})
