"""A worker's part of a stream: it owns its fair share of the partitions by leases in the store, and reads them.

The broker gives nobody a partition: ownership stands in the store, where every commit checks it. A worker that was
thought dead can write nothing after its successor, wherever it was stopped.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from threading import Event as Signal
from threading import Thread
from typing import NamedTuple

from serving.partition_reader import USUAL_PACE, Decode, Pace, PartitionReader, Taking, Unwatched, Watch
from serving.shares import Presence
from serving.stores.store import Store, StoreError
from serving.streams.stream import Partition, Stream, StreamError

LEASE_SECONDS = 10.0  # that a dead worker's partitions wait for another; far beyond a pause of a living one
ROUNDS_PER_LEASE = 4  # a lease is renewed several times before it ends


class Reading(NamedTuple):
    """A reader and the thread that it runs in."""

    reader: PartitionReader
    thread: Thread


class Consumer:
    """Reads `stream` for `engine`, until drained. `store` is the engine's, or another of the same contents.

    `decode` gives the events of one message, from its body, its headers and where it came from. `watch` is told how it
    goes. `lease_seconds` is how long partitions of a worker that died wait. Rounds of claiming run in a thread of their
    own from `start` on.
    """

    def __init__(
        self, stream: Stream, store: Store, engine: Taking, decode: Decode, watch: Watch | None = None,
        pace: Pace = USUAL_PACE, lease_seconds: float = LEASE_SECONDS, owner: str | None = None,
    ) -> None:  # fmt: skip
        self.stream, self._store, self._engine, self._decode = stream, store, engine, decode
        self._watch, self._pace, self._seconds = watch or Unwatched(), pace, lease_seconds
        self.owner = owner or uuid.uuid4().hex
        self._presence = Presence(store, stream.name, self.owner, lease_seconds)
        self._partitions: dict[str, Partition] = {}
        self._readings: dict[str, Reading] = {}
        self._surplus = False  # whether the last round found more than our share
        self._draining = Signal()
        self._rounds = Thread(target=self._run, name=f"consumer-{stream.name}", daemon=True)

    @property
    def owned(self) -> list[str]:
        """Names of the partitions that are read here."""
        return sorted(self._readings)

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    def drain(self) -> None:
        """Finish the batches in hand, then let others have the partitions at once."""
        self._draining.set()
        if self._rounds.is_alive():
            self._rounds.join()
        self._give_up(list(self._readings))
        with suppress(StoreError):  # then the lease ends by itself
            self._presence.leave()

    def _run(self) -> None:
        while not self._draining.is_set():
            try:
                self._round()
            except Exception as error:  # whatever it is, the next round may fare better, and is not to be missed
                self._watch.trouble(self.stream.name, error)
            self._draining.wait(self._seconds / ROUNDS_PER_LEASE)

    def _round(self) -> None:
        """Renew what is ours, give up what is too much, claim what is free, up to our share."""
        self._look()
        self._renew()
        share = self._presence.share(len(self._partitions))
        over = len(self._readings) - share
        if over > 0 and self._surplus:  # twice in a row: a look that was mistaken moves nothing
            self._give_up(list(self._readings)[-over:])
        self._surplus = over > 0
        self._claim(share)

    def _look(self) -> None:
        """Learn of partitions that are new (files in a folder); what is known stays if the broker is away."""
        try:
            for partition in self.stream.partitions():
                self._partitions.setdefault(partition.name, partition)
        except StreamError as error:
            self._watch.trouble(self.stream.name, error)

    def _renew(self) -> None:
        for name, (reader, thread) in list(self._readings.items()):
            fence = None if reader.fenced else self._store.claim(name, self.owner, self._seconds)
            if fence != reader.fence or not thread.is_alive():
                self._end([name])

    def _claim(self, share: int) -> None:
        """Claim free partitions, beginning at our own place in the list so that workers seldom want the same one."""
        names = list(self._partitions)
        first = min(len(names), (self._presence.number or 0) * share)
        for name in names[first:] + names[:first]:
            if len(self._readings) >= share or self._draining.is_set():
                return
            if name not in self._readings:
                fence = self._store.claim(name, self.owner, self._seconds)
                if fence is not None:
                    reader = PartitionReader(
                        self._partitions[name], fence, self._engine, self._store, self._decode, self._watch, self._pace
                    )
                    thread = Thread(target=reader.run, name=f"reader-{name}", daemon=True)
                    self._readings[name] = Reading(reader, thread)
                    thread.start()

    def _end(self, names: list[str]) -> list[PartitionReader]:
        """Stop readers and wait until each has finished its batch."""
        ended = [self._readings.pop(name) for name in names]
        for reader, _ in ended:
            reader.stop()
        for _, thread in ended:
            thread.join()
        return [reader for reader, _ in ended]

    def _give_up(self, names: list[str]) -> None:
        """Stop reading these partitions, and let others have them."""
        for reader in self._end(names):
            with suppress(StoreError):  # then the lease ends by itself
                self._store.release(reader.fence)
