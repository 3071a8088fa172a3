"""Events per second of the runtime in this process, and how long one event takes, beside the bare fold.

The events are those of synthetic users under the expert rules; the bundle's network decides on them anew. Latency is
that of an event's batch, parsed event in and committed answer out, by the clock: what it waited for its batch to fill
is not in it. Rates are per second of processor time, so that other work on the machine counts in the latencies alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import Contender, Row, beside, row_of, take_turns
from benchmarks.settings import Settings
from journeys.actions import n_actions
from journeys.compiled import compiled
from journeys.events import EVENT, Event, EventCodec
from journeys.fold import blank_states, fold
from journeys.loading import load_journey
from journeys.observation import observation_size
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey
from personas.persona import load_population
from policies.bundle import Bundle, Contents, load_bundle, save_bundle
from policies.expert_rules import expert_rules
from policies.network import Weights
from policies.training.rollout import event_log
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Store

JOURNEY = "saas"
HIDDEN = 64  # units of each hidden layer, as in training
MICRO_BATCH = 64
FOLD_TIMES = 20  # the fold of one log is over in a millisecond
MOST_ROUNDS = 5
US = 1e6  # microseconds in a second


class Way(NamedTuple):
    """A way to run: how many events a commit, where states are kept, how many reasons a decision gives."""

    name: str
    batch: int
    store: Callable[[], Store]
    reasons: int


def some_bundle(journey: Journey, folder: Path) -> Bundle:
    """A bundle with an untrained network of the usual size: speed does not depend on what it learned."""
    rng = np.random.default_rng(1)
    inputs, outputs = observation_size(len(journey.steps), len(journey.skills)), n_actions(len(journey.steps))
    shapes = ((inputs, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, outputs), (outputs,))
    tensors = {n: rng.normal(0, 0.1, s).astype(np.float32) for n, s in zip(Weights._fields, shapes, strict=True)}
    contents = Contents("bench", "1", journey, "network", tensors)
    return load_bundle(save_bundle(folder / "bundle", contents))


@compiled
def fold_all(plan: Plan, users: Any, steps: Any, skills: Any, events: Any, rows: Any) -> None:
    """Fold every event into the state of the user in its row."""
    for i in range(len(events)):
        fold(plan, users[rows[i]], steps[rows[i]], skills[rows[i]], events[i])


def fold_contender(journey: Journey, events: list[Event]) -> Contender:
    """The fold alone, compiled: records and states ready in arrays, no network, no store."""
    plan, codec, row_of = compile_plan(journey), EventCodec(journey), dict[str, int]()
    rows = np.array([row_of.setdefault(event.user, len(row_of)) for event in events])
    records = np.zeros(len(events), EVENT).view(np.recarray)
    for event, record in zip(events, records, strict=True):
        codec.to_record(event, record)

    def sample() -> tuple[float, float]:
        seconds = 0.0
        for _ in range(FOLD_TIMES):
            state = blank_states(plan, len(row_of))
            begin = time.process_time()
            fold_all(plan, *state, records, rows)
            seconds += time.process_time() - begin
        return FOLD_TIMES * len(events), seconds

    return Contender("bare fold", "events/s", sample)


def runtime_contender(way: Way, bundle: Bundle, events: list[Event], latencies: dict[str, list[float]]) -> Contender:
    """The runtime on a fresh store each time; `latencies` collects microseconds per batch, once per event in it."""

    def sample() -> tuple[float, float]:
        store = way.store()
        runtime, taken = Runtime(bundle, store, reasons=way.reasons), []
        begin = time.process_time()
        for start in range(0, len(events), way.batch):
            batch, before = events[start : start + way.batch], time.perf_counter()
            runtime.process_many(batch)
            taken += [time.perf_counter() - before] * len(batch)
        seconds = time.process_time() - begin
        store.close()
        latencies[way.name] = [US * value for value in taken]  # of the last sample
        return len(events), seconds

    return Contender(way.name, "events/s", sample)


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    journey = load_journey(JOURNEY)
    log = event_log(journey, load_population("mixed"), expert_rules(), settings.runtime_users, seed=1)
    events = [event for event in log if event.kind != "decision"]
    with tempfile.TemporaryDirectory() as folder:
        bundle, numbers = some_bundle(journey, Path(folder)), count()

        def on_disk() -> Store:
            return SqliteStore(Path(folder) / f"state-{next(numbers)}.sqlite")

        ways = [
            Way("no persistence, one at a time", 1, MemoryStore, 3),
            Way("no persistence, one at a time, no reasons", 1, MemoryStore, 0),
            Way(f"no persistence, batches of {MICRO_BATCH}", MICRO_BATCH, MemoryStore, 3),
            Way("SQLite, one at a time", 1, on_disk, 3),
            Way(f"SQLite, batches of {MICRO_BATCH}", MICRO_BATCH, on_disk, 3),
        ]
        latencies: dict[str, list[float]] = {}
        contenders = [runtime_contender(way, bundle, events, latencies) for way in ways]
        section = f"runtime in process, {JOURNEY}"
        rows = take_turns(section, [fold_contender(journey, events), *contenders], min(MOST_ROUNDS, settings.rounds))
    bare = rows["bare fold"]
    found = [bare]
    for way in ways:
        found.append(beside(rows[way.name], bare))
        for share in (50, 99):
            value = float(np.percentile(latencies[way.name], share))
            found.append(row_of(section, f"{way.name}: p{share}", "us per event", [value]))
    return found
