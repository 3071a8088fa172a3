"""Decisions leave the log: in its order, each at least once, whatever dies on the way.

The place in the log is kept in the store once a batch was delivered. One worker at a time delivers for an outlet, by a
lease; one that was thought dead cannot move the place any more. A receiver drops repetitions by the decision's id.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from random import Random
from threading import Event as Signal
from threading import Thread
from typing import Protocol

import msgspec

from serving.answer import DeadLetter, shown
from serving.guard.retry import Backoff, waits
from serving.outlets.sink import Decided, Refusal, Sink, SinkDown
from serving.stores.store import BEGINNING, Commit, Delivery, Fence, Logged, Store, StoreError

LEASE_SECONDS = 30.0  # longer than one attempt to deliver may take
BATCH = 200  # entries of the log that are read at once
LOOK = 0.1  # seconds between two looks at a log that does not grow
PATIENCE = Backoff(0.1, 60.0)  # between two attempts to deliver


class OutletWatch(Protocol):
    """What wants to know how an outlet fares; called from the outlet's thread, and returns at once."""

    def delivered(self, outlet: str, decisions: int) -> None:
        """So many decisions were taken over by the receiver."""

    def refused(self, outlet: str, refusal: Refusal) -> None:
        """A decision became a dead letter."""

    def trouble(self, outlet: str, error: Exception) -> None:
        """Something failed, and will be tried again."""


class Unwatched:
    """Nobody wants to know."""

    def delivered(self, outlet: str, decisions: int) -> None:
        """Nothing."""

    def refused(self, outlet: str, refusal: Refusal) -> None:
        """Nothing."""

    def trouble(self, outlet: str, error: Exception) -> None:
        """Nothing."""


class Outlet:
    """Delivers all decisions of `store` to `sink`, from the beginning of the log, or from where it was left.

    `name` names the place and the lease. Runs in a thread of its own from `start` on.
    """

    def __init__(
        self, name: str, store: Store, sink: Sink, watch: OutletWatch | None = None,
        lease_seconds: float = LEASE_SECONDS, patience: Backoff = PATIENCE, owner: str | None = None,
    ) -> None:  # fmt: skip
        self.name, self._store, self._sink = name, store, sink
        self._watch, self._seconds, self._patience = watch or Unwatched(), lease_seconds, patience
        self._owner = owner or uuid.uuid4().hex
        self._lease = self._note = f"outlet/{name}"
        self._stop = Signal()
        self._thread = Thread(target=self._run, name=f"outlet-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def drain(self) -> None:
        """Finish the attempt in hand; another worker goes on at once."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._sink.close()

    def _run(self) -> None:
        pauses = waits(self._patience, Random())
        while not self._stop.is_set():
            fence: Fence | None = None
            try:
                fence = self._store.claim(self._lease, self._owner, self._seconds)
                if fence is not None:
                    self._serve(fence)
                self._stop.wait(self._seconds / 4)  # somebody else delivers
            except Exception as error:  # whatever it is, decisions must not stop leaving unseen
                self._watch.trouble(self.name, error)
                self._stop.wait(next(pauses))
        if fence is not None:
            with suppress(StoreError):  # then the lease ends by itself
                self._store.release(fence)

    def _serve(self, fence: Fence) -> None:
        """Deliver on and on, while the lease is ours."""
        cursor = (self._store.recall(self._note) or BEGINNING.encode()).decode()
        while not self._stop.is_set():
            if self._store.claim(self._lease, self._owner, self._seconds) != fence:
                return
            entries = self._store.read_log(cursor, BATCH)
            if not entries:
                self._stop.wait(LOOK)
                continue
            refusals = self._deliver([decided(entry) for entry in entries if entry.decision is not None], fence)
            if refusals is None:
                return
            cursor = entries[-1].cursor
            self._keep(cursor, refusals, entries[-1], fence)

    def _deliver(self, decisions: list[Decided], fence: Fence) -> list[Refusal] | None:
        """What was refused; None where we were stopped, or the lease was lost, before all was delivered."""
        pauses = waits(self._patience, Random())
        while decisions:
            try:
                refusals = self._sink.deliver(decisions)
            except SinkDown as error:
                self._watch.trouble(self.name, error)
                if not self._rest(max(next(pauses), error.seconds or 0.0), fence):
                    return None
                continue
            self._watch.delivered(self.name, len(decisions) - len(refusals))
            return refusals
        return []

    def _rest(self, seconds: float, fence: Fence) -> bool:
        """Wait, keeping the lease; whether to go on."""
        while seconds > 0:
            part = min(seconds, self._seconds / 4)
            if self._stop.wait(part) or self._store.claim(self._lease, self._owner, self._seconds) != fence:
                return False
            seconds -= part
        return not self._stop.is_set()

    def _keep(self, cursor: str, refusals: list[Refusal], last: Logged, fence: Fence) -> None:
        """Keep the place; dead letters of what was refused are committed with it."""
        notes = {self._note: cursor.encode()}
        if not refusals:
            return self._store.keep(notes, [fence])
        for refusal in refusals:
            self._watch.refused(self.name, refusal)
        letters = [msgspec.json.encode(letter_of(self.name, refusal)) for refusal in refusals]
        return self._store.commit(Commit(last.journey, last.journey_hash, [], [], Delivery((fence,), notes, letters)))


class Named(msgspec.Struct):
    """The part of a decision record that a delivery needs."""

    id: str


named = msgspec.json.Decoder(Named)


def decided(entry: Logged) -> Decided:
    """The decision of an entry that has one."""
    record = entry.decision or b""
    return Decided(named.decode(record).id, entry.user, entry.journey, record)


def letter_of(outlet: str, refusal: Refusal) -> DeadLetter:
    """The dead letter of a decision that a receiver refused."""
    mend = "Mend: see why the receiver refuses it; the decision itself stands in the log"
    detail = f"outlet {outlet!r}: {refusal.detail}. {mend}"
    decision = refusal.decision
    return DeadLetter("undelivered", detail, event=decision.id, user=decision.user, raw=shown(decision.record))
