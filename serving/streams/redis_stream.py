"""Events from Redis Streams (Redis 6.2 and later, Valkey): one stream key per partition, read through a consumer group.

Who opened a partition last is written beside the stream, and a read is a script that checks it: a process that was
stopped and wakes after its successor opened takes nothing from it. All of a group's pending messages come again, in
order, before anything new.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, ResponseError, TimeoutError
from redis.retry import Retry

from serving.stores.store import Ack
from serving.streams.partitions import partition_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import Displaced, Message, Outgoing, Partition, StreamDown, StreamError

BODY = b"body"  # the field that holds the event; the other fields of a message are its headers
READER = "handrail"  # name of the one consumer in the group: leases say who that is
CLAIM_PAGE = 1_000  # pending messages taken over at a time

# KEYS: stream, owner. ARGV: token, group, consumer, page. Makes all that is pending ours, whoever it was given to.
OPEN = """
redis.call('SET', KEYS[2], ARGV[1])
local from = '0-0'
repeat
    from = redis.call('XAUTOCLAIM', KEYS[1], ARGV[2], ARGV[3], 0, from, 'COUNT', ARGV[4], 'JUSTID')[1]
until from == '0-0'
"""
# KEYS: stream, owner. ARGV: token, group, consumer, count, where to read from.
READ = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return redis.error_reply('DISPLACED') end
local got = redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', ARGV[4], 'STREAMS', KEYS[1], ARGV[5])
return got and got[1][2] or {}
"""


