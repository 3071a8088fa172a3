"""The engine: the runtimes of several journeys on one store, and hot swaps of their bundles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from journeys.events import Event
from policies.bundle import Bundle
from serving.answer import Answer, Arrival, DeadLetter, arrived, letter_of
from serving.guarded_policy import DEADLINE_SECONDS
from serving.refold import REORDER_MS
from serving.runtime import ACTIVE_USERS, REASONS, Runtime
from serving.stores.store import NOTHING, Commit, Delivery, Store

CLOCK_TOLERANCE_MS = 300_000  # five minutes: what Kerberos (RFC 4120) lets clocks differ by
MS = 1_000


class Serving(NamedTuple):
    """How decisions are made, the same for all journeys (see `Runtime`); `tolerance_ms` is how far ahead of this
    machine's clock an event may be, None for any time.
    """

    reasons: int = REASONS
    keep_observations: bool = False
    reorder_ms: int = REORDER_MS
    deadline: float = DEADLINE_SECONDS
    active_users: int = ACTIVE_USERS
    tolerance_ms: int | None = CLOCK_TOLERANCE_MS


USUAL = Serving()


class Engine:
    """Applies batches of events of any of its journeys; any thread may call it.

    Raises `StoreError` where the store cannot be used, or was begun in another mode than live.
    """

    def __init__(
        self,
        store: Store,
        bundles: Sequence[Bundle],
        serving: Serving = USUAL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store, self.serving, self._clock = store, serving, clock
        self._swapping = threading.Lock()
        self._runtimes = {bundle.journey.name: self._runtime(bundle) for bundle in bundles}

    def _runtime(self, bundle: Bundle) -> Runtime:
        serving = self.serving
        return Runtime(
            bundle,
            self.store,
            reasons=serving.reasons,
            keep_observations=serving.keep_observations,
            reorder_ms=serving.reorder_ms,
            deadline=serving.deadline,
            active_users=serving.active_users,
            keep_letters=True,
        )

    @property
    def journeys(self) -> Mapping[str, Runtime]:
        """The runtime of each journey, by name."""
        return self._runtimes

    def swap(self, bundle: Bundle) -> None:
        """Serve `bundle` from the next batch on, in place of the one of its journey. Raises `StoreError`."""
        made = self._runtime(bundle)  # warm before anybody waits for it
        with self._swapping:
            self._runtimes = {**self._runtimes, bundle.journey.name: made}

    def take(
        self,
        incoming: Sequence[Event | DeadLetter],
        delivery: Delivery = NOTHING,
        source: str | None = None,
        received: int | None = None,
    ) -> list[Answer]:
        """Apply a batch in order, one commit for each journey; `delivery` is committed with the last.

        `source` is the door that it came by, `received` when a broker took it in (ms), by a clock that may be better
        than this machine's: what had happened by then is not of a time to come.

        What was refused is committed to the store's dead letters, those that came in as such among them. Raises
        `StoreError` (`StoreDown`, `Fenced`, `StaleState`): then the last journey's part was not applied, and the same
        batch can be given again, as what was applied is known by its ids.
        """
        arrival = self._arrival(source, received)
        first = incoming[0] if incoming else None
        if isinstance(first, Event) and len(incoming) == 1:
            runtime = self._runtimes.get(first.journey)
            if runtime is not None:
                return runtime.process_many((first,), delivery, arrival)
        return self._take(incoming, delivery, arrival)

    def _arrival(self, source: str | None, received: int | None) -> Arrival:
        now, tolerance = max(int(self._clock() * MS), received or 0), self.serving.tolerance_ms
        return Arrival(source, now, None if tolerance is None else now + tolerance)

    def _take(self, incoming: Sequence[Event | DeadLetter], delivery: Delivery, arrival: Arrival) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(incoming)
        places: dict[str, list[int]] = {}
        letters: list[bytes] = []
        for place, one in enumerate(incoming):
            if isinstance(one, Event) and one.journey in self._runtimes:
                places.setdefault(one.journey, []).append(place)
                continue
            letter = self._stranger(one) if isinstance(one, Event) else one
            answers[place] = Answer("refused", letter=letter)
            letters.append(msgspec.json.encode(arrived(letter, arrival)))
        if letters:
            delivery = delivery._replace(letters=[*delivery.letters, *letters])
        before, last = Delivery(delivery.fences), len(places)
        runtimes = self._runtimes
        for number, (journey, mine) in enumerate(places.items(), 1):
            events = [one for one in (incoming[place] for place in mine) if isinstance(one, Event)]
            part = delivery if number == last else before
            made = runtimes[journey].process_many(events, part, arrival)
            for place, answer in zip(mine, made, strict=True):
                answers[place] = answer
        if not places and delivery != NOTHING:
            self.store.commit(Commit("", "", (), (), delivery))
        return [answer for answer in answers if answer is not None]

    def _stranger(self, event: Event) -> DeadLetter:
        served = ", ".join(repr(name) for name in self._runtimes) or "none"
        detail = f"event {event.id!r}: journey {event.journey!r} is not served here. Mend: send events of {served}"
        return letter_of("invalid", detail, event)
