"""Decisions leave the log: in its order, each at least once, whatever dies on the way.

The place in the log is kept in the store while decisions are delivered, at least once a second. One worker at a time
delivers for an outlet, by a lease that is renewed with the place; one that was thought dead cannot move the place any
more. A receiver drops repetitions by the key of each delivery (`Decided.key`).
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from random import Random
from threading import Event as Signal
from threading import Thread
from typing import Protocol

import msgspec

from serving.answer import DeadLetter, shown
from serving.guard.retry import Backoff, waits
from serving.outlets.sink import Decided, Progress, Refusal, Sink, SinkDown
from serving.stores.store import BEGINNING, Commit, Delivery, Fence, Logged, Store, StoreError

LEASE_SECONDS = 30.0  # longer than one attempt to deliver may take
BATCH = 200  # entries of the log that are read at once
KEEP_SECONDS = 1.0  # of deliveries, at most, that are done again when a worker is killed
KEEPS_PER_LEASE = 8  # the place is kept, and the lease renewed, several times before it ends
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
        self._every = min(KEEP_SECONDS, lease_seconds / KEEPS_PER_LEASE)
        self._fares_well()
        self._lease = self._note = lease_of(name)
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
        fence: Fence | None = None
        while not self._stop.is_set():
            try:
                fence = self._store.claim(self._lease, self._owner, self._seconds)
                if fence is not None:
                    self._serve(fence)
                self._stop.wait(self._seconds / 4)  # somebody else delivers
            except Exception as error:  # whatever it is, decisions must not stop leaving unseen
                self._watch.trouble(self.name, error)
                self._stop.wait(next(self._pauses))
        if fence is not None:
            with suppress(StoreError):  # then the lease ends by itself
                self._store.release(fence)

    def _serve(self, fence: Fence) -> None:
        """Deliver on and on, while the lease is ours."""
        cursor = (self._store.recall(self._note) or BEGINNING.encode()).decode()
        while not self._stop.is_set():
            if not self._owns(fence):
                return
            entries = self._store.read_log(cursor, BATCH)
            if not entries:
                self._fares_well()
                self._stop.wait(LOOK)
            elif self._deliver(entries, fence):
                cursor = entries[-1].cursor
            else:
                return

    def _owns(self, fence: Fence) -> bool:
        """Renew the lease; whether it is still ours."""
        return self._store.claim(self._lease, self._owner, self._seconds) == fence

    def _fares_well(self) -> None:
        """Whatever fails next is tried again soon."""
        self._pauses = waits(self._patience, Random())

    def _deliver(self, entries: list[Logged], fence: Fence) -> bool:
        """Deliver what was decided on `entries`, and keep the place; False where we are stopped or the lease is lost.

        Place and lease are looked after between attempts, so that a slow receiver never makes a page outlive the lease.
        """
        page, pauses = Page(entries), waits(self._patience, Random())
        looked = time.monotonic()
        while page.waiting:
            try:
                self._count(page.deliver(self._sink))
                pauses = waits(self._patience, Random())
            except SinkDown as error:
                self._watch.trouble(self.name, error)
                self._keep(page, fence)
                if not self._rest(max(next(pauses), error.seconds or 0.0), fence):
                    return False
            if self._stop.is_set() or time.monotonic() - looked >= self._every:
                self._keep(page, fence)
                if self._stop.is_set() or not self._owns(fence):
                    return False
                looked = time.monotonic()
        self._keep(page, fence)
        return True

    def _count(self, progress: Progress) -> None:
        self._watch.delivered(self.name, progress.done - len(progress.refused))
        for refusal in progress.refused:
            self._watch.refused(self.name, refusal)

    def _rest(self, seconds: float, fence: Fence) -> bool:
        """Wait, keeping the lease; whether to go on."""
        while seconds > 0:
            part = min(seconds, self._seconds / 4)
            if self._stop.wait(part) or not self._owns(fence):
                return False
            seconds -= part
        return not self._stop.is_set()

    def _keep(self, page: Page, fence: Fence) -> None:
        """Keep the place; dead letters of what was refused are committed with it. Raises `Fenced`."""
        last = page.last
        if last is None:
            return
        notes = {self._note: last.cursor.encode()}
        if page.refusals:
            letters = [msgspec.json.encode(letter_of(self.name, refusal)) for refusal in page.refusals]
            self._store.commit(Commit(last.journey, last.journey_hash, [], [], Delivery((fence,), notes, letters)))
        else:
            self._store.keep(notes, [fence])
        page.refusals.clear()
        self._fares_well()


class Page:
    """Entries of the log while their decisions are delivered: what waits, and what was refused and is not kept yet."""

    def __init__(self, entries: list[Logged]) -> None:
        self._entries = entries
        self._due = [entry for entry in entries if entry.decision is not None]
        self.waiting = [decided(entry) for entry in self._due]
        self.refusals: list[Refusal] = []

    @property
    def last(self) -> Logged | None:
        """The entry up to which everything is done; None where nothing is."""
        done = len(self._due) - len(self.waiting)
        if not self.waiting:
            return self._entries[-1]
        return self._due[done - 1] if done else None

    def deliver(self, sink: Sink) -> Progress:
        """One attempt. Raises `SinkDown`."""
        progress = sink.deliver(self.waiting)
        del self.waiting[: progress.done]
        self.refusals += progress.refused
        return progress


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
    mend = "Mend: see why the receiver refuses it, then `handrail letters deliver`; the decision itself is in the log"
    detail = f"outlet {outlet!r}: {refusal.detail}. {mend}"
    decision = refusal.decision
    raw = shown(decision.record)
    return DeadLetter("undelivered", detail, event=decision.id, user=decision.user, raw=raw, source=lease_of(outlet))


def lease_of(outlet: str) -> str:
    """The name of an outlet's lease and place, and the source of its dead letters."""
    return f"outlet/{outlet}"
