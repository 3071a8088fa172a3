"""Users and events per second of the SimPy world on one core: to memory, JSON Lines and Parquet.

Beside them the bare limits: msgspec's encoder on the same events made beforehand, and pyarrow writing the same table
made beforehand. A launch is played to its end, guided by the expert rules. Seconds are processor time of this process.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow.parquet as pq

from benchmarks.measure import Contender, Row, against, beside, take_turns
from benchmarks.settings import Settings
from journeys.events import EventCodec, encoder
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from simulator.json_lines import JsonLinesSink
from simulator.parquet import ParquetSink, Table
from simulator.scenario import Scenario, load_scenario
from simulator.sinks import MemorySink, Sink
from simulator.world import play

JOURNEY, SCENARIO, POPULATION = "saas", "launch", "mixed"
MOST_ROUNDS = 5
LEAST = 150e3  # events per second
MOST_BARE = 100_000  # events that the bare encoder is given: as Python objects they take some 100 MB


class Way(NamedTuple):
    """A way to keep events."""

    name: str
    open: Callable[[], Sink]


def scenario_of(settings: Settings) -> Scenario:
    """The launch with as many users as the settings say."""
    whole = load_scenario(SCENARIO)
    return msgspec.structs.replace(
        whole, arrivals=msgspec.structs.replace(whole.arrivals, most_users=settings.world_users)
    )


def world_contenders(scenario: Scenario, ways: list[Way]) -> list[Contender]:
    """The world played into each sink."""
    journey, population, policy = load_journey(JOURNEY), load_population(POPULATION), expert_rules()

    def sampler(way: Way) -> Callable[[], tuple[float, float]]:
        def sample() -> tuple[float, float]:
            sink = way.open()
            begin = time.process_time()
            summary = play(scenario, journey, population, policy, sink)
            sink.close()
            return int(summary.events.sum()), time.process_time() - begin

        return sample

    return [Contender(way.name, "events/s", sampler(way)) for way in ways]


def in_users(row: Row, users_per_event: float) -> Row:
    """The same rate in users."""
    rates = (users_per_event * rate for rate in (row.median, row.low, row.high))
    return row._replace(**dict(zip(("median", "low", "high"), rates, strict=True)), unit="users/s")


def bare_encoder(codec: EventCodec, records: np.ndarray, path: Path) -> Contender:
    """The encoder on events made beforehand, and a file."""
    events = [codec.from_record(record, f"u{record['user']}", "rules") for record in records[:MOST_BARE]]

    def sample() -> tuple[float, float]:
        begin = time.process_time()
        with path.open("wb") as out:
            for event in events:
                out.write(encoder.encode(event) + b"\n")
        return len(events), time.process_time() - begin

    return Contender("bare msgspec, events ready", "events/s", sample)


def bare_parquet(codec: EventCodec, records: np.ndarray, path: Path) -> Contender:
    """The writer on a table made beforehand."""
    table = Table(codec, "rules").table(records)

    def sample() -> tuple[float, float]:
        begin = time.process_time()
        pq.write_table(table, path, compression="zstd")
        return len(records), time.process_time() - begin

    return Contender("bare pyarrow, table ready", "events/s", sample)


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    scenario, codec = scenario_of(settings), EventCodec(load_journey(JOURNEY))
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()

        def path(ending: str) -> Path:
            return Path(folder) / f"{next(numbers)}.{ending}"

        ways = [
            Way("to memory", MemorySink),
            Way("to JSON Lines", lambda: JsonLinesSink(path("jsonl"), codec, "rules")),
            Way("to Parquet", lambda: ParquetSink(path("parquet"), codec, "rules")),
        ]
        sink = MemorySink()
        summary = play(scenario, load_journey(JOURNEY), load_population(POPULATION), expert_rules(), sink)
        records = sink.records()
        bare = [bare_encoder(codec, records, path("jsonl")), bare_parquet(codec, records, path("parquet"))]
        contenders = [*world_contenders(scenario, ways), *bare]
        rows = take_turns(f"SimPy world, {JOURNEY}, {SCENARIO}", contenders, min(MOST_ROUNDS, settings.rounds))
    memory, lines, parquet, encoding, writing = rows.values()
    return [
        memory,
        in_users(memory, summary.users / len(records)),
        against(lines, LEAST, "150 k/s"),
        beside(encoding, lines),
        against(parquet, LEAST, "150 k/s"),
        beside(writing, parquet),
    ]
