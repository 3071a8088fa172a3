"""What the runtime asks of a store: states, the log of events with their decisions, and notes, committed atomically."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

RESTORE = "Mend: restore the store from a copy, or replay the log into a new one"  # where what it holds is damaged


class StoreError(Exception):
    """A store that cannot be used: what is wrong with it and how to mend it."""


class StaleState(StoreError):
    """Somebody else committed one of these users or events in the meantime; nothing was written. Load and try again."""


class Stored(NamedTuple):
    """A user's packed state, the hash of the journey it was folded under, and the number of commits behind it."""

    journey_hash: str
    version: int
    state: bytes


class Change(NamedTuple):
    """A user's new packed state; `version` is the one that was loaded, 0 for a user new to the store."""

    user: str
    version: int
    state: bytes


class Entry(NamedTuple):
    """One event of a user's log as JSON, and the decision (JSON) that answered it, if one was due."""

    user: str
    id: str
    event: bytes
    decision: bytes | None


class LogLine(NamedTuple):
    """An event of the log and the hash of the journey under which it came."""

    journey_hash: str
    event: bytes


class Known(NamedTuple):
    """An event of the log as JSON, and the decision (JSON) that answered it, if one was due."""

    event: bytes
    decision: bytes | None


class Commit(NamedTuple):
    """All that one batch of events changed, of users of one journey. `entries` of a user are in order."""

    journey: str
    journey_hash: str
    changes: list[Change]
    entries: list[Entry]


class Store(Protocol):
    """A store. Users and event ids are known per journey; an event id is unique within its user."""

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were applied."""

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` where a version moved or an event id is known."""

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""

    def close(self) -> None:
        """Let go of files and connections."""