def connect(settings: StreamSettings) -> redis.Redis:
    """A client that tries nothing twice: a read whose answer was lost has to begin again with what is pending."""
    try:
        return redis.Redis.from_url(
            settings.url, protocol=2, socket_timeout=settings.timeout, socket_connect_timeout=settings.timeout,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
    except ValueError as error:
        raise StreamError(f"stream {settings.name!r}: {error}. Mend: a url such as redis://host:6379/0") from None


@contextmanager
def told(name: str) -> Iterator[None]:
    """What Redis reports, in words that say what to do."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError) as error:
        raise StreamDown(f"stream {name!r}: Redis does not answer: {error}. Mend: start it, or check the url") from None
    except ResponseError as error:
        if "DISPLACED" in str(error):
            raise Displaced(f"partition {name!r}: another worker opened it. Mend: none, it is read there") from None
        raise StreamError(f"stream {name!r}: {error}. Mend: check the key's type and the server's memory") from None
    except RedisError as error:
        raise StreamError(f"stream {name!r}: {error}. Mend: check the server") from None


def text(raw: bytes) -> str:
    """Text of a header, whatever its bytes are."""
    return raw.decode("utf-8", "replace")


def message_of(identifier: bytes, fields: Sequence[bytes]) -> Message:
    """A message from its flat list of fields and values. Without a body, the fields as JSON are shown in its place."""
    id_text = identifier.decode()
    time = int(id_text.partition("-")[0])
    if len(fields) == 2 and fields[0] == BODY:
        return Message(id_text, fields[1], {}, time)
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    body = named.pop(BODY, None)
    headers = {text(key).lower(): text(value) for key, value in named.items()}
    return Message(id_text, msgspec.json.encode(headers) if body is None else body, headers, time)


class RedisPartition:
    """One stream key. Its `Ack` names the server by run id and database: a script reaches no other."""

    def __init__(self, client: redis.Redis, key: str, group: str, timeout: float) -> None:
        self.name, self._client, self._group = key, client, group
        self._longest_wait = timeout / 2  # a blocking read answers before the connection counts as lost
        self._take_over, self._read = client.register_script(OPEN), client.register_script(READ)
        self._owner_key = f"{{{key}}}:owner"
        self._token, self._server = "", ""
        self._last, self._pending_from = "0-0", "0-0"
        self._pending = False

    def open(self, position: bytes | None) -> None:
        """Begin with what is pending in the group; a group that is new begins with the stream's first message."""
        self._token = uuid.uuid4().hex
        with told(self.name):
            self._server = f"{self._client.info('server')['run_id']}/{self._database()}"
            try:
                self._client.xgroup_create(self.name, self._group, "0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            self._take_over(keys=[self.name, self._owner_key], args=[self._token, self._group, READER, CLAIM_PAGE])
            self._last = str(self._group_info()["last-delivered-id"], "ascii")
        self._pending, self._pending_from = True, "0-0"

    def _database(self) -> int:
        return int(self._client.get_connection_kwargs().get("db") or 0)

    def _group_info(self) -> dict[str, Any]:
        for group in self._client.xinfo_groups(self.name):
            if group["name"] == self._group.encode():
                return dict(group)
        raise StreamError(f"stream {self.name!r}: its group {self._group!r} is gone. Mend: none, it is made anew")

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Up to `limit` messages, waiting up to `seconds` for the first. Raises `Displaced` where another reads."""
        with told(self.name):
            while self._pending:
                found = self._take(limit, self._pending_from)
                self._pending = bool(found)
                if found:
                    self._pending_from = found[-1][0].decode()
                    kept = [message_of(identifier, fields) for identifier, fields in found if fields is not None]
                    self._forget([identifier for identifier, fields in found if fields is None])
                    if kept:
                        return kept
            found = self._take(limit, ">")
            if not found and seconds > 0 and self._wait(seconds):
                found = self._take(limit, ">")
            if found:
                self._last = found[-1][0].decode()
            return [message_of(identifier, fields) for identifier, fields in found]

    def _take(self, limit: int, start: str) -> Any:
        return self._read(keys=[self.name, self._owner_key], args=[self._token, self._group, READER, limit, start])

    def _forget(self, trimmed: list[bytes]) -> None:
        """Acknowledge messages that were trimmed from the stream before they were settled: they are gone."""
        if trimmed:
            self._client.xack(self.name, self._group, *trimmed)

    def _wait(self, seconds: float) -> bool:
        """Whether something new came within `seconds`."""
        wait = max(1, round(1000 * min(seconds, self._longest_wait)))
        command = ("XREAD", "COUNT", 1, "BLOCK", wait, "STREAMS", self.name, self._last)
        return bool(self._client.execute_command(*command))  # type: ignore[no-untyped-call]

    def position(self, messages: Sequence[Message]) -> bytes | None:
        """None: the group keeps the place."""
        return None

    def ack(self, messages: Sequence[Message]) -> Ack | None:
        """The messages, for a store on the same server."""
        return Ack(self._server, self.name, self._group, tuple(message.id for message in messages))

    def settle(self, messages: Sequence[Message]) -> None:
        """Acknowledge."""
        with told(self.name):
            if messages:
                self._client.xack(self.name, self._group, *(message.id for message in messages))

    def lag(self) -> int:
        """Messages pending or never read. Exact on Redis 7 and Valkey; before, the stream's length is added instead."""
        with told(self.name):
            info = self._group_info()
            unread = info.get("lag")
            return int(info["pending"]) + int(self._client.xlen(self.name) if unread is None else unread)

    def close(self) -> None:
        """Nothing to do: what is pending is taken over when the partition is opened again."""


class RedisStream:
    """Streams `name:0` to `name:P-1` of one server."""

    def __init__(self, settings: StreamSettings) -> None:
        self.name, self._settings, self._client = settings.name, settings, connect(settings)

    def partitions(self) -> list[Partition]:
        """All partitions, closed."""
        group, timeout = self._settings.group, self._settings.timeout
        keys = (f"{self.name}:{number}" for number in range(self._settings.partitions))
        return [RedisPartition(self._client, key, group, timeout) for key in keys]

    def ping(self) -> None:
        """Raises `StreamDown` where the server does not answer."""
        with told(self.name):
            self._client.ping()

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


class RedisPublisher:
    """Adds messages to the streams `name:0` to `name:P-1`. A batch whose answer was lost may come twice."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings, self._client = settings, connect(settings)

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Add all in one round trip."""
        name, partitions = self._settings.name, self._settings.partitions
        with told(name):
            pipe = self._client.pipeline(transaction=False)
            for key, _, body, headers in messages:
                fields: dict[Any, Any] = {BODY: body, **headers}
                pipe.xadd(f"{name}:{partition_of(key, partitions)}", fields)
            pipe.execute()

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
