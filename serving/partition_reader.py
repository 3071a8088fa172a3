"""One worker's loop over one partition that it owns: read, decode, apply, commit, settle."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from threading import Event as Signal
from typing import NamedTuple, Protocol

from journeys.events import Event
from serving.answer import Answer, DeadLetter, shown
from serving.guard.retry import Backoff, waits
from serving.stores.store import Delivery, Fence, Fenced, Store, StoreError
from serving.streams.stream import Message, Partition, StreamError

Decode = Callable[[bytes, Mapping[str, str], str], Sequence[Event | DeadLetter]]  # body, headers, where it came from
LAG_EVERY = 5.0  # seconds between two questions to the broker how much waits
PATIENCE = Backoff(0.05, 5.0)  # between two tries to go on after trouble


class Taking(Protocol):
    """The part of an engine that a reader needs."""

    def take(self, incoming: Sequence[Event | DeadLetter], delivery: Delivery, *, received: int | None) -> list[Answer]:
        """Apply a batch and commit it with `delivery`; the broker took in the last of it at `received` (ms)."""


class Watch(Protocol):
    """What wants to know how a consumer fares; every method may be called from any thread, and returns at once."""

    def batch(self, partition: str, answers: Sequence[Answer], seconds: float, waited: Sequence[float]) -> None:
        """A batch was committed, `seconds` after its reading began; `waited` is from broker to commit, per message."""

    def lag(self, partition: str, messages: int) -> None:
        """So many messages wait."""

    def trouble(self, partition: str, error: Exception) -> None:
        """Something failed, and will be tried again; after `Fenced`, by the partition's new owner."""


class Unwatched:
    """Nobody wants to know."""

    def batch(self, partition: str, answers: Sequence[Answer], seconds: float, waited: Sequence[float]) -> None:
        """Nothing."""

    def lag(self, partition: str, messages: int) -> None:
        """Nothing."""

    def trouble(self, partition: str, error: Exception) -> None:
        """Nothing."""


class Pace(NamedTuple):
    """`batch`: messages a commit at most; `wait`: seconds that a read waits for the first of them."""

    batch: int = 200
    wait: float = 0.5


USUAL_PACE = Pace()


class PartitionReader:
    """Reads `partition` under `fence` until told to stop, or until somebody else owns it.

    Trouble never ends it: the partition is closed, and opened again at its committed position after a pause, so
    nothing is lost and nothing counts twice.
    """

    def __init__(
        self, partition: Partition, fence: Fence, engine: Taking, store: Store, decode: Decode,
        watch: Watch | None = None, pace: Pace = USUAL_PACE,
    ) -> None:  # fmt: skip
        self.partition, self.fence = partition, fence
        self._engine, self._store, self._decode = engine, store, decode
        self._watch, self._pace = watch or Unwatched(), pace
        self._stop = Signal()
        self._note = f"position/{partition.name}"
        self._looked = 0.0  # when the lag was asked for
        self.fenced = False  # whether it ended because somebody else owns the partition

    def stop(self) -> None:
        """Finish the batch in hand, and no other."""
        self._stop.set()

    def run(self) -> None:
        """Read on and on."""
        pauses = waits(PATIENCE, Random())
        while not self._stop.is_set() and not self.fenced:
            try:
                self.partition.open(self._store.recall(self._note))
                while not self._stop.is_set():
                    self._turn()
                    pauses = waits(PATIENCE, Random())
            except Fenced as error:
                self.fenced = True
                self._watch.trouble(self.partition.name, error)
            except Exception as error:  # whatever it is, it must not end the reading of this partition unseen
                self._watch.trouble(self.partition.name, error)
                self._close()
                self._stop.wait(next(pauses))
        self._close()

    def _close(self) -> None:
        with suppress(StreamError):
            self.partition.close()

    def _turn(self) -> None:
        begun = time.monotonic()
        messages = self.partition.read(self._pace.batch, self._pace.wait)
        if messages:
            self._apply(messages, begun)
        if begun - self._looked >= LAG_EVERY:
            self._looked = begun
            self._watch.lag(self.partition.name, self.partition.lag())

    def _apply(self, messages: list[Message], begun: float) -> None:
        try:
            answers = self._commit(messages, [one for message in messages for one in self._read(message)])
        except (StoreError, StreamError):
            raise
        except Exception as error:
            if len(messages) > 1:  # find the one that does it: the others go on
                for message in messages:
                    self._apply([message], begun)
                return
            answers = self._commit(messages, [failed_on(messages[0], error, self._source(messages[0]))])
        now = time.time() * 1000
        waited = [(now - message.time) / 1000 for message in messages if message.time is not None]
        self._watch.batch(self.partition.name, answers, time.monotonic() - begun, waited)

    def _read(self, message: Message) -> Sequence[Event | DeadLetter]:
        return self._decode(message.body, message.headers, self._source(message))

    def _source(self, message: Message) -> str:
        return f"{self.partition.name}/{message.id}"

    def _commit(self, messages: list[Message], incoming: list[Event | DeadLetter]) -> list[Answer]:
        """Apply what was read, and commit with it where to go on; acknowledge what the commit could not."""
        position, ack = self.partition.position(messages), self.partition.ack(messages)
        if ack is not None and not self._store.acknowledges(ack.server):
            ack = None
        notes = {} if position is None else {self._note: position}
        received = max((message.time for message in messages if message.time is not None), default=None)
        answers = self._engine.take(incoming, Delivery((self.fence,), notes, ack=ack), received=received)
        if ack is None:
            self.partition.settle(messages)
        return answers


def failed_on(message: Message, error: Exception, source: str) -> DeadLetter:
    """The dead letter of a message on which the runtime itself failed."""
    detail = f"the runtime failed on it: {error!r}. Mend: report this; replay the letter when it is mended"
    return DeadLetter("invalid", detail, raw=shown(message.body), headers=dict(message.headers), source=source)
