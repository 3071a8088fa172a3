"""What a request is answered with, and how it is written to the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Mapping[bytes, bytes]

JSON, TEXT, HTML = b"application/json", b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
BODY_START = "http.response.start"


class Reply(NamedTuple):
    """Status, body and its type; `more` are further headers."""

    status: int
    body: bytes = b""
    kind: bytes = JSON
    more: tuple[tuple[bytes, bytes], ...] = ()


class Refused(Exception):
    """A request that is not served: the reply says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


NULL = Reply(200, b"null")


def problem(status: int, error: str, detail: str, *more: tuple[bytes, bytes]) -> Reply:
    """A reply that says what was wrong (`error`, a word for programs) and how to mend it (`detail`)."""
    return Reply(status, msgspec.json.encode({"error": error, "detail": detail}), more=more)


def later(status: int, error: str, detail: str, seconds: int = 1) -> Reply:
    """A reply that asks to try again after some seconds."""
    return problem(status, error, detail, (b"retry-after", b"%d" % seconds))


async def write(send: Send, reply: Reply, bare: bool = False) -> None:
    """Send a reply; `bare` leaves the body out, as HEAD asks for."""
    headers = [(b"content-type", reply.kind), (b"content-length", b"%d" % len(reply.body)), *reply.more]
    await send({"type": BODY_START, "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bare else reply.body})
