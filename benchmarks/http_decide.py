"""`POST /v1/decide` on one worker beside a raw ASGI echo on the same server settings; load comes from another process.

`decide` is the full step: read the event, apply it, decide, explain, record. Rates are per second of the server's
processor time, so that other work on the machine does not count; latencies are by the clock, and need a core for the
server and one for the load.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.http_load import Load, Result
from benchmarks.measure import Row, against, beside, row_of
from benchmarks.runtime import JOURNEY, some_bundle
from benchmarks.settings import Settings
from journeys.events import write_events
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log

PATH, EVENTS_PATH, UNIT = "/v1/decide", "/v1/events", "requests/s"
ECHO, DECIDE, EVENTS = "raw ASGI echo", "decide", "events, one a request, through ASGI"
CONNECTIONS = 64  # enough to keep the server busy
MANY = 1_000
AIM, LEAST = 0.8, 0.6  # share of the echo's requests a second
MOST_MS = 100.0  # p99 with many connections at half the echo's limit
SAMPLES_LONG, LEAST_SECONDS, MOST_ROUNDS = 15, 0.5, 3  # a load needs a while to be steady


class Served(NamedTuple):
    """A server in a process of its own."""

    port: int
    process: int

    def seconds(self) -> float:
        """Processor time that it took until now."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # in user mode and in the kernel


@contextmanager
def served(*command: str) -> Iterator[Served]:
    """A server in a process of its own, until the end."""
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield Served(int(server.stdout.readline().rpartition(":")[2]), server.pid)
        finally:
            server.terminate()


def put(load: Load) -> Result:
    """Put a load on a server."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Result)


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    journey, section = load_journey(JOURNEY), f"HTTP decide, one worker, {JOURNEY}"
    log = event_log(journey, load_population("mixed"), expert_rules(), settings.runtime_users, seed=1)
    rounds, seconds = min(MOST_ROUNDS, settings.rounds), max(LEAST_SECONDS, SAMPLES_LONG * settings.sample_seconds)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        events = str(folder / "events.jsonl")
        write_events(events, (event for event in log if event.kind != "decision"))
        some_bundle(journey, folder)
        ours = ("serving.service.serve", "--bundle", str(folder / "bundle"), "--store", "memory:", "--port", "0")
        with served("benchmarks.http_echo") as bare, served(*ours) as service:
            asked = {ECHO: (bare, PATH), DECIDE: (service, PATH), EVENTS: (service, EVENTS_PATH)}
            rates: dict[str, list[float]] = {name: [] for name in asked}
            clock = 0.0  # requests a second by the clock: the echo's limit in this run
            for number in range(rounds + 1):
                for name, (server, path) in asked.items():
                    load = Load(server.port, path, events, CONNECTIONS, seconds, tag=f"r{number}-{len(name)}-")
                    before, result = server.seconds(), put(load)
                    if number:
                        rates[name].append(result.answers / (server.seconds() - before))
                        clock = max(clock, result.answers / result.seconds) if server is bare else clock
            echo = row_of(section, ECHO, UNIT, rates[ECHO])
            decide = beside(row_of(section, DECIDE, UNIT, rates[DECIDE]), echo)
            rows = [echo, against(decide, LEAST * echo.median, f"{LEAST:.0%} of the echo, aim {AIM:.0%}")]
            rows.append(beside(row_of(section, EVENTS, UNIT, rates[EVENTS]), echo))
            for server, title in ((bare, ECHO), (service, DECIDE)):
                half = Load(server.port, PATH, events, MANY, seconds, rate=clock / 2, tag="many-")
                rows += crowd(section, title, put(half))
    return rows


def crowd(section: str, title: str, result: Result) -> list[Row]:
    """The rows of many connections at half the echo's limit."""
    what = f"{title}, {MANY:,} connections at half the echo's limit"
    latency = row_of(section, f"{what}: p99", "ms", [result.p99])
    sound = row_of(section, f"{what}: without error", "%", [100 * (1 - result.errors / result.answers)])
    return [
        row_of(section, f"{what}: answered", "requests/s", [result.answers / result.seconds]),
        against(latency, MOST_MS, f"{MOST_MS:g} ms", at_most=True),
        against(sound, 100.0, "all"),
    ]
