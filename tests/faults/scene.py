"""A stream, a store and whoever works on them: what every test of a fault is played on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from journeys.events import Event, encoder
from policies.bundle import Bundle
from serving.stores.opening import open_store
from serving.stores.store import Store, StoreDown, StoreError
from serving.streams.opening import open_publisher
from serving.streams.settings import StreamSettings
from serving.streams.stream import Outgoing, StreamDown
from tests.faults.crew import Crew, Worker, until
from tests.faults.verify import Seen, seen_in, verify
from tests.faults.worker import Order


def worked(job: Callable[[], None], trouble: type[Exception]) -> bool:
    """Whether `job` went without `trouble`."""
    try:
        job()
    except trouble:
        return False
    return True


class Scene:
    """Sends events, hires workers, waits until all is done and verifies it."""

    def __init__(self, crew: Crew, store: str, stream: StreamSettings, bundle: Bundle, folder: Path) -> None:
        self.crew, self.store_url, self.stream, self.bundle, self.folder = crew, store, stream, bundle, folder
        self.log = folder / "workers.log"
        self.sent: list[Event] = []
        self.letters = 0  # messages sent that are no events
        self._publisher = open_publisher(stream)

    def hire(self, **settings: Any) -> Worker:
        order = Order(self.store_url, self.stream, str(self.log))
        return self.crew.hire(msgspec.structs.replace(order, **settings))

    def send(self, events: Sequence[Event]) -> None:
        self.sent += events
        self.send_raw([(event.user, event.id, encoder.encode(event)) for event in events])

    def send_raw(self, messages: Sequence[tuple[str, str, bytes]]) -> None:
        """Send, and send again where the broker did not say that it has them."""
        outgoing = [Outgoing(user, identifier, body) for user, identifier, body in messages]
        until(lambda: worked(lambda: self._publisher.send(outgoing), StreamDown), "the broker takes events", self.log)

    def store(self) -> Store:
        """The store, as soon as it answers."""
        stores: list[Store] = []
        until(lambda: worked(lambda: stores.append(open_store(self.store_url)), StoreDown), "the store answers")
        return stores[0]

    def done(self, letters: int = 0) -> None:
        """Wait until every event that was sent is in the log, or `letters` of them are dead."""
        wanted = {(event.user, event.id) for event in self.sent}
        store = self.store()

        def all_there() -> bool:
            try:
                seen = seen_in(store)
            except StoreError:
                return False
            logged = {(entry.user, entry.id) for entry in seen.entries}
            return len(wanted - logged) <= letters and len(seen.letters) >= letters

        try:
            until(all_there, f"{len(wanted)} events are in the log", self.log)
        finally:
            store.close()

    def settled(self, store: Store, messages: Sequence[Event]) -> int:
        """Wait until each of `messages` is in the log or a dead letter; returns how many events are not in the log."""
        wanted = {(event.user, event.id) for event in messages}
        missing = wanted

        def all_known() -> bool:
            nonlocal missing
            seen = seen_in(store)
            missing = wanted - {(entry.user, entry.id) for entry in seen.entries}
            return not missing - {(letter.get("user"), letter.get("event")) for letter in seen.letters}

        until(all_known, f"{len(wanted)} events are in the log or dead", self.log)
        return len(missing)

    def verify(self, refused: int | None = 0) -> Seen:
        store = self.store()
        try:
            return verify(store, self.bundle, self.sent, refused)
        finally:
            store.close()

    def close(self) -> None:
        self.crew.dismiss()
        self._publisher.close()
