"""A store on PostgreSQL (13 and later): one round trip a commit, in which everything is checked and written.

What was committed is on the disk (`synchronous_commit`, on unless the url says otherwise), and on the replicas that
the server waits for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg

from serving.stores.checks import check_commit, no_broker
from serving.stores.postgres_connection import DeadlineConnection
from serving.stores.postgres_errors import failure
from serving.stores.postgres_schema import CLAIM, COMMIT, LOCK, NEW_ERA, READ_LOG, RELEASE, SCHEMA, SCHEMA_VERSION
from serving.stores.store import Commit, Fence, Known, Letter, Logged, LogLine, Stored, StoreError

TIMEOUT_SECONDS = 5.0  # for an answer
OLDEST = 130_000  # of PostgreSQL: the first with transaction numbers that never come again (xid8)
MS_PER_S = 1_000
SERVER_SHARE = 0.8  # of the timeout: the server gives up first, and says why
FROM_THE_BEGINNING = "0:0:0"


class PostgresStore:
    """States, logs, notes, leases and dead letters in the schema `handrail`. Threads may share it.

    `name` is what errors call the server: its url without the password. A connection that was lost is made again at
    the next call; nothing is tried twice here. Raises `StoreDown` where the server does not answer, and `StoreError`
    where it cannot be used.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS, name: str = "") -> None:
        self.url, self.timeout, self.name = url, timeout, name or url
        self._lock = threading.RLock()
        self._open: DeadlineConnection | None = None
        try:
            with self._connection() as connection:
                set_up(connection, self.name)
        except StoreError:
            self.close()
            raise

    @contextmanager
    def _connection(self) -> Iterator[DeadlineConnection]:
        """The connection, for one thread at a time. What is reported comes out as `StoreError`."""
        with self._lock:
            try:
                if self._open is None:
                    self._open = connect(self.url, self.timeout)
                yield self._open
            except psycopg.Error as error:
                if error.sqlstate is None or isinstance(error, psycopg.OperationalError):
                    self.close()
                raise failure(self.name, error) from None
            except StoreError:
                raise
            except BaseException:  # interrupted: nobody knows what the server is about to answer
                self.close()
                raise

    def _rows(self, query: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        with self._connection() as connection, connection.cursor(binary=True) as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchall() if cursor.description is not None else []

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        query = (
            'SELECT "user", journey_hash, version, state FROM handrail.states '
            'WHERE journey = %s AND "user" = ANY (%b::bytea[])'
        )
        rows = self._rows(query, (journey, [user.encode() for user in users]))
        return {user.decode(): Stored(*stored) for user, *stored in rows}

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""
        query = (
            'SELECT e."user", e.id, e.event, e.decision FROM unnest(%b::bytea[], %b::bytea[]) AS asked ("user", id) '
            'JOIN handrail.events AS e ON e.journey = %s AND e."user" = asked."user" AND e.id = asked.id'
        )
        pairs = list(ids)
        rows = self._rows(query, ([user.encode() for user, _ in pairs], [id_.encode() for _, id_ in pairs], journey))
        return {(user.decode(), id_.decode()): Known(*known) for user, id_, *known in rows}

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""
        query = (
            "SELECT journey_hash, event, decision FROM handrail.events "
            'WHERE journey = %s AND "user" = %b ORDER BY era, xid, seq'
        )
        return [LogLine(*row) for row in self._rows(query, (journey, user.encode()))]

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` or `Fenced`.

        Where the answer is lost, it may have been written: the next try finds out, as the versions have moved.
        """
        check_commit(commit)
        if commit.delivery.ack is not None:
            raise no_broker(self.name)
        self._rows(COMMIT, arguments_of(commit))

    def acknowledges(self, server: str) -> bool:
        """Never: no broker lives in PostgreSQL."""
        return False

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""
        self._rows("INSERT INTO handrail.notes VALUES (%s, %b) ON CONFLICT DO NOTHING", (name, value))
        kept = self.recall(name)
        if kept is None:
            raise StoreError(f"{self.name}: note {name!r} is gone. Mend: let nobody else delete from handrail.notes")
        return kept

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""
        rows = self._rows("SELECT value FROM handrail.notes WHERE name = %s", (name,))
        return rows[0][0] if rows else None

    def keep(self, notes: Mapping[str, bytes], fences: Sequence[Fence] = ()) -> None:
        """Keep values under their names, in place of what was kept there. Raises `Fenced`."""
        with self._connection() as connection, connection.transaction():
            if fences:
                asked = [fence.name for fence in fences], [fence.epoch for fence in fences]
                connection.execute("SELECT handrail.check_fences(%b::text[], %b::bigint[])", asked)
            connection.execute("SELECT handrail.keep(%b::text[], %b::bytea[])", (list(notes), list(notes.values())))

    def claim(self, lease: str, owner: str, seconds: float) -> Fence | None:
        """Own `lease` for `seconds` from now on, by the server's clock; None while somebody else does."""
        rows = self._rows(CLAIM, {"lease": lease, "owner": owner, "length": timedelta(seconds=seconds)})
        return Fence(lease, rows[0][0]) if rows else None

    def release(self, fence: Fence) -> None:
        """Let go of a lease, if it is still owned under this epoch; its fence holds no more."""
        self._rows(RELEASE, fence)

    def read_log(self, after: str, limit: int) -> list[Logged]:
        """Up to `limit` events of all users behind the cursor `after`, in the order of their transactions.

        What a transaction wrote is seen as soon as all older ones on this server have ended.
        """
        era, xid, seq = (after or FROM_THE_BEGINNING).split(":")
        return [
            Logged(f"{era}:{xid}:{seq}", journey, journey_hash, user.decode(), id_.decode(), event, decision)
            for era, xid, seq, journey, journey_hash, user, id_, event, decision in self._rows(
                READ_LOG, (int(era), xid, int(seq), limit)
            )
        ]

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users who have a state and come behind `after`, in the order of their names' bytes."""
        query = 'SELECT "user" FROM handrail.states WHERE journey = %s AND "user" > %b ORDER BY "user" LIMIT %s'
        return [user.decode() for (user,) in self._rows(query, (journey, after.encode(), limit))]

    def letters(self, after: str, limit: int) -> list[Letter]:
        """Up to `limit` dead letters behind number `after`, the oldest first."""
        query = "SELECT number, letter FROM handrail.letters WHERE number > %s ORDER BY number LIMIT %s"
        return [Letter(str(number), letter) for number, letter in self._rows(query, (int(after or 0), limit))]

    def drop_letters(self, numbers: Sequence[str]) -> None:
        """Forget dead letters: they were mended."""
        query = "DELETE FROM handrail.letters WHERE number = ANY (%s::bigint[])"
        self._rows(query, ([int(number) for number in numbers],))

    def ping(self) -> None:
        """Raises `StoreDown` where the server does not answer."""
        self._rows("SELECT 1")

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None


def connect(url: str, timeout: float) -> DeadlineConnection:
    """A connection on which every statement is a transaction of its own. Raises `psycopg.Error`."""
    connection = DeadlineConnection.connect(
        url, autocommit=True, prepare_threshold=0, connect_timeout=max(1, round(timeout)), application_name="handrail"
    )
    connection.patience = timeout
    setting = (
        "SELECT set_config('statement_timeout', %s, false), set_config('default_transaction_isolation', %s, false)"
    )
    connection.execute(setting, (str(round(MS_PER_S * SERVER_SHARE * timeout)), "read committed"))
    return connection


def set_up(connection: DeadlineConnection, name: str) -> None:
    """Make the schema where there is none, one process at a time. Raises `StoreError` where it is another version's."""
    if connection.info.server_version < OLDEST:
        raise StoreError(f"{name}: is older than PostgreSQL 13. Mend: use a later one")
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        there = connection.execute("SELECT to_regclass('handrail.meta')").fetchone()
        if there is None or there[0] is None:
            connection.execute(SCHEMA, prepare=False)
        row = connection.execute("SELECT version FROM handrail.meta").fetchone()
        if row is None or row[0] != SCHEMA_VERSION:
            raise StoreError(f"{name}: holds data of another version of Handrail. Mend: use another database")
        connection.execute(NEW_ERA)


def arguments_of(commit: Commit) -> tuple[Any, ...]:
    """The arguments of `handrail.commit`."""
    changes = sorted((change.user.encode(), change.version, change.state) for change in commit.changes)
    known = [change for change in changes if change[1]]
    new = [change for change in changes if not change[1]]
    fences, notes = commit.delivery.fences, commit.delivery.notes
    return (
        commit.journey, commit.journey_hash, [fence.name for fence in fences], [fence.epoch for fence in fences],
        *columns(known, 3), *columns([(user, state) for user, _, state in new], 2),
        *columns([(e.user.encode(), e.id.encode(), e.event, e.decision) for e in commit.entries], 4),
        list(notes), list(notes.values()), list(commit.delivery.letters),
    )  # fmt: skip


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into lists of each place."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
