"""One suite that every stream passes, on real brokers: in order, nothing lost, nothing twice once it is settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from nats.js.api import StreamConfig

from serving.streams.opening import open_publisher, open_stream
from serving.streams.partitions import partition_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import Displaced, Message, Outgoing, Partition, Stream, StreamDown, StreamError
from tests.servers.kafka import create_topic, kafka_server
from tests.servers.nats import create_nats_stream, nats_server
from tests.servers.process import Server
from tests.servers.proxy import Proxy
from tests.servers.redis_server import redis_server

PARTITIONS = 2
WAIT = 5.0  # seconds for what has to come
SHORT = 0.3  # seconds in which nothing comes
RECOVERY = 20.0  # seconds for a broker to be back
TIMEOUT = 1.5  # seconds that the broker has to answer

pytestmark = pytest.mark.xdist_group("brokers")


class Broker(NamedTuple):
    """A broker, how it goes away and comes back, and how a new stream is made on it."""

    kind: str
    down: Callable[[], None]
    up: Callable[[], None]
    make: Callable[[str], StreamSettings]


class Files:
    """Stands for the broker of files: their folder is moved away and back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.away = folder / "files", folder / "away"
        self.folder.mkdir()

    def down(self) -> None:
        self.folder.rename(self.away)

    def up(self) -> None:
        self.away.rename(self.folder)

    def make(self, name: str) -> StreamSettings:
        (self.folder / f"{name}.jsonl").touch()
        return StreamSettings(f"file:{self.folder / name}.jsonl", name, 1)


def files(folder: Path) -> Iterator[Broker]:
    made = Files(folder)
    yield Broker("file", made.down, made.up, made.make)


def redis(folder: Path) -> Iterator[Broker]:
    with redis_server(folder) as server:
        url = f"redis://127.0.0.1:{server.port}"
        yield of_server("redis", server, lambda name: StreamSettings(url, name, PARTITIONS, timeout=TIMEOUT))


def nats(folder: Path) -> Iterator[Broker]:
    with nats_server(folder) as server:

        def make(name: str) -> StreamSettings:
            create_nats_stream(server.port, StreamConfig(name=name, subjects=[f"{name}.*"]))
            return StreamSettings(f"nats://127.0.0.1:{server.port}", name, PARTITIONS, timeout=TIMEOUT)

        yield of_server("nats", server, make)


def kafka(folder: Path) -> Iterator[Broker]:
    proxy = Proxy()
    with kafka_server(folder, proxy.port) as server:
        proxy.heal(server.port)

        def make(name: str) -> StreamSettings:
            create_topic(proxy.port, name, PARTITIONS)
            return StreamSettings(f"kafka://127.0.0.1:{proxy.port}", name, PARTITIONS, timeout=TIMEOUT)

        yield Broker("kafka", proxy.cut, proxy.heal, make)
        proxy.cut()


def of_server(kind: str, server: Server, make: Callable[[str], StreamSettings]) -> Broker:
    return Broker(kind, server.kill, server.start, make)


BROKERS = {"file": files, "redis": redis, "nats": nats, "kafka": kafka}


@pytest.fixture(scope="module", params=BROKERS)
def broker(request, tmp_path_factory):
    yield from BROKERS[request.param](tmp_path_factory.mktemp(request.param))


class Made(NamedTuple):
    """A new stream with messages in it: the bodies of each partition, in order."""

    settings: StreamSettings
    stream: Stream
    sent: dict[int, list[bytes]]

    def send(self, n: int, body: Callable[[int], bytes] = lambda i: b'{"n": %d}' % i, **headers: str) -> None:
        first = sum(map(len, self.sent.values()))
        messages = [Outgoing(f"user{i}", str(first + i), body(first + i), headers) for i in range(n)]
        publisher = open_publisher(self.settings)
        publisher.send(messages)
        publisher.close()
        for message in messages:
            self.sent[partition_of(message.key, self.settings.partitions)].append(message.body)

    def partition(self, number: int = 0) -> Partition:
        return self.stream.partitions()[number]


counted = iter(range(1_000))


@pytest.fixture
def made(broker):
    settings = broker.make(f"events{next(counted)}")
    stream = open_stream(settings)
    yield Made(settings, stream, {number: [] for number in range(settings.partitions)})
    stream.close()


def drain(partition: Partition, n: int, limit: int = 7) -> list[Message]:
    """The next `n` messages."""
    found: list[Message] = []
    until = time.monotonic() + WAIT
    while len(found) < n and time.monotonic() < until:
        found += partition.read(min(limit, n - len(found)), SHORT)
    assert len(found) == n
    return found


def bodies(messages: list[Message]) -> list[bytes]:
    return [message.body for message in messages]


def test_messages_come_in_order_each_in_the_partition_of_its_key(made):
    made.send(60)
    for number, sent in made.sent.items():
        partition = made.partition(number)
        partition.open(None)
        assert bodies(drain(partition, len(sent))) == sent
        assert partition.read(10, SHORT) == []
        partition.close()


def test_what_comes_while_reading_waits_comes_at_once(made):
    partition = made.partition()
    partition.open(None)
    assert partition.read(10, SHORT) == []
    made.send(30)
    begun = time.monotonic()
    assert bodies(drain(partition, len(made.sent[0]), limit=200)) == made.sent[0]
    assert time.monotonic() - begun < 1.0
    partition.close()


def test_a_read_takes_no_more_than_its_limit(made):
    made.send(40)
    partition = made.partition()
    partition.open(None)
    assert 0 < len(partition.read(3, WAIT)) <= 3
    partition.close()


