"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import msgspec

from serving.http.replies import TEXT, Reply
from serving.http.requests import Request
from serving.stores.store import StoreError

PING_SECONDS = 2.0  # in which the store has to answer
ASKED_AGAIN_SECONDS = 1.0  # an answer holds that long: probes of many do not load the store


class Readiness(msgspec.Struct, frozen=True):
    """Whether to send traffic here, and what speaks against it."""

    ready: bool
    against: list[str]


class State(Protocol):
    """What readiness depends on beside the store."""

    draining: bool

    def lag(self) -> float:
        """Messages that wait in the partitions of this worker."""

    async def ping(self) -> None:
        """Raises `StoreError` where the store does not answer."""


class Board(Protocol):
    """Shows metrics."""

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""


async def health(_request: Request) -> Reply:
    """200 as long as the process turns."""
    return Reply(200, b'{"alive":true}')


class Ready:
    """Answers whether to send traffic here."""

    def __init__(self, state: State, most_lag: int | None) -> None:
        self._state, self._most_lag = state, most_lag
        self._asked, self._store_fault = -ASKED_AGAIN_SECONDS, ""

    async def __call__(self, _request: Request) -> Reply:
        """200 where ready, else 503."""
        against = ["draining"] if self._state.draining else []
        fault = await self._fault()
        if fault:
            against.append(f"store: {fault}")
        lag = self._state.lag()
        if self._most_lag is not None and lag > self._most_lag:
            against.append(f"lag: {lag:.0f} messages, at most {self._most_lag}")
        return Reply(503 if against else 200, msgspec.json.encode(Readiness(not against, against)))

    async def _fault(self) -> str:
        if time.monotonic() - self._asked >= ASKED_AGAIN_SECONDS:
            self._asked = time.monotonic()
            try:
                await asyncio.wait_for(self._state.ping(), PING_SECONDS)
                self._store_fault = ""
            except TimeoutError:
                self._store_fault = f"no answer within {PING_SECONDS:g} s"
            except StoreError as error:
                self._store_fault = str(error)
        return self._store_fault


class Metrics:
    """Shows the metrics of all workers."""

    def __init__(self, board: Board, kind: bytes = TEXT) -> None:
        self._board, self._kind = board, kind

    async def __call__(self, _request: Request) -> Reply:
        """200 with Prometheus' text."""
        return Reply(200, self._board.text(), self._kind)
