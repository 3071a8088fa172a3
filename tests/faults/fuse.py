"""Ways for a worker to stop at a named point: objects that pass every call on, and at the n-th of a point do not."""

from __future__ import annotations

import os
import time
from typing import Any

DELIVERY = 0.2  # seconds within which a signal has stopped all threads


class Fuse:
    """Sends this process `number` (SIGKILL, SIGSTOP) at the `nth` passage of `point`, such as `after commit`."""

    def __init__(self, point: str | None, nth: int, number: int) -> None:
        self.point, self.left, self.number = point, nth, number

    def passes(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.number)
                time.sleep(DELIVERY)  # another thread may be the one to take the signal: this one must not run on


class Fused:
    """`inner`, with the fuse before and after each call of the methods `watched`.

    A method in `counted` only counts where its argument or its result is not empty: `read` where something was read.
    """

    def __init__(self, inner: Any, fuse: Fuse, watched: set[str]) -> None:
        self._inner, self._fuse, self._watched = inner, fuse, watched

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._watched:
            return found

        def call(*args: Any, **named: Any) -> Any:
            self._fuse.passes(f"before {name}")
            result = found(*args, **named)
            if name != "read" or result:
                self._fuse.passes(f"after {name}")
            return result

        return call


class FusedStream(Fused):
    """A stream whose partitions have the fuse."""

    def partitions(self) -> list[Any]:
        return [Fused(one, self._fuse, {"open", "read", "settle"}) for one in self._inner.partitions()]
