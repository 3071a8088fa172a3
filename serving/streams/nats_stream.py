"""Events from NATS JetStream: one subject per partition, read through a durable pull consumer of the partition's own.

The place is committed in the store with what the messages changed, so a message is taken once whatever becomes of its
acknowledgement; acknowledging is for the broker's own book-keeping, and for streams that drop what is acknowledged.
Whoever opens a partition deletes the consumer of whoever had it before, who then reads nothing any more.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy, RetentionPolicy
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from serving.stores.store import Ack
from serving.streams.partitions import partition_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import Displaced, Message, Outgoing, Partition, StreamDown, StreamError

MOST_WAITING = 20_000  # messages taken and not yet acknowledged before the server holds back
ACK_WAIT = 60.0  # seconds until a message comes again; one that was read is not taken twice
RECONNECT = 0.25  # seconds between two tries to reach a server that went away
NANOSECONDS = 1_000_000_000  # in a second
LATE_ANSWER = 2.0  # seconds beyond a time-out of the client's own that the calling thread waits
PREFETCH = 1_000  # messages that may be on the way or wait to be read: bounds the memory
EXPIRES = 30.0  # seconds that a request stands
LOOK = 0.25  # seconds between two looks at the connection while nothing comes
AT_ONCE = 200  # messages that are published before the answers are awaited

T = TypeVar("T")


@contextmanager
def told(name: str) -> Iterator[None]:
    """What NATS reports, in words that say what to do."""
    try:
        yield
    except MaxPayloadError as error:
        raise StreamError(f"stream {name!r}: {error}. Mend: send less, or raise max_payload of the server") from None
    except NotFoundError as error:
        mend = "Mend: create the stream as docs/streams.md shows"
        raise StreamError(f"stream {name!r}: JetStream has no such stream or consumer: {error}. {mend}") from None
    except ServiceUnavailableError as error:
        raise StreamDown(f"stream {name!r}: JetStream does not answer: {error}. Mend: check the server") from None
    except APIError as error:
        raise StreamError(f"stream {name!r}: {error}. Mend: check the stream's settings") from None
    except (NatsError, OSError, TimeoutError) as error:
        what = str(error) or type(error).__name__
        raise StreamDown(f"stream {name!r}: NATS does not answer: {what}. Mend: start it, or check the url") from None


class Connection:
    """A client of NATS on an event loop of its own, in a thread of its own; the first use connects."""

    def __init__(self, settings: StreamSettings) -> None:
        self.timeout = settings.timeout
        self._url = settings.url
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=f"nats-{settings.name}", daemon=True)
        self._thread.start()
        self._client: Client | None = None
        self.losses = 0  # how often the connection was lost: what was on the way then is lost, too

    def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """The result of `work`, which has `seconds` (or the time-out) to finish."""
        limit = self.timeout if seconds is None else seconds
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, limit + LATE_ANSWER), self._loop).result()

    async def client(self) -> Client:
        """The connected client. Raises where the server is away."""
        if self._client is None or self._client.is_closed:
            self._client = await nats.connect(
                self._url, connect_timeout=self.timeout, allow_reconnect=True, max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT, error_cb=ignore, disconnected_cb=self._lost,
            )  # fmt: skip
        if not self._client.is_connected:
            raise OSError("the connection is lost and not made again yet")
        return self._client

    async def _lost(self) -> None:
        self.losses += 1

    async def stream(self) -> JetStreamContext:
        """JetStream on the connected client."""
        return (await self.client()).jetstream(timeout=self.timeout)

    def close(self) -> None:
        """Disconnect and end the thread."""
        if self._client is not None:
            with suppress(NatsError, OSError, TimeoutError):  # the server sees the connection end in any case
                self.run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def ignore(error: Exception) -> None:
    """Errors of the connection: each call notices them by itself."""


class Pull:
    """Standing requests for the messages of one consumer: they gather here as they come, at most `PREFETCH` of them.

    Messages arrive on the connection's loop and are taken by the thread that reads.
    """

    def __init__(self, client: Client, stream: str, consumer: str) -> None:
        self._client, self._subject = client, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._came: deque[Msg] = deque()
        self._something = Event()
        self._asked, self._asked_at = 0, 0.0  # messages asked for and not come yet; when that was
        self._subscription: Any = None
        self.gone = ""  # why nothing comes any more

    async def start(self) -> None:
        """Subscribe and ask for the first messages."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._arrived)
        await self.ask()

    async def stop(self) -> None:
        """Take nothing more."""
        await self._subscription.unsubscribe()

    async def _arrived(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status") if not message.data else None
        if status is None:
            self._asked -= 1
            self._came.append(message)
        elif status == "408":  # the request expired
            self._asked = 0
        else:
            self.gone = f"{status} {(message.headers or {}).get('Description', '')}".strip()
        self._something.set()

    def wants(self) -> bool:
        """Whether it is time to ask for more."""
        expired = monotonic() - self._asked_at > EXPIRES
        return expired or self._asked + len(self._came) <= PREFETCH // 2

    async def ask(self) -> None:
        """Ask for as many messages as there is room for."""
        if monotonic() - self._asked_at > EXPIRES:
            self._asked = 0
        room = PREFETCH - len(self._came) - self._asked
        if room <= 0:
            return
        self._asked, self._asked_at = self._asked + room, monotonic()
        request = {"batch": room, "expires": int(EXPIRES * NANOSECONDS)}
        await self._client.publish(self._subject, msgspec.json.encode(request), reply=self._inbox)

    def take(self, limit: int) -> list[Msg]:
        """Up to `limit` messages that are here."""
        return [self._came.popleft() for _ in range(min(limit, len(self._came)))]

    def wait(self, seconds: float) -> None:
        """Wait until something is here, or the time is up."""
        self._something.clear()
        if not self._came and not self.gone:
            self._something.wait(seconds)


class NatsPartition:
    """One subject of the stream. A message's id is its sequence number in the stream."""

    def __init__(self, connection: Connection, stream: str, number: int, group: str) -> None:
        self.name = f"{stream}.{number}"
        self._connection, self._stream = connection, stream
        self._prefix = f"{group}-{number}-"  # of the consumers of this partition
        self._consumer = ""
        self._pull: Pull | None = None
        self._losses = 0  # of the connection when it was opened
        self._last, self._deliveries = 0, 0  # sequence numbers in the stream and of the consumer, of what was read
        self._reply: dict[str, str] = {}  # where to acknowledge: of the messages read and not settled, by id

    def open(self, position: bytes | None) -> None:
        """Begin behind the committed sequence number, or behind what is acknowledged."""
        self.close()
        with told(self._stream):
            self._connection.run(self._open(0 if position is None else int(position)))

    async def _open(self, committed: int) -> None:
        self._losses = self._connection.losses
        client = await self._connection.client()
        stream = await self._connection.stream()
        before = await self._consumers(stream)
        floors = [info.ack_floor.stream_seq for info in before if info.ack_floor is not None]
        self._last, self._deliveries = max([committed, *floors]), 0
        for info in before:
            await stream.delete_consumer(self._stream, info.name)
        retention = (await stream.stream_info(self._stream)).config.retention
        start = self._last + 1 if retention == RetentionPolicy.LIMITS and self._last else None
        self._consumer = self._prefix + uuid.uuid4().hex[:12]
        config = ConsumerConfig(
            durable_name=self._consumer, filter_subject=self.name, ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT,
            max_ack_pending=MOST_WAITING, opt_start_seq=start,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE if start else DeliverPolicy.ALL,
        )  # fmt: skip
        await stream.add_consumer(self._stream, config)
        pull = Pull(client, self._stream, self._consumer)
        await pull.start()
        self._pull = pull

    async def _consumers(self, stream: JetStreamContext) -> list[ConsumerInfo]:
        """The consumers of this partition, of earlier owners."""
        found: list[ConsumerInfo] = []
        while page := await stream.consumers_info(self._stream, offset=len(found)):
            found += page
        return [info for info in found if info.name.startswith(self._prefix)]

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Up to `limit` messages, waiting up to `seconds` for the first. Raises `Displaced` where another reads."""
        if self._pull is None:
            raise StreamError(f"partition {self.name!r} is not open. Mend: open it first")
        until = monotonic() + seconds
        with told(self._stream):
            while True:
                self._check(self._pull)
                found = [message for message in map(self._taken, self._pull.take(limit)) if message is not None]
                if self._pull.wants():
                    self._connection.run(self._pull.ask())
                left = until - monotonic()
                if found or left <= 0:
                    return found
                self._pull.wait(min(left, LOOK))

    def _check(self, pull: Pull) -> None:
        """Raises where nothing could come, or something may have been lost on the way."""
        if self._connection.losses != self._losses:
            raise OSError("the connection was lost")
        if pull.gone:
            mend = "Mend: none, it is read elsewhere"
            raise Displaced(f"partition {self.name!r}: its consumer is gone ({pull.gone}). {mend}")

    def _taken(self, raw: Msg) -> Message | None:
        """The message, unless it was read before: the server gives it again where an acknowledgement got lost."""
        metadata = raw.metadata
        if metadata.sequence.consumer != self._deliveries + 1:
            raise OSError("a message was lost on the way")
        self._deliveries += 1
        sequence = metadata.sequence.stream
        if sequence <= self._last:
            return None
        self._last = sequence
        self._reply[str(sequence)] = raw.reply
        headers = {name.lower(): value for name, value in (raw.headers or {}).items()}
        return Message(str(sequence), raw.data, headers, round(metadata.timestamp.timestamp() * 1000))

    def position(self, messages: Sequence[Message]) -> bytes | None:
        """The sequence number of the last message."""
        return messages[-1].id.encode() if messages else None

    def ack(self, messages: Sequence[Message]) -> Ack | None:
        """None: no store is a NATS server."""
        return None

    def settle(self, messages: Sequence[Message]) -> None:
        """Acknowledge."""
        with told(self._stream):
            self._connection.run(self._settle([message.id for message in messages]))

    async def _settle(self, ids: list[str]) -> None:
        client = await self._connection.client()
        for identifier in ids:
            reply = self._reply.pop(identifier, None)
            if reply is not None:
                await client.publish(reply, b"+ACK")
        await client.flush(round(self._connection.timeout))

    def lag(self) -> int:
        """Messages that were never delivered or not acknowledged."""
        with told(self._stream):
            return self._connection.run(self._lag())

    async def _lag(self) -> int:
        info = await (await self._connection.stream()).consumer_info(self._stream, self._consumer)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    def close(self) -> None:
        """Stop reading. The consumer stays, so that the broker knows the place, until the partition is opened again."""
        if self._pull is not None:
            pull, self._pull = self._pull, None
            with suppress(NatsError, OSError, TimeoutError):  # the server drops it with the connection
                self._connection.run(pull.stop())
        self._reply.clear()


class NatsStream:
    """The subjects `name.0` to `name.P-1` of the JetStream stream `name`."""

    def __init__(self, settings: StreamSettings) -> None:
        self.name, self._settings, self._connection = settings.name, settings, Connection(settings)

    def partitions(self) -> list[Partition]:
        """All partitions, closed."""
        count, group = self._settings.partitions, self._settings.group
        return [NatsPartition(self._connection, self.name, number, group) for number in range(count)]

    def ping(self) -> None:
        """Raises `StreamDown` where the server does not answer, `StreamError` where it has no such stream."""
        with told(self.name):
            self._connection.run(self._look())

    async def _look(self) -> None:
        await (await self._connection.stream()).stream_info(self.name)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


class NatsPublisher:
    """Publishes to the subjects `name.0` to `name.P-1`; the server drops a repeated id within its duplicate window."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings, self._connection = settings, Connection(settings)

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Publish in order, and wait until the server has each."""
        with told(self._settings.name):
            self._connection.run(self._send(messages), self._connection.timeout * (1 + len(messages) / AT_ONCE))

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        stream = await self._connection.stream()
        name, partitions = self._settings.name, self._settings.partitions
        for start in range(0, len(messages), AT_ONCE):
            waiting = [
                await stream.publish_async(
                    f"{name}.{partition_of(key, partitions)}", body, headers={**headers, "Nats-Msg-Id": identifier}
                )
                for key, identifier, body, headers in messages[start : start + AT_ONCE]
            ]
            await asyncio.wait_for(asyncio.gather(*waiting), self._connection.timeout)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()
