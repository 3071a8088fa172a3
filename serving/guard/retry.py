"""Trying again: how long to wait between two tries, and how many tries a struggling dependency is given at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random
from threading import Lock
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Backoff(NamedTuple):
    """Waiting grows from `first` to `most` seconds, doubling; full jitter: anything from 0 to that is as likely.

    Full jitter spreads those who failed together over the whole time (Brooker, "Exponential Backoff And Jitter",
    AWS Architecture Blog, 2015).
    """

    first: float = 0.05
    most: float = 5.0


BRIEF = Backoff()


def waits(backoff: Backoff, luck: Random) -> Iterator[float]:
    """Seconds to wait before each next try, without end."""
    bound = backoff.first
    while True:
        yield luck.uniform(0.0, bound)
        bound = min(backoff.most, bound * 2)


class Budget:
    """Lets retries be at most `share` of all calls, with up to `most` saved: retries do not multiply an overload."""

    def __init__(self, share: float = 0.1, most: float = 10.0) -> None:
        self._share, self._most, self._saved = share, most, most
        self._lock = Lock()

    def earn(self) -> None:
        """A first try was made."""
        with self._lock:
            self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Whether another try may be made now."""
        with self._lock:
            if self._saved < 1.0:
                return False
            self._saved -= 1.0
            return True


class Retry:
    """Calls something up to `tries` times within `deadline` seconds, while what it raises is `worth` another try."""

    def __init__(
        self, worth: type[Exception], tries: int = 3, deadline: float = 2.0, backoff: Backoff = BRIEF,
        budget: Budget | None = None, luck: Random | None = None, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._worth, self._tries, self._deadline, self._backoff = worth, tries, deadline, backoff
        self._budget, self._luck = budget or Budget(), luck or Random()
        self._clock, self._sleep = clock, sleep

    def __call__(self, call: Callable[[], T]) -> T:
        """What `call` returns; raises what the last try raised."""
        until, wait = self._clock() + self._deadline, waits(self._backoff, self._luck)
        self._budget.earn()
        for _ in range(self._tries - 1):
            try:
                return call()
            except self._worth:
                pause = next(wait)
                if self._clock() + pause >= until or not self._budget.spend():
                    raise
                self._sleep(pause)
        return call()
