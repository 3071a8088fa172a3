"""Every store under an engine: the answers, the log, the audit and the export are those of the store in memory."""

from __future__ import annotations

import functools

import msgspec
import pandas as pd
import pytest

from journeys.loading import load_journey
from personas.persona import load_population
from policies.training.rollout import event_log
from serving.engine import Engine, Serving
from serving.stores.memory_store import MemoryStore
from serving.stores.store import BEGINNING
from serving.upkeep.audit import Auditor
from serving.upkeep.parquet_export import Filter, export
from tests.contracts.stores import KINDS, new_store
from tests.serving.bundles import make_bundle

BATCH = 40


@functools.cache
def events():
    log = event_log(load_journey("tiny"), load_population("mixed"), make_bundle("tiny").policy, 10, 5)
    return [event for event in log if event.kind != "decision"]


def served(store):
    """The outcomes of all events, of which one batch in four comes twice."""
    engine, outcomes = Engine(store, [make_bundle("tiny")], Serving(tolerance_ms=None, reasons=0)), []
    for start in range(0, len(events()), BATCH):
        batch = events()[start : start + BATCH]
        for _ in range(2 if start % (4 * BATCH) == 0 else 1):
            outcomes += [(answer.outcome, answer.decision and answer.decision.id) for answer in engine.take(batch)]
    return outcomes


def log_of(store):
    """The log without what a clock or a store's own numbers put into it."""
    entries = store.read_log(BEGINNING, 100_000)
    decisions = [None if entry.decision is None else msgspec.json.decode(entry.decision) for entry in entries]
    for decision in decisions:
        if decision is not None:
            del decision["latency_us"]
    return [(entry.user, entry.id, entry.event, made) for entry, made in zip(entries, decisions, strict=True)]


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.xdist_group(f"store-{kind}")) for kind in KINDS if kind != "memory"]
)
def test_an_engine_leaves_in_every_store_what_it_leaves_in_memory(kind, tmp_path):
    plain = MemoryStore()
    expected = served(plain)
    with new_store(kind, tmp_path) as store:
        assert served(store) == expected
        users = store.users("tiny", "", 1_000)
        assert store.load("tiny", users) == plain.load("tiny", users)
        assert log_of(store) == log_of(plain)
        auditor = Auditor(store, make_bundle("tiny"))
        assert not [audit for audit in map(auditor.audit, users) if audit.differences]
        done = export(store, tmp_path / "out", Filter())
    told = pd.read_parquet(tmp_path / "out" / "events").sort_values("number")
    assert told["id"].tolist() == [event.id for event in events()]
    assert done.decisions == sum(made is not None for *_, made in log_of(plain))