def test_what_was_not_settled_comes_again_in_order_before_anything_new(made):
    made.send(40)
    partition = made.partition()
    partition.open(None)
    drain(partition, len(made.sent[0]))
    partition.close()
    made.send(20)
    partition.open(None)
    assert bodies(drain(partition, len(made.sent[0]))) == made.sent[0]
    partition.close()


def test_what_was_settled_does_not_come_again(made):
    made.send(40)
    partition = made.partition()
    partition.open(None)
    first = drain(partition, 5)
    position = partition.position(first)
    partition.settle(first)
    drain(partition, 3)
    partition.close()
    again = made.partition()
    again.open(position)
    assert bodies(drain(again, len(made.sent[0]) - 5)) == made.sent[0][5:]
    again.close()


@pytest.mark.parametrize("broker", ["file", "nats", "kafka"], indirect=True)  # Redis keeps the place in its group
def test_a_position_alone_is_enough(made):
    made.send(40)
    partition = made.partition()
    partition.open(None)
    position = partition.position(drain(partition, 5))
    partition.close()
    partition.open(position)
    assert bodies(drain(partition, len(made.sent[0]) - 5)) == made.sent[0][5:]
    partition.close()


def test_ids_are_those_of_the_first_time(made):
    made.send(30)
    partition = made.partition()
    partition.open(None)
    first = drain(partition, len(made.sent[0]))
    partition.close()
    partition.open(None)
    assert drain(partition, len(made.sent[0])) == first
    partition.close()
    assert len({message.id for message in first}) == len(first)


def test_headers_survive_with_names_in_lower_case(made, broker):
    made.send(10, **{"Ce-Id": "ä 1", "content-type": "application/json"})
    partition = made.partition()
    partition.open(None)
    expected = {} if broker.kind == "file" else {"ce-id": "ä 1", "content-type": "application/json"}
    told = drain(partition, 1)[0].headers
    assert {name: told[name] for name in expected} == expected
    partition.close()


def test_lag_counts_what_waits_to_be_settled_or_read(made):
    made.send(40)
    partition = made.partition()
    partition.open(None)
    n = len(made.sent[0])
    read = drain(partition, 5)
    assert partition.lag() == n
    partition.settle(read)
    assert partition.lag() == n - 5
    partition.close()


def test_a_large_message_comes_whole_and_keeps_the_stream_moving(made):
    large = b'"%s"' % (b"x" * 900_000)
    made.send(8, lambda i: large if i == 2 else b"%d" % i)
    for number, sent in made.sent.items():
        partition = made.partition(number)
        partition.open(None)
        assert bodies(drain(partition, len(sent))) == sent
        partition.close()


def test_a_body_may_be_anything_that_the_broker_takes(made, broker):
    strange = [b"{", b"\xff\xfe", b"[1, 2]", b"null"]
    made.send(8, lambda i: strange[i % len(strange)])
    for number, sent in made.sent.items():
        partition = made.partition(number)
        partition.open(None)
        assert bodies(drain(partition, len(sent))) == sent
        partition.close()


def test_who_opened_a_partition_first_reads_nothing_after_the_second(made, broker):
    """A worker that was stopped and wakes takes nothing from its successor, whose messages stay in order."""
    made.send(60)
    first, second = made.partition(), made.partition()
    first.open(None)
    drain(first, 4)
    second.open(None)
    drain(second, 2)
    if broker.kind in ("file", "kafka"):
        first.read(3, SHORT)  # reading takes nothing away here
    else:
        with pytest.raises((Displaced, StreamDown)):
            read_on(first)
    assert bodies(drain(second, len(made.sent[0]) - 2)) == made.sent[0][2:]
    first.close()
    second.close()


def test_a_broker_that_is_away_is_told_and_reading_goes_on_when_it_is_back(made, broker):
    made.send(40)
    partition = made.partition()
    partition.open(None)
    first = drain(partition, 5)
    position = partition.position(first)
    partition.settle(first)
    made.stream.ping()
    broker.down()
    try:
        begun = time.monotonic()
        with pytest.raises(StreamDown, match="Mend"):
            made.stream.ping()
        partition.close()
        with pytest.raises(StreamDown, match="Mend"):
            partition.open(position)
        assert time.monotonic() - begun < 6 * TIMEOUT
    finally:
        broker.up()
    opened_again(partition, position)
    assert bodies(drain(partition, len(made.sent[0]) - 5)) == made.sent[0][5:]
    partition.close()


def read_on(partition: Partition) -> None:
    """Read until something is raised, or the time is up."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        partition.read(3, SHORT)


def opened_again(partition: Partition, position: bytes | None) -> None:
    until = time.monotonic() + RECOVERY
    while True:
        try:
            return partition.open(position)
        except StreamDown:
            assert time.monotonic() < until
            time.sleep(0.1)


@pytest.mark.parametrize("broker", ["redis", "nats", "kafka"], indirect=True)  # an open file stays readable
def test_reading_notices_that_the_broker_went_away(made, broker):
    partition = made.partition()
    partition.open(None)
    broker.down()
    try:
        with pytest.raises(StreamDown, match="Mend"):
            read_on(partition)
    finally:
        broker.up()
    partition.close()
    opened_again(partition, None)
    made.send(20)
    assert bodies(drain(partition, len(made.sent[0]))) == made.sent[0]
    partition.close()


def test_a_partition_is_read_only_while_it_is_open(made):
    with pytest.raises(StreamError, match="Mend: "):
        made.partition().read(1, 0)


def test_partitions_have_the_same_names_every_time(made):
    names = [partition.name for partition in made.stream.partitions()]
    assert len(set(names)) == made.settings.partitions
    assert names == [partition.name for partition in made.stream.partitions()]


def test_a_url_of_no_kind_is_refused():
    with pytest.raises(StreamError, match="Mend"):
        open_stream(StreamSettings("amqp://localhost", "events"))
