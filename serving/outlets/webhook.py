"""Decisions to a URL: signed POSTs, in order, one at a time."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from serving.hosts import fault_of_hosts
from serving.outlets.signature import HEADER, sign
from serving.outlets.sink import Decided, Refusal, SinkDown

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
        self._refused: dict[str, int] = {}  # how often each body in hand was refused, by its id
        self._hand: Sequence[Decided] = ()  # the decisions of the last attempt
        self._done = 0  # of them, how many arrived or were refused for good
        self._refusals: list[Refusal] = []
        self._alone = 0  # decisions that are delivered one by one, as their array was refused

    def deliver(self, decisions: Sequence[Decided]) -> list[Refusal]:
        """Post what is left of `decisions`; a later call with the same list goes on where this one was stopped."""
        if decisions is not self._hand:
            self._hand, self._done, self._alone = decisions, 0, 0
            self._refusals, self._refused = [], {}
        while self._done < len(decisions):
            size = 1 if self._alone else self._batch
            part = decisions[self._done : self._done + size]
            if self._post(part):
                self._done += len(part)
                self._alone = max(0, self._alone - len(part))
        return self._refusals

    def _post(self, part: Sequence[Decided]) -> bool:
        """Whether `part` is done with. Raises `SinkDown` where it is to be tried again later."""
        name = delivery_id(part)
        response = self._answer(self._body(part), name)
        if 200 <= response.status < 300:
            self._refused.pop(name, None)
            return True
        what = f"{self._parts.hostname} answered {response.status}: {response.text}"
        if not 400 <= response.status < 500 or response.status in LATER:
            raise SinkDown(what, response.retry_after)
        self._refused[name] = self._refused.get(name, 0) + 1
        if self._refused[name] < self._tries:
            raise SinkDown(what, response.retry_after)
        del self._refused[name]
        if len(part) > 1:
            self._alone = len(part)
            return False
        self._refusals.append(Refusal(part[0], what))
        return True

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
    """The same for the same decisions, whenever they are sent: the decision's id, or a digest of several."""
    if len(part) == 1:
        return part[0].id
    return sha256("\n".join(decision.id for decision in part).encode()).hexdigest()[:32]


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """Seconds to wait according to a Retry-After header, which has seconds or a date."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after) if retry_after.isdigit() else parsedate_to_datetime(retry_after).timestamp() - now
    except ValueError:
        return None
    return min(LONGEST_WAIT, max(0.0, seconds))
