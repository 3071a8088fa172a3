"""A connection to PostgreSQL that never waits longer than it was told, whatever became of the server."""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import waiting

T = TypeVar("T")
READ, WRITE = select.POLLIN | select.POLLPRI, select.POLLOUT


class DeadlineConnection(psycopg.Connection[Any]):
    """`statement_timeout` is kept by the server: one that is stopped, or cut off, needs a clock on this side."""

    patience = 5.0  # seconds for an answer

    def wait(self, gen: Generator[Any, Any, T], interval: float = 0.0, timeout: float | None = None) -> T:
        """Run `gen` to its end. Raises `psycopg.OperationalError` after `patience`, and gives up the connection."""
        until = time.monotonic() + (self.patience if timeout is None else min(timeout, self.patience))
        try:
            wanted, socket = next(gen), self.pgconn.socket
            while True:
                ready = poll(socket, wanted, until)
                if not ready:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer within {self.patience:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


def poll(socket: int, wanted: Any, until: float) -> Any:
    """What a socket is ready for of what is `wanted`; nothing where the time is over."""
    poller = select.poll()
    poller.register(socket, (READ if wanted & waiting.WAIT_R else 0) | (WRITE if wanted & waiting.WAIT_W else 0))
    left = max(0.0, until - time.monotonic())
    seen = sum(event for _, event in poller.poll(1e3 * left))
    if not seen:
        return waiting.READY_NONE
    ready = (waiting.READY_R if seen & ~WRITE else 0) | (waiting.READY_W if seen & WRITE else 0)
    return waiting.Ready(ready)
