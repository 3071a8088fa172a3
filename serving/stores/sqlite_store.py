"""A store in one SQLite file (WAL): nothing to install, safe against a killed process, for one machine.

A power cut may take the last moments with it (`synchronous` NORMAL; FULL takes nothing), never part of a commit.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from serving.stores.checks import check_commit, fenced, known_event, moved_user, no_broker
from serving.stores.sqlite_schema import CLAIM, SCHEMA, SCHEMA_VERSION
from serving.stores.store import (
    Commit,
    Delivery,
    Fence,
    Known,
    Letter,
    Logged,
    LogLine,
    StaleState,
    Stored,
    StoreDown,
    StoreError,
)

Synchronous = Literal["NORMAL", "FULL"]
WAIT_SECONDS = 10.0  # for another process that is committing
MS_PER_S = 1_000
CACHE_KIB = 65_536  # of pages in memory: SQLite's own 2 MiB hold the states of some thousand users only
DAMAGED = "check the disk; if the file is damaged, restore a copy, or replay the log into a new one"
MENDS = {  # by SQLite's primary result code, of what may pass or can be mended while the service runs
    sqlite3.SQLITE_FULL: "make room on the disk; nothing of this commit was written",
    sqlite3.SQLITE_READONLY: "let this user write the file and its folder, and the disk be mounted for writing",
    sqlite3.SQLITE_IOERR: "check the disk and the room on it; nothing of this commit was written",
    sqlite3.SQLITE_CANTOPEN: "check the folder and its rights",
}


class SqliteStore:
    """States, events with decisions, notes, leases and dead letters in one file. Threads may share it.

    `wait` is for how many seconds another process may hold the file. Raises `StoreError` where `path` cannot be
    opened, or is not a state file of this version.
    """

    def __init__(self, path: str | Path, wait: float = WAIT_SECONDS, synchronous: Synchronous = "NORMAL") -> None:
        self.path, self.wait = Path(path), wait
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(self.path, timeout=wait, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: cannot be opened: {error}. Mend: check the folder and its rights") from None
        try:
            self._set_up(synchronous)
        except sqlite3.Error as error:
            self._db.close()
            raise self._failure(error, "give the path of a state file, or of a new one") from None
        except StoreError:
            self._db.close()
            raise

    def _set_up(self, synchronous: Synchronous) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={synchronous}")
        self._db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version == SCHEMA_VERSION:
                return
            if version or tables:
                raise StoreError(f"{self.path}: not a state file of this version of Handrail. Mend: use another path")
            for statement in SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def wait_for(self, seconds: float) -> None:
        """Wait for so long, from the next call on, where another process holds the file."""
        with self._lock:
            self.wait = seconds
            self._db.execute(f"PRAGMA busy_timeout={round(seconds * MS_PER_S)}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has SQLite roll back by itself
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise self._failure(error, DAMAGED) from None

    def _failure(self, error: sqlite3.Error, mend: str) -> StoreError:
        """What SQLite reports, in words that say what to do."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits are SQLite's finer distinctions
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            waited = f"another process holds it, for {self.wait:g} s and more"
            return StoreDown(f"{self.path}: {waited} ({error}). Mend: end that process or wait for it, then try again")
        if code in MENDS:
            return StoreDown(f"{self.path}: {error}. Mend: {MENDS[code]}")
        return StoreError(f"{self.path}: {error}. Mend: {mend}")

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        query = "SELECT journey_hash, version, state FROM states WHERE journey = ? AND user = ?"
        with self._told():
            rows = ((user, self._db.execute(query, (journey, user)).fetchone()) for user in users)
            return {user: Stored(*row) for user, row in rows if row}

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""
        query = "SELECT event, decision FROM events WHERE journey = ? AND user = ? AND id = ?"
        with self._told():
            rows = ((pair, self._db.execute(query, (journey, *pair)).fetchone()) for pair in ids)
            return {pair: Known(*row) for pair, row in rows if row}

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""
        query = "SELECT journey_hash, event, decision FROM events WHERE journey = ? AND user = ? ORDER BY seq"
        with self._told():
            return [LogLine(*row) for row in self._db.execute(query, (journey, user))]

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` or `Fenced`."""
        check_commit(commit)
        if commit.delivery.ack is not None:
            raise no_broker(str(self.path))
        try:
            with self._transaction():
                self._check_fences(commit.delivery.fences)
                self._change(commit)
                journey, journey_hash = commit.journey, commit.journey_hash
                self._db.executemany(
                    "INSERT INTO events (journey, user, id, journey_hash, event, decision) VALUES (?, ?, ?, ?, ?, ?)",
                    [(journey, e.user, e.id, journey_hash, e.event, e.decision) for e in commit.entries],
                )
                self._deliver(commit.delivery)
        except sqlite3.IntegrityError:
            raise known_event() from None
        except sqlite3.Error as error:
            raise self._failure(error, DAMAGED) from None

    def _change(self, commit: Commit) -> None:
        """Replace the states of known users and add those of new ones; the versions are checked by doing so."""
        journey, digest = commit.journey, commit.journey_hash
        known = [(digest, c.version + 1, c.state, journey, c.user, c.version) for c in commit.changes if c.version]
        new = [(journey, c.user, digest, 1, c.state) for c in commit.changes if not c.version]
        changed = self._db.executemany(
            "UPDATE states SET journey_hash = ?, version = ?, state = ? WHERE journey = ? AND user = ? AND version = ?",
            known,
        ).rowcount
        added = self._db.executemany(
            "INSERT INTO states (journey, user, journey_hash, version, state) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            new,
        ).rowcount
        if (known and changed < len(known)) or (new and added < len(new)):
            raise self._moved(commit)

    def _moved(self, commit: Commit) -> StaleState:
        """Who was changed by somebody else. The commit that found it out has written over the others."""
        self._db.execute("ROLLBACK")
        stored = self.load(commit.journey, [change.user for change in commit.changes])
        versions = {user: one.version for user, one in stored.items()}
        return moved_user(next(c.user for c in commit.changes if versions.get(c.user, 0) != c.version))

    def _check_fences(self, fences: Sequence[Fence]) -> None:
        for fence in fences:
            row = self._db.execute("SELECT epoch FROM leases WHERE name = ?", (fence.name,)).fetchone()
            if row is None or row[0] != fence.epoch:
                raise fenced(fence.name)

    def _deliver(self, delivery: Delivery) -> None:
        self._keep(delivery.notes)
        if delivery.letters:
            rows = [(letter,) for letter in delivery.letters]
            self._db.executemany("INSERT INTO letters (letter) VALUES (?)", rows)

    def _keep(self, notes: Mapping[str, bytes]) -> None:
        if notes:
            self._db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", list(notes.items()))

    def acknowledges(self, server: str) -> bool:
        """Never: no broker lives in a file."""
        return False

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""
        with self._told(), self._transaction():
            self._db.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", (name, value))
            row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return bytes(row[0])

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""
        with self._told():
            row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def keep(self, notes: Mapping[str, bytes], fences: Sequence[Fence] = ()) -> None:
        """Keep values under their names, in place of what was kept there. Raises `Fenced`."""
        with self._told(), self._transaction():
            self._check_fences(fences)
            self._keep(notes)

    def claim(self, lease: str, owner: str, seconds: float) -> Fence | None:
        """Own `lease` for `seconds` from now on, by this machine's clock; None while somebody else does."""
        asked = {"lease": lease, "owner": owner, "seconds": seconds, "now": time.time()}
        with self._told(), self._transaction():
            if not self._db.execute(CLAIM, asked).rowcount:
                return None
            return Fence(*self._db.execute("SELECT name, epoch FROM leases WHERE name = ?", (lease,)).fetchone())

    def release(self, fence: Fence) -> None:
        """Let go of a lease, if it is still owned under this epoch; its fence holds no more."""
        query = "UPDATE leases SET epoch = epoch + 1, owner = '', until = 0 WHERE name = ? AND epoch = ?"
        with self._told(), self._transaction():
            self._db.execute(query, fence)

    def read_log(self, after: str, limit: int) -> list[Logged]:
        """Up to `limit` events of all users behind the cursor `after`, in the order of commits."""
        columns = "seq, journey, journey_hash, user, id, event, decision"
        query = f"SELECT {columns} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._told():
            rows = self._db.execute(query, (int(after or 0), limit)).fetchall()
        return [Logged(str(seq), *rest) for seq, *rest in rows]

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users who have a state and come behind `after`, in the order of their names' bytes."""
        query = "SELECT user FROM states WHERE journey = ? AND user > ? ORDER BY user LIMIT ?"
        with self._told():
            return [user for (user,) in self._db.execute(query, (journey, after, limit))]

    def letters(self, after: str, limit: int) -> list[Letter]:
        """Up to `limit` dead letters behind number `after`, the oldest first."""
        query = "SELECT number, letter FROM letters WHERE number > ? ORDER BY number LIMIT ?"
        with self._told():
            rows = self._db.execute(query, (int(after or 0), limit)).fetchall()
        return [Letter(str(number), letter) for number, letter in rows]

    def drop_letters(self, numbers: Sequence[str]) -> None:
        """Forget dead letters: they were mended."""
        rows = [(int(number),) for number in numbers]
        with self._told(), self._transaction():
            self._db.executemany("DELETE FROM letters WHERE number = ?", rows)

    def ping(self) -> None:
        """Raises `StoreDown` or `StoreError` where the file cannot be read."""
        self.recall("")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
