"""What the runtime asks of a store: states, the log of events with their decisions, all that is committed with them.

A store is also where workers agree who owns a partition (leases with epochs), where what was refused waits to be mended
(dead letters), and from where decisions leave (the log, read on from a cursor).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

RESTORE = "Mend: restore the store from a copy, or replay the log into a new one"  # where what it holds is damaged


class StoreError(Exception):
    """A store that cannot be used: what is wrong with it and how to mend it."""


class StoreDown(StoreError):
    """A store that cannot be reached, does not answer in time, or has no room: worth trying again later."""


class StaleState(StoreError):
    """Somebody else committed one of these users or events in the meantime; nothing was written. Load and try again."""


class Fenced(StoreError):
    """Somebody else owns the partition by now; nothing was written. Let go of it."""


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
    """An event of the log, the hash of the journey under which it came, and the decision that answered it, if any."""

    journey_hash: str
    event: bytes
    decision: bytes | None


class Known(NamedTuple):
    """An event of the log as JSON, and the decision (JSON) that answered it, if one was due."""

    event: bytes
    decision: bytes | None


class Fence(NamedTuple):
    """A commit holds only while `epoch` is that of the lease `name`: who lost it cannot write any more."""

    name: str
    epoch: int


class Ack(NamedTuple):
    """Messages of a broker that a store on the same server can acknowledge within the commit.

    `server` names the server, `stream` and `group` the consumer group, `ids` the messages.
    """

    server: str
    stream: str
    group: str
    ids: tuple[str, ...]


class Delivery(NamedTuple):
    """What is committed with a batch: ownership it depends on, notes to keep (positions of streams), dead letters.

    A store raises `StaleState` where a message of `ack` is not pending any more: another delivery was first.
    """

    fences: tuple[Fence, ...] = ()
    notes: Mapping[str, bytes] = {}
    letters: Sequence[bytes] = ()
    ack: Ack | None = None


NOTHING = Delivery()


class Commit(NamedTuple):
    """All that one batch of events changed, of users of one journey. `entries` of a user are in order.

    Every user with entries has a change: a user's events are ordered by the version of the state that they made.
    """

    journey: str
    journey_hash: str
    changes: Sequence[Change]
    entries: Sequence[Entry]
    delivery: Delivery = NOTHING


class Logged(NamedTuple):
    """One event of the whole log, in the order of commits; reading goes on behind `cursor`."""

    cursor: str
    journey: str
    journey_hash: str
    user: str
    id: str
    event: bytes
    decision: bytes | None


class Letter(NamedTuple):
    """One dead letter (JSON) under the number by which it can be replayed or dropped."""

    number: str
    letter: bytes


BEGINNING = ""  # the cursor before the first entry


class Store(Protocol):
    """A store. Users and event ids are known per journey; an event id is unique within its user.

    Every method raises `StoreDown` where the store cannot be reached, and `StoreError` where it cannot be used.
    """

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing.

        Raises `StaleState` where a version moved, an event id is known or a message is not pending, and `Fenced`
        where an epoch has passed.
        """

    def acknowledges(self, server: str) -> bool:
        """Whether a commit can acknowledge messages of that broker."""

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""

    def keep(self, notes: Mapping[str, bytes], fences: Sequence[Fence] = ()) -> None:
        """Keep values under their names, in place of what was kept there. Raises `Fenced`."""

    def claim(self, lease: str, owner: str, seconds: float) -> Fence | None:
        """Own `lease` for `seconds` from now on, by the store's clock; None while somebody else does.

        Whoever owns it already goes on with the same epoch; a new owner has a higher one, for good.
        """

    def release(self, fence: Fence) -> None:
        """Let go of a lease, if it is still owned under this epoch; its fence holds no more."""

    def read_log(self, after: str, limit: int) -> list[Logged]:
        """Up to `limit` events of all users behind the cursor `after`, in an order that never changes.

        Nothing is ever added before what was returned once.
        """

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users who have a state and come behind `after`, in the order of their names' bytes."""

    def letters(self, after: str, limit: int) -> list[Letter]:
        """Up to `limit` dead letters behind number `after`, the oldest first."""

    def drop_letters(self, numbers: Sequence[str]) -> None:
        """Forget dead letters: they were mended."""

    def ping(self) -> None:
        """Raises `StoreDown` where the store does not answer."""

    def close(self) -> None:
        """Let go of files and connections."""
