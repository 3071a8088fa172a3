"""The short way of `POST /v1/decide` with one event in Handrail JSON: from uvicorn's parser to the batcher and back.

ASGI's task, messages and scope cost more than a decision does. This subclass of uvicorn's protocol passes them by for
that one request, and declines everything else (other paths and formats, faults, slow readers, wrong keys), which then
goes the ordinary way as if nothing had been. Replies are in the order of requests, also where they are pipelined.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from journeys.events import LARGEST_EVENT, EventError, parse_event
from serving.answer import Answer
from serving.formats.reading import Item
from serving.http.app import Door, Watch, fault_reply
from serving.http.batcher import Busy, Done
from serving.http.events import reply_of
from serving.http.replies import JSON, Refused, Reply

PATH = "/v1/decide"
URL, METHOD, CONTENT_TYPE = PATH.encode(), b"POST", b"content-type"
STATUS = {int(status): f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() for status in HTTPStatus}

Answered = Callable[[Reply], None]


class Queue(Protocol):
    """Where events wait for the engine."""

    def call(self, items: tuple[Item], done: Done) -> None:
        """Have `done` called with the answers. Raises `Busy`."""


class Decisions:
    """Takes events by the short way."""

    def __init__(self, queue: Queue, door: Door, watch: Watch) -> None:
        self._queue, self._door, self._watch = queue, door, watch

    def take(self, body: bytes, headers: list[tuple[bytes, bytes]], client: str, done: Answered) -> bool:
        """Have `done` called with the reply; False where this is for the ordinary way."""
        began = time.perf_counter()
        try:
            event = parse_event(body)
            key = self._door.admit(dict(headers), client, time.monotonic())
            self._queue.call((event,), lambda result: self._answered(result, began, key, done))
        except (EventError, Refused, Busy):
            return False
        return True

    def _answered(self, result: list[Answer] | Exception, began: float, key: str, done: Answered) -> None:
        reply = fault_reply(result, PATH, key) if isinstance(result, Exception) else reply_of(result[0])
        self._watch.request(PATH, reply.status, time.perf_counter() - began)
        done(reply)


class Cycle:
    """What uvicorn's protocol wants to know of a request in work."""

    __slots__ = ("body", "disconnected", "keep_alive", "message_event", "more_body", "response_complete")

    def __init__(self, keep_alive: bool) -> None:
        self.keep_alive, self.body, self.more_body = keep_alive, bytearray(), True
        self.response_complete = self.disconnected = False
        self.message_event = self

    def set(self) -> None:
        """Nobody waits for its parts."""


class DecideProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the short way. `decisions` is None until the service has started."""

    def __init__(self, decisions: Callable[[], Decisions | None], **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._decisions = decisions
        self._short: Cycle | None = None  # the request that is being received by the short way
        self._head: tuple[object, bytes] = (None, b"")

    def on_message_begin(self) -> None:
        """Begin without a scope: only the ordinary way needs one."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Choose the way."""
        if self.url == URL and (self.cycle is None or self.cycle.response_complete) and self._is_short():
            self._short = self.cycle = Cycle(self.parser.should_keep_alive())  # type: ignore[assignment]
        else:
            self._ordinary()

    def _ordinary(self) -> None:
        """Catch up with what uvicorn does at the beginning of a message, and let it go on."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the scope holds this very list
        super().on_headers_complete()

    def _is_short(self) -> bool:
        parser = self.parser
        if parser.get_method() != METHOD or self.expect_100_continue or self.flow.write_paused:
            return False
        for name, value in self.headers:
            if name == CONTENT_TYPE and value != JSON:
                return False
        return parser.get_http_version() == "1.1" and not parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        """Collect; what is longer than an event goes the ordinary way."""
        super().on_body(body)
        if self._short is not None and len(self._short.body) > LARGEST_EVENT:
            self._decline(self._short)

    def on_message_complete(self) -> None:
        """Hand the event over."""
        short, self._short = self._short, None
        if short is None:
            return super().on_message_complete()
        decisions = self._decisions()
        client = self.client[0] if self.client else ""
        reply = lambda answer: self._reply(short, answer)  # noqa: E731
        if decisions is None or not decisions.take(bytes(short.body), self.headers, client, reply):
            self._decline(short)
            super().on_message_complete()
        return None

    def _decline(self, short: Cycle) -> None:
        """Go the ordinary way with what has come so far."""
        self._short, short.response_complete = None, True
        self._ordinary()
        super().on_body(bytes(short.body))

    def _reply(self, cycle: Cycle, reply: Reply) -> None:
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        more = b"".join(b"%b: %b\r\n" % header for header in reply.more)
        size = b"content-length: %d\r\n" % len(reply.body)
        self.transport.write(b"".join((STATUS[reply.status], self._common(), size, more, end, reply.body)))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _common(self) -> bytes:
        """The headers of every reply; the date among them is a new list each second."""
        headers = self.server_state.default_headers
        if self._head[0] is not headers:
            lines = b"".join(b"%b: %b\r\n" % header for header in (*headers, (CONTENT_TYPE, JSON)))
            self._head = headers, lines
        return self._head[1]
