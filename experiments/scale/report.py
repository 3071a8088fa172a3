"""How a piece of work on many items goes, and what it costs."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes; the unit of `ru_maxrss` differs


class Use(NamedTuple):
    """What one item took: CPU seconds, the peak memory of its process until then in bytes, and where it ran."""

    cpu_seconds: float
    peak_bytes: int
    process: str


class Report(NamedTuple):
    """Where the work stands: items `done` of `total`, `running` now, and how often one was `lost` with its worker.

    `cpu_seconds` are summed over the finished items, `peak_bytes` is the largest of any process. `workers` is how
    many items may run side by side. `finished` and `use` are the item that this report is about, if one finished.
    """

    done: int
    total: int
    running: int
    lost: int
    workers: int
    cpu_seconds: float
    peak_bytes: int
    finished: int | None = None
    use: Use | None = None

    def after(self, finished: int, use: Use, running: int) -> Report:
        """The report once item `finished` is through."""
        return self._replace(
            done=self.done + 1,
            running=running,
            cpu_seconds=self.cpu_seconds + use.cpu_seconds,
            peak_bytes=max(self.peak_bytes, use.peak_bytes),
            finished=finished,
            use=use,
        )

    def after_loss(self) -> Report:
        """The report once a worker has died with its item, which is started again."""
        return self._replace(lost=self.lost + 1, finished=None, use=None)


def nothing_done(total: int, workers: int) -> Report:
    """The report before the first item."""
    return Report(0, total, 0, 0, workers, 0.0, 0)


def measured(task: Callable[[T], R], item: T) -> tuple[R, Use]:
    """`task(item)`, and what it took."""
    began = time.process_time()
    result = task(item)
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return result, Use(seconds, peak, f"{socket.gethostname()}:{os.getpid()}")
