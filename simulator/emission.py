"""Events on their way out: made in any order, handed on in order of time once nothing earlier can come."""

from __future__ import annotations

import numpy as np

from journeys.events import EVENT, KINDS
from simulator.sinks import Sink

BLOCK = 262_144  # events: some 20 MB, of which only what is written takes memory


class Emission:
    """Collects EVENT records and passes them to `sink`, sorted by time, then by user; each user's keep their order.

    Events from `end` on are not part of the world and are let go. `counts` `(kinds,)` says how many of each kind were
    passed on.
    """

    def __init__(self, sink: Sink, end: int) -> None:
        self.sink, self.end = sink, end
        self.counts = np.zeros(len(KINDS), np.int64)
        self._kept: list[np.ndarray] = []
        self._block = np.zeros(BLOCK, EVENT).view(np.recarray)
        self._used = 0

    def room(self, n: int) -> np.ndarray:
        """Room for at least `n` events, `(m,)` EVENT; `took` says how many of them were written."""
        if len(self._block) - self._used < n:
            self._seal(max(BLOCK, n))
        return self._block[self._used :]

    def took(self, n: int) -> None:
        """The first `n` events of the room are written."""
        self._used += n

    def _seal(self, size: int) -> None:
        self._kept.append(self._block[: self._used])
        self._block = np.zeros(size, EVENT).view(np.recarray)
        self._used = 0

    def release(self, before: int) -> None:
        """Pass on all events before the time `before`: no earlier ones may come after this."""
        self._seal(BLOCK)
        events = np.concatenate(self._kept)
        now = events["time"] < before
        self._kept = [events[~now & (events["time"] < self.end)]]
        ready = events[now & (events["time"] < self.end)]
        if len(ready):
            ready = ready[np.lexsort((ready["user"], ready["time"]))]
            self.counts += np.bincount(ready["kind"], minlength=len(KINDS))
            self.sink.write(ready)
