"""The stores under test, each new and empty; and all that a store tells, to compare what is in two of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import BEGINNING, Logged, LogLine, Store, Stored

KINDS = ("memory", "sqlite")
JOURNEYS = ("j", "other")
NOTES = ("position/p", "a", "b", "mode")
ALL = 1_000_000  # more than any test writes


@contextmanager
def new_store(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store, closed in the end."""
    store: Store = MemoryStore() if kind == "memory" else SqliteStore(folder / "state.sqlite")
    try:
        yield store
    finally:
        store.close()


def everything(store: Store) -> tuple[dict[tuple[str, str], Stored], list[Logged], dict[str, bytes], list[bytes]]:
    """States, the whole log (without cursors, which are the store's own), notes and dead letters."""
    states = {
        (journey, user): stored
        for journey in JOURNEYS
        for user, stored in store.load(journey, store.users(journey, "", ALL)).items()
    }
    log = store.read_log(BEGINNING, ALL)
    for journey, user in states:
        mine = [LogLine(e.journey_hash, e.event, e.decision) for e in log if (e.journey, e.user) == (journey, user)]
        assert store.log(journey, user) == mine, "a user's log and the whole log are of two minds"
    notes = {name: value for name in NOTES if (value := store.recall(name)) is not None}
    return states, [e._replace(cursor="") for e in log], notes, [one.letter for one in store.letters("", ALL)]
