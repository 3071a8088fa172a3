"""What only one kind of stream can do, or do wrong, on real brokers."""

from __future__ import annotations

import json

import pytest
import redis
from nats.js.api import RetentionPolicy, StreamConfig

from serving.streams.opening import open_publisher, open_stream
from serving.streams.partitions import partition_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import Outgoing, StreamError
from tests.servers.kafka import create_topic, kafka_server
from tests.servers.nats import create_nats_stream, nats_server
from tests.servers.redis_server import redis_server

pytestmark = pytest.mark.xdist_group("brokers")

SHORT = 0.3  # seconds


def read(partition, n: int) -> list[bytes]:
    """The next `n` bodies."""
    found: list[bytes] = []
    for _ in range(40):
        found += [message.body for message in partition.read(n - len(found), SHORT)]
        if len(found) == n:
            return found
    raise AssertionError(f"{len(found)} of {n} messages came")


def numbers(first: int, n: int) -> list[Outgoing]:
    return [Outgoing("ann", str(i), b"%d" % i) for i in range(first, first + n)]


def test_the_rule_of_partitions_is_the_documented_one():
    assert [partition_of(user, 8) for user in ("ann", "bob", "Zoë")] == [3, 0, 2]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield f"redis://127.0.0.1:{server.port}"


@pytest.fixture
def on_redis(redis_url, request):
    stream = open_stream(StreamSettings(redis_url, request.node.name[:60], 1))
    client = redis.Redis.from_url(redis_url)
    yield stream.partitions()[0], client
    client.close()
    stream.close()


def test_a_redis_message_without_a_body_shows_its_fields(on_redis):
    partition, client = on_redis
    client.xadd(partition.name, {"Id": "7", "user": "ann"})
    partition.open(None)
    assert json.loads(read(partition, 1)[0]) == {"id": "7", "user": "ann"}


def test_pending_redis_messages_that_were_trimmed_are_gone_and_block_nothing(on_redis):
    partition, client = on_redis
    for i in range(20):
        client.xadd(partition.name, {"body": b"%d" % i})
    partition.open(None)
    read(partition, 20)
    client.xtrim(partition.name, maxlen=5, approximate=False)
    partition.open(None)
    assert read(partition, 5) == [b"15", b"16", b"17", b"18", b"19"]
    client.xadd(partition.name, {"body": b"new"})
    assert read(partition, 1) == [b"new"]
    assert client.xpending(partition.name, "handrail")["pending"] == 6


def test_redis_messages_given_to_another_consumer_of_the_group_are_taken_over(on_redis):
    partition, client = on_redis
    partition.open(None)
    for i in range(6):
        client.xadd(partition.name, {"body": b"%d" % i})
    client.xreadgroup("handrail", "somebody else", {partition.name: ">"}, count=4)
    partition.open(None)
    assert read(partition, 6) == [b"%d" % i for i in range(6)]


def test_a_redis_key_that_is_no_stream_is_told(on_redis):
    partition, client = on_redis
    client.set(partition.name, "a string")
    with pytest.raises(StreamError, match=r"WRONGTYPE.*Mend"):
        partition.open(None)


@pytest.fixture(scope="module")
def nats_port(tmp_path_factory):
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server.port


def test_a_nats_work_queue_is_read_too_and_emptied(nats_port):
    config = StreamConfig(name="queue", subjects=["queue.*"], retention=RetentionPolicy.WORK_QUEUE)
    create_nats_stream(nats_port, config)
    settings = StreamSettings(f"nats://127.0.0.1:{nats_port}", "queue", 1)
    publisher, stream = open_publisher(settings), open_stream(settings)
    publisher.send(numbers(0, 10))
    partition = stream.partitions()[0]
    partition.open(None)
    first = partition.read(4, SHORT)
    position = partition.position(first)
    partition.open(position)  # committed, and the acknowledgement got lost
    rest = partition.read(10, SHORT)
    assert [message.body for message in first + rest] == [b"%d" % i for i in range(10)]
    partition.settle(rest)
    partition.close()
    partition.open(partition.position(rest))
    assert partition.read(10, SHORT) == []
    partition.close()
    publisher.close()
    stream.close()


def test_what_is_published_twice_is_in_nats_once(nats_port):
    create_nats_stream(nats_port, StreamConfig(name="once", subjects=["once.*"]))
    settings = StreamSettings(f"nats://127.0.0.1:{nats_port}", "once", 1)
    publisher, stream = open_publisher(settings), open_stream(settings)
    for _ in range(2):
        publisher.send(numbers(0, 5))
    partition = stream.partitions()[0]
    partition.open(None)
    assert partition.lag() == 5
    partition.close()
    publisher.close()
    stream.close()


def test_a_nats_stream_that_is_not_there_is_told(nats_port):
    stream = open_stream(StreamSettings(f"nats://127.0.0.1:{nats_port}", "nowhere", 1))
    with pytest.raises(StreamError, match=r"docs/streams.md"):
        stream.partitions()[0].open(None)
    stream.close()


@pytest.fixture(scope="module")
def kafka_port(tmp_path_factory):
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server.port


def test_a_kafka_topic_with_another_number_of_partitions_is_refused(kafka_port):
    create_topic(kafka_port, "three", 3)
    stream = open_stream(StreamSettings(f"kafka://127.0.0.1:{kafka_port}", "three", 2))
    with pytest.raises(StreamError, match="set partitions to 3"):
        stream.partitions()
    stream.close()


def test_a_file_that_was_replaced_or_shortened_is_refused(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(b'{"n": %d}\n' % i for i in range(50)))
    partition = open_stream(StreamSettings(f"file:{path}", "events", 1)).partitions()[0]
    partition.open(None)
    position = partition.position(partition.read(20, 0))
    for other in (b"".join(b'{"m": %d}\n' % i for i in range(50)), b'{"n": 0}\n'):
        kept = path.read_bytes()
        path.write_bytes(other)
        with pytest.raises(StreamError, match=r"replaced or shortened.*Mend"):
            partition.open(position)
        path.write_bytes(kept)
    partition.open(position)
    assert read(partition, 30)[0] == b'{"n": 20}'
    path.write_bytes(b"")
    with pytest.raises(StreamError, match=r"shortened while.*Mend"):
        partition.read(1, 0)
    partition.close()


def test_a_line_of_a_file_counts_when_it_is_ended(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n": 1}\r\n\n  \n{"n": ')
    settings = StreamSettings(f"file:{path}", "events", 1)
    partition = open_stream(settings).partitions()[0]
    partition.open(None)
    assert [message.body for message in partition.read(9, 0)] == [b'{"n": 1}']
    with path.open("ab") as file:
        file.write(b"2}\n")
    assert [message.body for message in partition.read(9, 0)] == [b'{"n": 2}']
    with path.open("ab") as file:
        file.write(b'{"n": 3')  # its writer died
    open_publisher(settings).send([Outgoing("ann", "4", b'{"n": 4}')])
    assert [message.body for message in partition.read(9, 0)] == [b'{"n": 3', b'{"n": 4}']
    partition.close()
