"""Synthetic users served event by event by the runtime, as production would serve real ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.progress import Tell
from experiments.settings import HELD_OUT, Problem
from experiments.simulate import event_records
from journeys.actions import MOMENTS
from journeys.events import Event, EventCodec
from policies.bundle import Bundle
from policies.protocol import Policy
from serving.decision import Decision
from serving.runtime import Runtime
from serving.stores.sqlite_store import SqliteStore

NANOSECONDS_PER_MICROSECOND = 1e3


class Latency(NamedTuple):
    """Median and 99th percentile of the time that the runtime took for one event, in microseconds."""

    p50: float
    p99: float


class Served(NamedTuple):
    """What serving `events` events gave: the decisions, how many equal the simulator's, and how long each event took.

    `latency` is of events that made a decision due, which is most of the work.
    """

    events: int
    decisions: list[Decision]
    same: int
    latency: Latency
    seconds: float


def new_users(problem: Problem, bundle: Bundle, users: int, seed: int) -> np.ndarray:
    """EVENT records of `users` users under the bundle's policy, whom neither training nor evaluation has met."""
    return event_records(problem, bundle.policy, users, 2 * HELD_OUT + seed, lambda _: None)


def events_of(problem: Problem, policy: Policy, records: np.ndarray) -> Iterator[Event]:
    """The JSON form of `records`, whose users are called `u0`, `u1`, ..."""
    codec, names = EventCodec(problem.journey), records.dtype.names
    assert names is not None
    for values in records.tolist():
        record = dict(zip(names, values, strict=True))
        yield codec.from_record(record, f"u{record['user']}", policy.name)


def serve(problem: Problem, bundle: Bundle, records: np.ndarray, state: Path, tell: Tell) -> Served:
    """Serve the users of `records` live, on SQLite at `state`, one event and one commit at a time.

    The users react to the bundle's policy in the simulator; the runtime is given what they do, never what they were
    offered, and has to come to the same decisions by itself: draws are seeded by the events' ids.
    """
    offered: dict[str, int] = {}
    decisions, took = list[Decision](), list[float]()
    store = SqliteStore(state)
    began = time.perf_counter()
    try:
        runtime = Runtime(bundle, store)
        for number, event in enumerate(spoken(problem, bundle, records, offered), 1):
            start = time.perf_counter_ns()
            decision = runtime.process(event)
            if decision is not None:
                took.append((time.perf_counter_ns() - start) / NANOSECONDS_PER_MICROSECOND)
                decisions.append(decision)
            tell(number)
    finally:
        store.close()
    p50, p99 = np.percentile(took, [50.0, 99.0]).tolist()
    same = sum(offered.get(decision.id) == decision.action for decision in decisions)
    seconds = time.perf_counter() - began
    return Served(len(records) - len(offered), decisions, same, Latency(p50, p99), seconds)


def spoken(problem: Problem, bundle: Bundle, records: np.ndarray, offered: dict[str, int]) -> Iterator[Event]:
    """What the users did; what the simulator's policy decided goes to `offered` instead."""
    for event in events_of(problem, bundle.policy, records):
        if event.kind == "decision":
            assert event.action is not None
            offered[event.id] = event.action
        else:
            yield event


def examples(decisions: list[Decision]) -> Iterator[Decision]:
    """One telling decision per kind of moment: of those that offer something, the one the policy is surest of."""
    for moment in MOMENTS[1:]:
        of_kind = [d for d in decisions if d.moment == moment]
        telling = [d for d in of_kind if d.next_best and d.offer.reads not in {"wait", "nothing"}]
        yield from sorted(telling or of_kind, key=lambda d: -d.propensity)[:1]
