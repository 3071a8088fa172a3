"""The full step in this process: an event's JSON in, its decision's record out; beside Vowpal Wabbit and the bare fold.

A step is: decode, look whether it is known, fold, decide, make the record and its JSON, commit to the store. The events
are those of synthetic users under the expert rules; the bundle's network decides on them anew. Latency is that of an
event's batch, by the clock: what it waited for its batch to fill is not in it. Rates are per second of processor
time, so that other work on the machine counts in the latencies alone. Vowpal Wabbit is given what the policy saw, as
the text that it reads: it parses and predicts, and neither folds nor records.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from vowpalwabbit import Workspace

from benchmarks.bandit_contestants import VW, VW_ADF
from benchmarks.measure import Contender, Row, against, beside, row_of, take_turns
from benchmarks.settings import Settings
from journeys.actions import n_actions
from journeys.compiled import compiled
from journeys.events import EVENT, Event, EventCodec, encoder, parse_event
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
from serving.decision import Decision
from serving.garbage import collect_seldom
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Store

JOURNEY = "saas"
HIDDEN = 64  # units of each hidden layer, as in training
MICRO_BATCH = 64
USERS = 10  # times the users of a quick run
VW_EXAMPLES = 5_000
ONE, MANY = "one at a time, no reasons", f"batches of {MICRO_BATCH}, no reasons"
TARGETS = {ONE: (80_000.0, "80k"), MANY: (150_000.0, "150k (aim)")}
MOST_US = 20.0
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


def runtime_contender(way: Way, bundle: Bundle, lines: list[bytes], latencies: dict[str, list[float]]) -> Contender:
    """The runtime on a fresh store each time; `latencies` collects microseconds per batch, once per event in it."""

    def sample() -> tuple[float, float]:
        store = way.store()
        runtime, taken = Runtime(bundle, store, reasons=way.reasons), []
        collect_seldom()
        begin = time.process_time()
        for start in range(0, len(lines), way.batch):
            before = time.perf_counter()
            runtime.process_many([parse_event(line) for line in lines[start : start + way.batch]])
            taken += [time.perf_counter() - before] * min(way.batch, len(lines) - start)
        seconds = time.process_time() - begin
        store.close()
        latencies[way.name] = [US * value for value in taken]  # of the last sample
        return len(lines), seconds

    return Contender(way.name, "events/s", sample)


def vowpal_wabbit(bundle: Bundle, events: list[Event]) -> Contender:
    """Vowpal Wabbit on the same decisions: what is not zero of an observation, and a line for every legal action."""
    runtime = Runtime(bundle, MemoryStore(), reasons=0, keep_observations=True)
    decisions = [answer.decision for answer in runtime.process_many(events) if answer.decision is not None]
    examples, workspace = [example_of(decision) for decision in decisions[:VW_EXAMPLES]], Workspace(VW_ADF)

    def sample() -> tuple[float, float]:
        begin = time.process_time()
        for lines in examples:
            parsed = VW._parse(workspace, lines)
            VW.predict_multi(workspace, parsed)
            VW._finish_example_multi_ex(workspace, parsed)
        return len(examples), time.process_time() - begin

    return Contender("Vowpal Wabbit: parse and predict", "decisions/s", sample)


def example_of(decision: Decision) -> str:
    """A decision as Vowpal Wabbit reads it."""
    assert decision.observation is not None
    seen = np.frombuffer(decision.observation, "<f4")
    shared = " ".join(f"{d}:{seen[d]:.6g}" for d in np.flatnonzero(seen))
    return "\n".join([f"shared |s {shared}", *(f"|a {action}" for action in decision.legal)])


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    journey = load_journey(JOURNEY)
    log = event_log(journey, load_population("mixed"), expert_rules(), USERS * settings.runtime_users, seed=1)
    events = [event for event in log if event.kind != "decision"]
    lines = [encoder.encode(event) for event in events]
    with tempfile.TemporaryDirectory() as folder:
        bundle, numbers = some_bundle(journey, Path(folder)), count()

        def on_disk() -> Store:
            return SqliteStore(Path(folder) / f"state-{next(numbers)}.sqlite")

        ways = [
            Way(ONE, 1, MemoryStore, 0),
            Way(MANY, MICRO_BATCH, MemoryStore, 0),
            Way("one at a time, three reasons", 1, MemoryStore, 3),
            Way(f"batches of {MICRO_BATCH}, three reasons", MICRO_BATCH, MemoryStore, 3),
            Way("SQLite, one at a time", 1, on_disk, 3),
            Way(f"SQLite, batches of {MICRO_BATCH}", MICRO_BATCH, on_disk, 3),
        ]
        latencies: dict[str, list[float]] = {}
        contenders = [runtime_contender(way, bundle, lines, latencies) for way in ways]
        peers = [fold_contender(journey, events), vowpal_wabbit(bundle, events)]
        section = f"full step in process, {JOURNEY}"
        rows = take_turns(section, [*peers, *contenders], min(MOST_ROUNDS, settings.rounds))
    peer = rows[peers[1].name]
    found = [rows[peers[0].name], peer]
    for way in ways:
        row = beside(rows[way.name], peer)
        found.append(against(row, *TARGETS[way.name]) if way.name in TARGETS else row)
        for share in (50, 99):
            value = float(np.percentile(latencies[way.name], share))
            row = row_of(section, f"{way.name}: p{share}", "us per event", [value])
            found.append(against(row, MOST_US, "<= 20", at_most=True) if (way.name, share) == (ONE, 99) else row)
    return found
