"""Events from a Kafka topic: each partition is read by whoever owns its lease, at the offset committed in the store.

No consumer group is joined: the broker gives nobody a partition and takes none away. Offsets are told to the group
`group` nevertheless, for the tools that show how far reading has come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage

from serving.stores.store import Ack
from serving.streams.partitions import partition_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import Message, Outgoing, Partition, StreamDown, StreamError

PREFETCH_KB = 8_192  # of messages that wait to be read, per partition: bounds the memory
LINGER_MS = 5  # that a producer waits for more to send at once
MOST_QUEUED = 100_000  # messages that a producer holds: more than any batch
SHORTEST_BACKOFF_MS, LONGEST_BACKOFF_MS = 100, 1_000  # between two tries to reach a broker that went away
AWAY = {
    KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT,
    KafkaError._MSG_TIMED_OUT, KafkaError.REQUEST_TIMED_OUT, KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.COORDINATOR_NOT_AVAILABLE,
}  # fmt: skip
RETENTION = "events were deleted before they were read. Mend: give the topic a longer retention; "


def failure(name: str, error: KafkaError) -> StreamError:
    """What Kafka reports, in words that say what to do."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        skip = f"to go on without them, drop the note position/{name} in the store"
        return StreamError(f"partition {name!r}: {RETENTION}{skip}")
    if error.code() in AWAY or error.retriable() or error.fatal():  # fatal for that client, not for the next one
        return StreamDown(f"stream {name!r}: Kafka does not answer: {error.str()}. Mend: start it, or check the url")
    return StreamError(f"stream {name!r}: {error.str()}. Mend: check the topic and the rights to it")


@contextmanager
def told(name: str) -> Iterator[None]:
    """Raises what Kafka reports as this module's errors."""
    try:
        yield
    except KafkaException as error:
        raise failure(name, error.args[0]) from None


def servers(settings: StreamSettings) -> dict[str, str | int | float | bool]:
    """Settings that readers and senders share."""
    return {
        "bootstrap.servers": settings.url.removeprefix("kafka://").rstrip("/"),
        "reconnect.backoff.ms": SHORTEST_BACKOFF_MS,
        "reconnect.backoff.max.ms": LONGEST_BACKOFF_MS,
        "socket.timeout.ms": max(1_000, round(settings.timeout * 1000)),
        "log_level": 0,  # its errors come as errors; a line on stderr is for nobody
    }


