"""Where events go: EVENT records, in order of time, a batch at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from journeys.events import DECISION, EVENT


class Sink(Protocol):
    """Takes the events of a world. Batches come in order of time, and are in order within."""

    def write(self, records: np.ndarray) -> None:
        """Take `records` `(n,)` EVENT; they may be overwritten afterwards."""

    def close(self) -> None:
        """Finish: nothing more will come."""


class MemorySink:
    """Keeps everything."""

    def __init__(self) -> None:
        self.batches: list[np.ndarray] = []

    def write(self, records: np.ndarray) -> None:
        """Keep a copy."""
        self.batches.append(np.array(records))

    def close(self) -> None:
        """Nothing is to be done."""

    def records(self) -> np.ndarray:
        """All events so far, `(n,)` EVENT."""
        return np.concatenate([np.zeros(0, EVENT), *self.batches])


class WithoutDecisions:
    """Passes on what users did, and leaves out what they were offered."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def write(self, records: np.ndarray) -> None:
        """Pass on all but decisions."""
        self.sink.write(records[records["kind"] != DECISION])

    def close(self) -> None:
        """Close the sink behind."""
        self.sink.close()
