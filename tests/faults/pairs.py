"""The pairings of store and stream that production would run, on servers of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from nats.js.api import StreamConfig

from serving.streams.settings import StreamSettings
from tests.servers.kafka import create_topic, kafka_server
from tests.servers.nats import create_nats_stream, nats_server
from tests.servers.postgres_server import postgres_server, url_at
from tests.servers.process import Server
from tests.servers.proxy import Proxy
from tests.servers.redis_server import redis_server

NAME, PARTITIONS, TIMEOUT = "events", 4, 1.5


class Pair(NamedTuple):
    """A store and a stream; how the broker goes away and comes back, and the server of the store, if it has one."""

    name: str
    store: str
    stream: StreamSettings
    broker_down: Callable[[], None]
    broker_up: Callable[[], None]
    server: Server | None = None


def file_and_sqlite(folder: Path) -> Iterator[Pair]:
    files, away = folder / "files", folder / "away"
    files.mkdir()
    for number in range(2):
        (files / f"{number}.jsonl").touch()
    stream = StreamSettings(f"file:{files}", NAME, 2)
    yield Pair(
        "sqlite+file", f"sqlite:{folder}/state.sqlite", stream, lambda: files.rename(away) and None,
        lambda: away.rename(files) and None,
    )  # fmt: skip


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def redis_and_redis(folder: Path) -> Iterator[Pair]:
    with redis_server(folder, "always") as server:
        url = f"redis://127.0.0.1:{server.port}"
        stream = StreamSettings(url, NAME, PARTITIONS, timeout=TIMEOUT)
        yield Pair("redis+redis", url, stream, server.kill, server.start, server)


def nats_and_postgres(folder: Path) -> Iterator[Pair]:
    with nats_server(folder) as broker, postgres_server(made(folder / "postgres")) as server:
        create_nats_stream(broker.port, StreamConfig(name=NAME, subjects=[f"{NAME}.*"]))
        stream = StreamSettings(f"nats://127.0.0.1:{broker.port}", NAME, PARTITIONS, timeout=TIMEOUT)
        yield Pair("postgres+nats", url_at(server.port), stream, broker.kill, broker.start, server)


def kafka_and_postgres(folder: Path) -> Iterator[Pair]:
    proxy = Proxy()
    with kafka_server(folder, proxy.port) as broker, postgres_server(made(folder / "postgres")) as server:
        proxy.heal(broker.port)
        create_topic(proxy.port, NAME, PARTITIONS)
        stream = StreamSettings(f"kafka://127.0.0.1:{proxy.port}", NAME, PARTITIONS, timeout=TIMEOUT)
        yield Pair("postgres+kafka", url_at(server.port), stream, proxy.cut, proxy.heal, server)
        proxy.cut()


def redis_and_sqlite(folder: Path) -> Iterator[Pair]:
    """A store that cannot acknowledge: what was committed comes again, and is known by its id."""
    with redis_server(folder, "always") as server:
        stream = StreamSettings(f"redis://127.0.0.1:{server.port}", NAME, PARTITIONS, timeout=TIMEOUT)
        yield Pair("sqlite+redis", f"sqlite:{folder}/state.sqlite", stream, server.kill, server.start, server)


PAIRS = {
    "sqlite+file": file_and_sqlite, "redis+redis": redis_and_redis, "postgres+nats": nats_and_postgres,
    "postgres+kafka": kafka_and_postgres,
}  # fmt: skip
ALL_PAIRS = {**PAIRS, "sqlite+redis": redis_and_sqlite}  # the last for what only its acknowledging could lose
