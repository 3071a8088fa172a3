"""A worker in a process of its own, as production would run one: a consumer, an engine, a store, perhaps an outlet.

`python -m tests.faults.worker BUNDLE...` loads everything once and then forks a worker for each line of JSON that it
reads (`Order`), so that a test can have dozens of them. The worker's pid is answered on a line.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path
from threading import Event as Signal
from typing import Any

import msgspec

from policies.bundle import load_bundle
from serving.consumer import Consumer
from serving.engine import Engine, Serving
from serving.formats.reading import read_message
from serving.guard.guarded_store import GuardedStore
from serving.outlets.outlet import Outlet
from serving.outlets.published import PublishedSink
from serving.partition_reader import Pace
from serving.stores.memory_store import MemoryStore
from serving.stores.opening import open_store
from serving.streams.opening import open_publisher, open_stream
from serving.streams.settings import StreamSettings
from tests.faults.fuse import Fuse, Fused, FusedStream


class Order(msgspec.Struct):
    """What a worker is to do, and where it is to stop."""

    store: str  # url
    stream: StreamSettings
    log: str  # file for what it says
    lease: float = 0.6  # seconds
    batch: int = 16
    point: str | None = None
    nth: int = 1
    number: int = signal.SIGKILL
    outlet: StreamSettings | None = None
    clock: float = 0.0  # seconds by which this machine's clock is wrong
    backwards: float = 0.0  # seconds that the clock falls behind in each second
    largest_file: int | None = None  # bytes: beyond, the disk is full
    timeout: float = 2.0  # seconds for the store
    tolerance_ms: int | None = None


class Log:
    """Tells what happened in a file that the test shows when it fails."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", buffering=1)  # noqa: SIM115 (open for the worker's life)

    def batch(self, partition: str, answers: Any, seconds: float, waited: Any) -> None:
        outcomes = [answer.outcome for answer in answers]
        told = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
        self._file.write(f"{time.monotonic():.3f} {os.getpid()} {partition} {told}\n")

    def lag(self, partition: str, messages: int) -> None:
        self._file.write(f"{time.monotonic():.3f} {os.getpid()} {partition} lag {messages}\n")

    def trouble(self, partition: str, error: Exception) -> None:
        self._file.write(f"{time.monotonic():.3f} {os.getpid()} {partition} {error!r}\n")

    def delivered(self, outlet: str, decisions: int) -> None:
        self._file.write(f"{time.monotonic():.3f} {os.getpid()} {outlet} delivered {decisions}\n")

    def refused(self, outlet: str, refusal: Any) -> None:
        self._file.write(f"{time.monotonic():.3f} {os.getpid()} {outlet} refused {refusal}\n")


def work(order: Order, bundles: list[Any]) -> None:
    """Work until told to end."""
    ended = Signal()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if order.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.largest_file, resource.RLIM_INFINITY))
    if order.clock or order.backwards:
        set_clock(order.clock, order.backwards)
    fuse, watch = Fuse(order.point, order.nth, order.number), Log(order.log)
    store: Any = GuardedStore(patiently(order, watch))
    store = Fused(store, fuse, {"commit", "claim", "keep"})
    stream: Any = FusedStream(patient_stream(order, watch), fuse, set())
    engine = Engine(store, bundles, Serving(tolerance_ms=order.tolerance_ms), time.time)  # as set
    decode = lambda body, headers, source: read_message(body, headers, None, source)  # noqa: E731
    consumer = Consumer(
        stream, store, engine, decode, watch, Pace(order.batch, 0.1), order.lease, f"worker-{os.getpid()}"
    )
    outlet = None
    if order.outlet is not None:
        sink: Any = Fused(PublishedSink(open_publisher(order.outlet)), fuse, {"deliver"})
        outlet = Outlet("decisions", store, sink, watch, order.lease, owner=f"worker-{os.getpid()}")
        outlet.start()
    consumer.start()
    ended.wait()
    consumer.drain()
    if outlet is not None:
        outlet.drain()
    stream.close()
    store.close()


def patiently(order: Order, watch: Log) -> Any:
    """The store, as soon as it answers."""
    return tried(lambda: open_store(order.store, order.timeout), watch)


def patient_stream(order: Order, watch: Log) -> Any:
    return tried(lambda: open_stream(order.stream), watch)


def tried(make: Any, watch: Log) -> Any:
    while True:
        try:
            return make()
        except Exception as error:
            watch.trouble("start", error)
            time.sleep(0.1)


def set_clock(offset: float, backwards: float) -> None:
    """Make this machine's clock wrong by `offset`, and lose `backwards` seconds in each second."""
    true, begun = time.time, time.monotonic()
    time.time = lambda: true() + offset - (1 + backwards) * (time.monotonic() - begun) * bool(backwards)


def main() -> None:
    """Fork a worker for each order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a worker: it is gone when it ends
    bundles = [load_bundle(path) for path in sys.argv[1:]]
    Engine(MemoryStore(), bundles)  # compiles, so that no worker has to
    print("ready", flush=True)
    while line := sys.stdin.buffer.readline():
        order = msgspec.json.decode(line, type=Order)
        pid = os.fork()
        if pid == 0:
            run(partial(work, order, bundles), order)
        print(json.dumps(pid), flush=True)


def run(job: Any, order: Order) -> None:
    """The whole life of a worker's process."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        with open(order.log, "a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        job()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
