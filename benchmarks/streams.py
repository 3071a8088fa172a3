"""Events a second through a worker from a stream to a durable decision, beside a bare loop that reads and acknowledges.

A step is: read, decode, fold, decide, write state, log and decision record, acknowledge. Brokers and stores are real
servers of the benchmark's own on this machine, so that server and worker share its cores. Rates are by the clock.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import redis

from benchmarks.measure import Contender, Row, against, beside, row_of, take_turns
from benchmarks.runtime import JOURNEY, some_bundle
from benchmarks.settings import Settings
from journeys.events import Event, encoder
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import Bundle
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log
from serving.answer import Answer
from serving.consumer import Consumer
from serving.engine import Engine, Serving
from serving.formats.reading import read_message
from serving.garbage import collect_seldom
from serving.partition_reader import Pace, Unwatched
from serving.stores.opening import open_store
from serving.streams.opening import open_publisher, open_stream
from serving.streams.settings import StreamSettings
from serving.streams.stream import Outgoing
from tests.faults.pairs import PAIRS, Pair
from tests.servers.redis_server import redis_server

PARTITIONS, BATCH = 4, 200
NAME = "bench"
MOST_ROUNDS = 3
LEAST = {"everysec": (25_000.0, "25k, aim 45k"), "always": (10_000.0, "10k, aim 17k")}
PACED_SHARE = 0.5  # of the rate reached, at which waiting times are taken
MOST_MS, MS = 100.0, 1e3
IDLE_SECONDS = 60.0  # without a batch: something is broken


class Counting(Unwatched):
    """Counts events, and how long each waited from its broker to its commit (seconds)."""

    def __init__(self, expected: int) -> None:
        self.expected, self.done, self.waited = expected, threading.Event(), list[float]()
        self._count, self._lock = 0, threading.Lock()

    def batch(self, partition: str, answers: Sequence[Answer], seconds: float, waited: Sequence[float]) -> None:
        """Count."""
        with self._lock:
            self._count += len(answers)
            self.waited += waited
            if self._count >= self.expected:
                self.done.set()


class Work(NamedTuple):
    """What is measured on: events, as messages, for a bundle."""

    bundle: Bundle
    messages: list[Outgoing]

    def named(self, prefix: str) -> list[Outgoing]:
        """The same for other users: `prefix` makes them and their events new."""
        mark = prefix.encode()
        return [
            m._replace(key=prefix + m.key, body=m.body.replace(b'"user":"', b'"user":"' + mark)) for m in self.messages
        ]


def work_of(users: int, folder: Path) -> Work:
    """The events of synthetic users, in order of time."""
    journey = load_journey(JOURNEY)
    log = event_log(journey, load_population("mixed"), expert_rules(), users, seed=1)
    events: list[Event] = [event for event in log if event.kind != "decision"]
    return Work(some_bundle(journey, folder), [Outgoing(e.user, e.id, encoder.encode(e), {}) for e in events])


def publish(stream: StreamSettings, messages: Sequence[Outgoing]) -> None:
    """Send all messages, some at a time."""
    publisher = open_publisher(stream)
    for start in range(0, len(messages), BATCH):
        publisher.send(messages[start : start + BATCH])
    publisher.close()


@contextmanager
def consuming(work: Work, store_url: str, settings: StreamSettings, reasons: int, watch: Counting) -> Iterator[float]:
    """A worker of one process on stream and store, and when it began to read."""
    with ExitStack() as stack:
        store, stream = open_store(store_url), open_stream(settings)
        stack.callback(store.close)
        stack.callback(stream.close)
        engine = Engine(store, [work.bundle], Serving(reasons=reasons, tolerance_ms=None))
        collect_seldom()

        def decode(body: bytes, headers: object, source: str) -> Sequence[Event]:
            return read_message(body, headers, source=source)  # type: ignore[arg-type,return-value]

        consumer = Consumer(stream, store, engine, decode, watch, Pace(BATCH))
        begin = time.perf_counter()
        consumer.start()
        stack.callback(consumer.drain)
        yield begin


def through(work: Work, store_url: str, settings: StreamSettings, reasons: int, prefix: str) -> tuple[float, float]:
    """Events and the seconds that a worker takes for them, all waiting in the stream."""
    messages, watch = work.named(prefix), Counting(len(work.messages))
    publish(settings, messages)
    with consuming(work, store_url, settings, reasons, watch) as begin:
        if not watch.done.wait(IDLE_SECONDS):
            raise RuntimeError(f"{settings.url}: a worker stopped reading")
        seconds = time.perf_counter() - begin
    return len(messages), seconds


def bare_redis(work: Work, client: redis.Redis, prefix: str) -> tuple[float, float]:
    """XREADGROUP and XACK alone, in batches of the same size."""
    settings = StreamSettings(
        f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}", "bare", PARTITIONS
    )
    messages = work.named(prefix)
    publish(settings, messages)
    keys = {f"bare:{number}": ">" for number in range(PARTITIONS)}
    for key in keys:
        client.xgroup_create(key, prefix, "0")
    begin, count = time.perf_counter(), 0
    while found := client.xreadgroup(prefix, "one", keys, count=BATCH):
        for key, batch in found:
            client.xack(key, prefix, *(name for name, _ in batch))
            count += len(batch)
    seconds = time.perf_counter() - begin
    client.delete(*keys)
    return count, seconds


def waiting_times(work: Work, store_url: str, settings: StreamSettings, rate: float) -> list[float]:
    """Milliseconds from broker to commit of events that come at `rate` a second."""
    watch, messages = Counting(len(work.messages)), work.named("paced-")
    publisher, size = open_publisher(settings), 50
    with consuming(work, store_url, settings, 0, watch):
        time.sleep(1.0)
        begin = time.perf_counter()
        for start in range(0, len(messages), size):
            time.sleep(max(0.0, begin + start / rate - time.perf_counter()))
            publisher.send(messages[start : start + size])
        if not watch.done.wait(IDLE_SECONDS):
            raise RuntimeError(f"{settings.url}: a worker stopped reading")
    publisher.close()
    return [MS * value for value in watch.waited]


def redis_rows(work: Work, fsync: str, rounds: int) -> list[Row]:
    """Redis for stream and store, with an append-only file."""
    section = f"Redis stream to decision, appendfsync {fsync}"
    least, label = LEAST[fsync]
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder), fsync) as server:
        url, client = f"redis://127.0.0.1:{server.port}", redis.Redis(port=server.port)
        settings, numbers = StreamSettings(url, NAME, PARTITIONS), iter(range(1_000_000))

        def sample(reasons: int) -> Callable[[], tuple[float, float]]:
            def run() -> tuple[float, float]:
                client.flushdb()
                return through(work, url, settings, reasons, f"r{next(numbers)}-")

            return run

        names = "bare XREADGROUP + XACK", "worker", "worker, three reasons"
        rows = take_turns(
            section,
            [
                Contender(names[0], "events/s", lambda: bare_redis(work, client, f"r{next(numbers)}-")),
                Contender(names[1], "events/s", sample(0)),
                Contender(names[2], "events/s", sample(3)),
            ],
            rounds,
        )
        client.flushdb()
        waits = waiting_times(work, url, settings, PACED_SHARE * rows[names[1]].median)
        client.close()
    bare = rows[names[0]]
    p99 = row_of(
        section, "worker at half its rate: p99 from broker to decision", "ms", [float(np.percentile(waits, 99))]
    )
    return [
        bare,
        against(beside(rows[names[1]], bare), least, label),
        beside(rows[names[2]], bare),
        against(p99, MOST_MS, "< 100 ms", at_most=True),
    ]


def pair_row(work: Work, name: str) -> Row:
    """A worker on another pair of store and stream, once."""
    with tempfile.TemporaryDirectory() as folder:
        pairs: Iterator[Pair] = PAIRS[name](Path(folder))
        pair = next(pairs)
        try:
            count, seconds = through(work, pair.store, pair.stream, 0, "p-")
        finally:
            pairs.close()
    return row_of("other streams and stores, worker", name, "events/s", [count / seconds])


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    rounds = min(MOST_ROUNDS, settings.rounds)
    with tempfile.TemporaryDirectory() as folder:
        work = work_of(10 * settings.runtime_users, Path(folder))
        rows = [row for fsync in LEAST for row in redis_rows(work, fsync, rounds)]
        return rows + [pair_row(work, name) for name in PAIRS if name != "redis+redis"]