class KafkaPartition:
    """One partition of the topic. A message's id is its offset."""

    def __init__(self, settings: StreamSettings, number: int) -> None:
        self.name = f"{settings.name}:{number}"
        self._settings, self._number = settings, number
        self._consumer: Consumer | None = None
        self._trouble: KafkaError | None = None
        self._settled: int | None = None  # offset behind the last settled message

    def open(self, position: bytes | None) -> None:
        """Begin at the committed offset, or at that of the group, or at the beginning."""
        self.close()
        self._trouble = None
        consumer = Consumer(
            servers(self._settings)
            | {
                "group.id": self._settings.group, "enable.auto.commit": False, "enable.auto.offset.store": False,
                "auto.offset.reset": "error", "queued.max.messages.kbytes": PREFETCH_KB, "error_cb": self._noticed,
            }
        )  # fmt: skip
        try:
            with told(self.name):
                offset = self._known(consumer) if position is None else int(position)
                first, _ = consumer.get_watermark_offsets(self._place(), timeout=self._settings.timeout)
                consumer.assign([self._place(OFFSET_BEGINNING if offset is None else offset)])
        except StreamError:
            consumer.close()
            raise
        self._settled = first if offset is None else offset
        self._consumer = consumer

    def _place(self, offset: int | None = None) -> TopicPartition:
        if offset is None:
            return TopicPartition(self._settings.name, self._number)
        return TopicPartition(self._settings.name, self._number, offset)

    def _known(self, consumer: Consumer) -> int | None:
        """The offset that the group committed, if any."""
        place = consumer.committed([self._place()], timeout=self._settings.timeout)[0]
        if place.error is not None:
            raise KafkaException(place.error)
        return place.offset if place.offset >= 0 else None

    def _noticed(self, error: KafkaError) -> None:
        """Remember trouble of the connection; reading reports it when nothing is left to read."""
        if error.code() in AWAY:
            self._trouble = error

    def _opened(self) -> Consumer:
        if self._consumer is None:
            raise StreamError(f"partition {self.name!r} is not open. Mend: open it first")
        return self._consumer

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Up to `limit` messages, waiting up to `seconds` for the first."""
        consumer = self._opened()
        with told(self.name):
            first = consumer.poll(seconds)
            if first is None:
                if self._trouble is not None:
                    raise failure(self.name, self._trouble)
                return []
            self._trouble = None
            return [self._message(raw) for raw in [first, *consumer.consume(limit - 1, 0)] if self._sound(raw)]

    def _sound(self, raw: KafkaMessage) -> bool:
        error = raw.error()
        if error is None:
            return True
        if error.code() in AWAY:
            self._trouble = error
            return False
        raise failure(self.name, error)

    def _message(self, raw: KafkaMessage) -> Message:
        kind, time = raw.timestamp()
        headers = {str(key).lower(): (value or b"").decode("utf-8", "replace") for key, value in raw.headers() or ()}
        return Message(
            str(raw.offset()), raw.value() or b"", headers, None if kind == TIMESTAMP_NOT_AVAILABLE else time
        )

    def position(self, messages: Sequence[Message]) -> bytes | None:
        """The offset behind the last message."""
        return str(int(messages[-1].id) + 1).encode() if messages else None

    def ack(self, messages: Sequence[Message]) -> Ack | None:
        """None: no store is a Kafka broker."""
        return None

    def settle(self, messages: Sequence[Message]) -> None:
        """Tell the group how far reading has come, without waiting for the answer."""
        if messages:
            self._settled = int(messages[-1].id) + 1
            with told(self.name):
                self._opened().commit(offsets=[self._place(self._settled)], asynchronous=True)

    def lag(self) -> int:
        """Messages between the last settled one and the end of the partition."""
        with told(self.name):
            consumer = self._opened()
            _, asked = consumer.get_watermark_offsets(self._place(), timeout=self._settings.timeout)
            _, fetched = consumer.get_watermark_offsets(self._place(), cached=True)  # below 0 before the first fetch
            return max(0, max(asked, fetched) - (self._settled or 0))

    def close(self) -> None:
        """Stop reading. The client may wait for a broker that is away to hear of offsets: then it is left to itself."""
        if self._consumer is not None:
            closing = Thread(target=self._consumer.close, name=f"close-{self.name}", daemon=True)
            self._consumer = None
            closing.start()
            closing.join(self._settings.timeout)


class KafkaStream:
    """All partitions of the topic `name`."""

    def __init__(self, settings: StreamSettings) -> None:
        self.name, self._settings = settings.name, settings
        self._looker = Producer(servers(settings))

    def partitions(self) -> list[Partition]:
        """All partitions, closed. Raises `StreamError` where the topic has another number of them than configured."""
        found, said = self._count(), self._settings.partitions
        if found != said:
            mend = f"Mend: set partitions to {found}"
            raise StreamError(f"topic {self.name!r} has {found} partitions, the settings say {said}. {mend}")
        return [KafkaPartition(self._settings, number) for number in range(said)]

    def _count(self) -> int:
        with told(self.name):
            topic = self._looker.list_topics(self.name, timeout=self._settings.timeout).topics[self.name]
        if topic.error is not None:
            raise failure(self.name, topic.error)
        return len(topic.partitions)

    def ping(self) -> None:
        """Raises `StreamDown` where the broker does not answer."""
        self._count()

    def close(self) -> None:
        """Nothing is kept: the client ends with the object."""


class KafkaPublisher:
    """Produces to the topic `name`, idempotently and without gaps: the broker drops what the client itself repeats.

    After any failure the next `send` begins with a new producer, as the old one may have given up for good.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._producer: Producer | None = None

    def _opened(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                servers(self._settings)
                | {
                    "enable.idempotence": True, "enable.gapless.guarantee": True, "linger.ms": LINGER_MS,
                    "queue.buffering.max.messages": MOST_QUEUED,
                    "delivery.timeout.ms": round(self._settings.timeout * 1000),
                }
            )  # fmt: skip
        return self._producer

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Produce all, and wait until the broker has them."""
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: KafkaMessage) -> None:
            if error is not None:
                failed.append(error)

        name, partitions, producer = self._settings.name, self._settings.partitions, self._opened()
        try:
            with told(name):
                for key, _, body, headers in messages:
                    producer.produce(
                        name, body, key, partition_of(key, partitions), on_delivery=delivered,
                        headers=[(header, value.encode()) for header, value in headers.items()],
                    )  # fmt: skip
                left = producer.flush(self._settings.timeout * 2)
            if failed:
                raise failure(name, failed[0])
            if left:
                raise StreamDown(f"stream {name!r}: Kafka does not answer. Mend: start it, or check the url")
        except StreamError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of what is still queued."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0)
            self._producer = None
