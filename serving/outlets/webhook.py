"""Decisions to a URL: signed POSTs, in order, one at a time."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from serving.hosts import fault_of_hosts
from serving.outlets.signature import HEADER, sign
from serving.outlets.sink import KEY_BYTES, Decided, Progress, Refusal, SinkDown

TIMEOUT = 10.0  # seconds that a receiver has to answer
LONGEST_WAIT = 3_600.0  # seconds of a Retry-After that are honoured
LATER = {408, 425, 429}  # client errors that are no verdict on the body
ANSWER_READ = 2_048  # bytes of an answer that a dead letter may show
FIRST_REFUSALS = 3  # times that a body has to be refused before it counts


class Response(NamedTuple):
    """Status, Retry-After in seconds (None: not said), and the beginning of the body."""

    status: int
    retry_after: float | None
    text: str


class Refused(NamedTuple):
    """A body by its delivery id, and how many times running it was refused."""

    name: str
    times: int


class WebhookSink:
    """Posts decisions to `url`: each alone, or up to `batch` as a JSON array.

    `secrets` sign every delivery; two of them while one replaces the other. What the receiver refuses (4xx) `tries`
    times is refused for good; everything else that is not 2xx is tried again later. Redirects are not followed.
    Raises `ValueError` where `url` is none.
    """

    def __init__(
        self, url: str, secrets: Sequence[bytes], batch: int = 1, timeout: float = TIMEOUT,
        tries: int = FIRST_REFUSALS, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        parts = checked(url)
        if not secrets:
            raise ValueError(f"webhook {url!r} has no secret. Mend: name a file or variable that holds one")
        self._parts, self._secrets, self._batch, self._timeout = parts, tuple(secrets), batch, timeout
        self._tries, self._clock = tries, clock
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None
        self._refused = Refused("", 0)  # the body that was refused last, while it is tried again
        self._alone: frozenset[str] = frozenset()  # keys that are delivered one by one, as their array was refused

    def deliver(self, decisions: Sequence[Decided]) -> Progress:
        """Post the first of `decisions`, or the first `batch` of them."""
        part = decisions[: 1 if decisions[0].key in self._alone else self._batch]
        name = delivery_id(part)
        response = self._answer(self._body(part), name)
        if 200 <= response.status < 300:
            return Progress(len(part))
        what = f"{self._parts.hostname} answered {response.status}: {response.text}"
        if not 400 <= response.status < 500 or response.status in LATER:
            raise SinkDown(what, response.retry_after)
        self._refused = Refused(name, 1 + (self._refused.times if self._refused.name == name else 0))
        if self._refused.times < self._tries:
            raise SinkDown(what, response.retry_after)
        if len(part) > 1:
            self._alone = frozenset(decision.key for decision in part)
            return Progress(0)
        return Progress(1, [Refusal(part[0], what)])

    def _body(self, part: Sequence[Decided]) -> bytes:
        if self._batch == 1:
            return part[0].record
        return b"[" + b",".join(decision.record for decision in part) + b"]"

    def _answer(self, body: bytes, name: str) -> Response:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "handrail",
            "Idempotency-Key": name,
            HEADER: sign(body, self._secrets, int(self._clock())),
        }
        try:
            connection = self._connected()
            connection.request("POST", self._path, body, headers)
            with connection.getresponse() as answer:
                text = answer.read(ANSWER_READ).decode("utf-8", "replace")
                whole = answer.isclosed() or not answer.read(1)
                response = Response(answer.status, seconds_of(answer.getheader("Retry-After"), self._clock()), text)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise SinkDown(f"{self._parts.hostname} does not answer: {error!r}") from None
        if not whole:
            self.close()  # the rest of a long answer is not worth reading
        return response

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._parts.hostname or "", self._parts.port
            if self._parts.scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def checked(url: str) -> SplitResult:
    """The parts of a webhook's URL. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"webhook {url!r} is no http or https URL. Mend: write it as https://host/path")
    if fault := fault_of_hosts(url):
        raise ValueError(f"webhook {url!r}: {fault}")
    return parts


def delivery_id(part: Sequence[Decided]) -> str:
    """The same for the same decisions, whenever they are sent: the decision's key, or a digest of several keys."""
    if len(part) == 1:
        return part[0].key
    return blake2b("\n".join(decision.key for decision in part).encode(), digest_size=KEY_BYTES).hexdigest()


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """Seconds to wait according to a Retry-After header, which has seconds or a date."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after) if retry_after.isdigit() else parsedate_to_datetime(retry_after).timestamp() - now
    except ValueError:
        return None
    return min(LONGEST_WAIT, max(0.0, seconds))
