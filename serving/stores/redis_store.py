"""A store on Redis (6.2 and later) or Valkey: one script a commit, which can acknowledge messages of its own streams.

For one server with its replicas; Redis Cluster is refused, as a commit spans users. What a power cut takes is what
`appendfsync` of the server says: a second with `everysec`, nothing with `always`. State, log and acknowledgement are
taken together, so that the events come again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.stores.checks import check_commit, fenced, known_event, moved_user, no_broker, settled
from serving.stores.redis_call import Script
from serving.stores.redis_errors import check_server, told
from serving.stores.redis_layout import (
    LAYOUT,
    LENGTH,
    LETTERS,
    LOG,
    NOBODY,
    NOTES,
    SCHEMA,
    VERSION,
    LogEntry,
    events_key,
    lease_key,
    pack_event,
    pack_log,
    pack_user,
    pointer,
    unpack_event,
    unpack_log,
    unpack_user,
    user_key,
    users_key,
)
from serving.stores.redis_scripts import CLAIM, COMMIT, KEEP, RELEASE, WALK
from serving.stores.store import (
    BEGINNING,
    RESTORE,
    Commit,
    Entry,
    Fence,
    Known,
    Letter,
    Logged,
    LogLine,
    Stored,
    StoreError,
)

TIMEOUT_SECONDS = 5.0  # for an answer
COMMITS_AT_A_TIME = 64  # read of the log at once: some 200 events each
AT_A_TIME = 1_000  # users or events in one call: others wait while it runs
NO_STREAM = "hr:no-stream"  # a commit without messages to acknowledge
pack = msgspec.msgpack.Encoder().encode


class RedisStore:
    """States, logs, notes, leases and dead letters under keys that begin with `hr:`. Threads may share it.

    `name` is what errors call the server: its url without the password. Nothing is tried twice here. Raises
    `StoreDown` where the server does not answer, and `StoreError` where it is not one that keeps what it is given.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS, name: str = "") -> None:
        self.name = name or url
        self._redis: Any  # the client's types allow answers as text, which are not asked for here
        try:
            self._redis = redis.Redis.from_url(
                url, protocol=2, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
            )
        except (ValueError, redis.RedisError) as error:
            raise StoreError(f"{self.name}: {error}. Mend: a url such as redis://host:6379/0") from None
        scripts = (Script(self._redis, text) for text in (COMMIT, KEEP, WALK, CLAIM, RELEASE))
        self._commit, self._keep, self._walk, self._claim, self._release = scripts
        self._run_id, self._database = "", int(self._redis.get_connection_kwargs().get("db") or 0)
        try:
            self._set_up()
        except StoreError:
            self.close()
            raise

    def _set_up(self) -> None:
        with self._told():
            info: dict[str, Any] = self._redis.info()
            check_server(self.name, info)
            self._run_id = info["run_id"]
            self._redis.set(SCHEMA, LAYOUT, nx=True)
            layout = self._redis.get(SCHEMA)
        if layout != LAYOUT:
            raise StoreError(f"{self.name}: holds data of another version of Handrail. Mend: use another database")

    @contextmanager
    def _told(self) -> Iterator[None]:
        with told(self.name):
            yield

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        names = list(users)
        values = self._values([user_key(journey, user) for user in names])
        return {user: unpack_user(value).stored for user, value in zip(names, values, strict=True) if value is not None}

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""
        pairs = list(ids)
        values = self._values([events_key(journey, user) + id_ for user, id_ in pairs])
        return {
            pair: Known(*unpack_event(value)[1][1:])
            for pair, value in zip(pairs, values, strict=True)
            if value is not None
        }

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        """What lies under keys, read some at a time."""
        values: list[bytes | None] = []
        for start in range(0, len(keys), AT_A_TIME):
            with self._told():
                values += self._redis.mget(keys[start : start + AT_A_TIME])
        return values

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""
        [value] = self._values([user_key(journey, user)])
        begin, last, lines = events_key(journey, user), "", list[LogLine]()
        if value is not None:
            last = unpack_user(value).last
        while last:
            with self._told():
                page = self._walk(args=[begin, last, AT_A_TIME])
            for packed in page:
                last, line = unpack_event(packed)
                lines.append(line)
        return lines[::-1]

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` or `Fenced`.

        Where the answer is lost, it may have been written: the next try finds out, as the versions have moved.
        """
        check_commit(commit)
        delivery = commit.delivery
        if delivery.ack is not None and not self.acknowledges(delivery.ack.server):
            raise no_broker(self.name)
        keys, arguments = script_of(commit)
        with self._told():
            verdict, place = self._commit(keys=keys, args=arguments)
        if verdict == b"fenced":
            raise fenced(delivery.fences[place - 1].name)
        if verdict == b"settled":
            raise settled()
        if verdict == b"moved":
            raise moved_user(commit.changes[place - 1].user)
        if verdict == b"known":
            raise known_event()

    def acknowledges(self, server: str) -> bool:
        """Whether `server` is the run id of this server, a slash, and this database: a script reaches no other.

        A server has another run id after each restart.
        """
        run_id, _, database = server.partition("/")
        if run_id != self._run_id:
            with self._told():
                self._run_id = self._redis.info("server")["run_id"]
        return run_id == self._run_id and int(database or 0) == self._database

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""
        with self._told():
            self._redis.hsetnx(NOTES, name, value)
            kept = self._redis.hget(NOTES, name)
        return bytes(kept)

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""
        with self._told():
            return self._redis.hget(NOTES, name)

    def keep(self, notes: Mapping[str, bytes], fences: Sequence[Fence] = ()) -> None:
        """Keep values under their names, in place of what was kept there. Raises `Fenced`."""
        keys = [lease_key(fence.name) for fence in fences] + [NOTES]
        arguments = [pack({"epochs": [str(fence.epoch) for fence in fences]}), *flat(notes)]
        with self._told():
            verdict, place = self._keep(keys=keys, args=arguments)
        if verdict == b"fenced":
            raise fenced(fences[place - 1].name)

    def claim(self, lease: str, owner: str, seconds: float) -> Fence | None:
        """Own `lease` for `seconds` from now on, by the server's clock; None while somebody else does."""
        with self._told():
            epoch = self._claim(keys=[lease_key(lease)], args=[owner, round(1e3 * seconds)])
        return None if epoch is None else Fence(lease, int(epoch))

    def release(self, fence: Fence) -> None:
        """Let go of a lease, if it is still owned under this epoch; its fence holds no more."""
        with self._told():
            self._release(keys=[lease_key(fence.name)], args=[fence.epoch])

    def read_log(self, after: str, limit: int) -> list[Logged]:
        """Up to `limit` events of all users behind the cursor `after`, in the order of commits."""
        refs = list(islice(self._refs(after), limit))
        packed = self._values([events_key(commit.journey, user) + id_ for _, commit, user, id_ in refs])
        found = []
        for (cursor, commit, user, id_), value in zip(refs, packed, strict=True):
            if value is None:
                raise StoreError(f"{self.name}: the log names event {id_!r} of user {user!r}, who lacks it. {RESTORE}")
            _, (journey_hash, event, decision) = unpack_event(value)
            found.append(Logged(cursor, commit.journey, journey_hash, user, id_, event, decision))
        return found

    def _refs(self, after: str) -> Iterator[tuple[str, LogEntry, str, str]]:
        """Cursor, commit, user and id of the events behind `after`: the id of a commit, and a number within it."""
        start, _, number = after.partition(":")
        skip, start = int(number or 0), start if after != BEGINNING else "-"
        while True:
            with self._told():
                page: list[Any] = self._redis.xrange(LOG, min=start, count=COMMITS_AT_A_TIME)
            for name, fields in page:
                commit = unpack_log.decode(fields[b"c"])
                for place, (user, id_) in enumerate(commit.refs[skip:], skip + 1):
                    yield f"{name.decode()}:{place}", commit, user, id_
                skip, start = 0, f"({name.decode()}"
            if len(page) < COMMITS_AT_A_TIME:
                return

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users who have a state and come behind `after`, in the order of their names' bytes."""
        with self._told():
            low = b"(" + after.encode() if after else "-"
            found = self._redis.zrangebylex(users_key(journey), low, "+", start=0, num=limit)
        return [name.decode() for name in found]

    def letters(self, after: str, limit: int) -> list[Letter]:
        """Up to `limit` dead letters behind number `after`, the oldest first."""
        with self._told():
            found = self._redis.xrange(LETTERS, min=f"({after}" if after else "-", count=limit)
        return [Letter(number.decode(), fields[b"l"]) for number, fields in found]

    def drop_letters(self, numbers: Sequence[str]) -> None:
        """Forget dead letters: they were mended."""
        if numbers:
            with self._told():
                self._redis.xdel(LETTERS, *numbers)

    def ping(self) -> None:
        """Raises `StoreDown` where the server does not answer."""
        with self._told():
            self._redis.ping()

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


def script_of(commit: Commit) -> tuple[list[str], list[Any]]:
    """Keys and arguments of the script that commits, in the order that it documents."""
    delivery, journey = commit.delivery, commit.journey
    plain = commit.journey_hash.encode()
    journey_hash = LENGTH.pack(len(plain)) + plain
    entries: dict[str, list[Entry]] = {change.user: [] for change in commit.changes}
    for entry in commit.entries:
        entries[entry.user].append(entry)
    keys = [lease_key(fence.name) for fence in delivery.fences]
    stream = delivery.ack.stream if delivery.ack is not None else NO_STREAM
    keys += [LOG, users_key(journey), NOTES, LETTERS, stream]
    keys += [user_key(journey, user) for user in entries]
    states, events = list[bytes](), list[bytes]()
    for user, version, state in commit.changes:
        begin, before = events_key(journey, user), b""  # the script knows the event before the first
        for entry in entries[user]:
            keys.append(begin + entry.id)
            events.append(before + pack_event(entry, plain))
            before = pointer(entry.id)
        states.append(pack_user(version + 1, before or NOBODY, journey_hash, state))
    versions = b"".join(VERSION.pack(change.version) for change in commit.changes)
    arguments: list[Any] = [head_of(commit, entries), log_of(commit), versions, *states, *events]
    return keys, [*arguments, *flat(delivery.notes), *delivery.letters]


def head_of(commit: Commit, entries: Mapping[str, Sequence[Entry]]) -> bytes:
    """What the commit's script reads first: what it checks, and how to read the arguments that follow."""
    delivery = commit.delivery
    return pack(
        {
            "epochs": [str(fence.epoch) for fence in delivery.fences],
            "ack": delivery.ack.ids if delivery.ack is not None else (),
            "group": delivery.ack.group if delivery.ack is not None else "",
            "counts": [len(mine) for mine in entries.values()],
            "events": len(commit.entries),
            "new": [change.user for change in commit.changes if not change.version],
            "notes": len(delivery.notes),
        }
    )


def log_of(commit: Commit) -> bytes:
    """The commit's entry in the log; empty where it has no events."""
    refs = [(entry.user, entry.id) for entry in commit.entries]
    return pack_log.encode(LogEntry(commit.journey, commit.journey_hash, refs)) if refs else b""


def flat(notes: Mapping[str, bytes]) -> list[Any]:
    """Names and values, one after the other."""
    return [part for note in notes.items() for part in note]
