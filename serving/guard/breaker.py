"""A circuit breaker: a dependency that keeps failing is left alone for a while, and who needs it is told at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Literal

BreakerState = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after `failures` in a row; after `seconds` one call may try (half-open): its outcome closes or opens it.

    `clock` gives seconds that never run back.
    """

    def __init__(self, failures: int = 5, seconds: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures, self._seconds, self._clock = failures, seconds, clock
        self._in_a_row, self._opened, self._trying_since = 0, 0.0, 0.0
        self._state: BreakerState = "closed"
        self._lock = Lock()

    @property
    def state(self) -> BreakerState:
        """`closed` (all is well), `open` or `half-open`."""
        return self._state

    def wait(self) -> float:
        """0 where a call may be made now, else the seconds until it is worth asking again.

        Whoever is told 0 has to say `succeeded` or `failed` afterwards. Who tried a half-open breaker and never said
        counts as failed after `seconds`.
        """
        state = self._state
        if state == "closed":
            return 0.0
        with self._lock:
            now = self._clock()
            left = (self._opened if state == "open" else self._trying_since) + self._seconds - now
            if left > 0:
                return left
            self._state, self._trying_since = "half-open", now
            return 0.0

    def succeeded(self) -> None:
        """A call worked."""
        if self._in_a_row or self._state != "closed":
            with self._lock:
                self._in_a_row, self._state = 0, "closed"

    def failed(self) -> None:
        """A call failed in a way that says the dependency is in trouble."""
        with self._lock:
            self._in_a_row += 1
            if self._state == "half-open" or self._in_a_row >= self._failures:
                self._state, self._opened = "open", self._clock()
