"""One request as the doors see it: who asks, its headers, its query and its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from serving.http.replies import Headers, Receive, Refused, Reply, Scope, problem

BODY_PART = "http.request"
PLAIN_QUERY: Mapping[str, str] = {}


class Request(NamedTuple):
    """`key` is the name of the API key, "" where none is asked for. Header names are in lower case."""

    path: str
    headers: Headers
    query: Mapping[str, str]
    body: bytes
    key: str

    def texts(self) -> dict[str, str]:
        """The headers as text."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers.items()}


class Gone(Exception):
    """Whoever asked has hung up."""


def query_of(scope: Scope) -> Mapping[str, str]:
    """The query's parameters; of one that is given twice the last."""
    text = scope["query_string"]
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True)) if text else PLAIN_QUERY


async def body_of(receive: Receive, headers: Headers, largest: int) -> bytes:
    """The whole body. Raises `Refused` beyond `largest` bytes, and `Gone`."""
    told = headers.get(b"content-length", b"")
    if told.isdigit() and int(told) > largest:
        raise Refused(too_large(largest))
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > largest:
            raise Refused(too_large(largest))
    if message["type"] != BODY_PART:
        raise Gone
    if len(body) > largest:
        raise Refused(too_large(largest))
    return body


def too_large(largest: int) -> Reply:
    """The reply to a body beyond the limit."""
    return problem(413, "too_large", f"the body has more than {largest} bytes. Mend: send fewer events at a time")
