"""A store in one SQLite file (WAL): nothing to install, safe against a killed process, for one machine.

A power cut may take the last moments with it (`synchronous=NORMAL`), never part of a commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.stores.store import Commit, Known, LogLine, StaleState, Stored, StoreError

SCHEMA_VERSION = 1
WAIT_SECONDS = 10.0  # for another process that is committing
DAMAGED = "check the disk; if the file is damaged, restore a copy, or replay the log into a new one"
SCHEMA = """
CREATE TABLE states (
    journey TEXT NOT NULL, user TEXT NOT NULL, journey_hash TEXT NOT NULL, version INTEGER NOT NULL,
    state BLOB NOT NULL, PRIMARY KEY (journey, user)
) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, journey TEXT NOT NULL, user TEXT NOT NULL, id TEXT NOT NULL, journey_hash TEXT NOT NULL,
    event BLOB NOT NULL, decision BLOB, UNIQUE (journey, user, id)
);
CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class SqliteStore:
    """States, events with decisions, and notes in the tables `states`, `events` and `notes`.

    Raises `StoreError` where `path` cannot be opened, or is not a state file of this version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._db = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: cannot be opened: {error}. Mend: check the folder and its rights") from None
        try:
            self._set_up()
        except sqlite3.Error as error:
            self._db.close()
            raise self._failure(error, "give the path of a state file, or of a new one") from None
        except StoreError:
            self._db.close()
            raise

    def _set_up(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
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

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._failure(error, DAMAGED) from None

    def _failure(self, error: sqlite3.Error, mend: str) -> StoreError:
        """What SQLite reports, in words that say what to do."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits are SQLite's finer distinctions
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            waited = f"another process holds it, for {WAIT_SECONDS:g} s and more"
            return StoreError(f"{self.path}: {waited} ({error}). Mend: end that process or wait for it, then try again")
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
        """A user's events, in the order in which they were applied."""
        query = "SELECT journey_hash, event FROM events WHERE journey = ? AND user = ? ORDER BY seq"
        with self._told():
            return [LogLine(*row) for row in self._db.execute(query, (journey, user))]

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` where a version moved or an event id is known."""
        journey, journey_hash = commit.journey, commit.journey_hash
        try:
            with self._transaction():
                for change in commit.changes:
                    self._check_version(journey, change.user, change.version)
                self._db.executemany(
                    "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)",
                    ((journey, c.user, journey_hash, c.version + 1, c.state) for c in commit.changes),
                )
                self._db.executemany(
                    "INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                    ((journey, e.user, e.id, journey_hash, e.event, e.decision) for e in commit.entries),
                )
        except sqlite3.IntegrityError:
            raise StaleState("an event of this commit is in the log already. Mend: load the users again") from None
        except sqlite3.Error as error:
            raise self._failure(error, DAMAGED) from None

    def _check_version(self, journey: str, user: str, version: int) -> None:
        query = "SELECT version FROM states WHERE journey = ? AND user = ?"
        row = self._db.execute(query, (journey, user)).fetchone()
        if (row[0] if row else 0) != version:
            raise StaleState(f"user {user!r} was changed since. Mend: load the users and try again")

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

    def close(self) -> None:
        """Close the file."""
        self._db.close()
