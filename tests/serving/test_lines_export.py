"""A store's log as JSON Lines: whole, growing, and what `handrail update` and `handrail replay` read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from bundles import contents_of, make_bundle

from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import load_bundle, save_bundle
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log
from serving.engine import Engine, Serving
from serving.replay import main as replay
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.update import update
from serving.upkeep.identity import ExportError
from serving.upkeep.lines_export import export_lines
from serving.upkeep.logs_command import main as logs

ANY_TIME = Serving(reasons=0, tolerance_ms=None)


@pytest.fixture(scope="module")
def events():
    log = event_log(load_journey("tiny"), load_population("mixed"), expert_rules(), 30, 4)
    return [event for event in log if event.kind != "decision"]


def serve(store, bundle, events) -> Engine:
    engine = Engine(store, [bundle], ANY_TIME)
    for start in range(0, len(events), 50):
        engine.take(events[start : start + 50])
    return engine


def test_an_export_grows_and_is_the_same_however_often_it_was_made(tmp_path, events):
    store, bundle = MemoryStore(), make_bundle("tiny")
    half = len(events) // 2
    serve(store, bundle, events[:half])
    export_lines(store, tmp_path / "log.jsonl", None)
    first = (tmp_path / "log.jsonl").read_bytes()
    serve(store, bundle, events[half:])
    written = export_lines(store, tmp_path / "log.jsonl", None)
    whole = (tmp_path / "log.jsonl").read_bytes()
    assert whole.startswith(first)
    export_lines(store, tmp_path / "other.jsonl", None)
    assert whole == (tmp_path / "other.jsonl").read_bytes()
    assert written.events == len(events)
    assert len(whole.splitlines()) == written.events + written.decisions


def test_what_an_export_left_unfinished_is_cut_off(tmp_path, events):
    store, out = MemoryStore(), tmp_path / "log.jsonl"
    serve(store, make_bundle("tiny"), events)
    export_lines(store, out, None)
    whole = out.read_bytes()
    with out.open("ab") as file:
        file.write(b'{"id":"half')
    export_lines(store, out, None)
    assert out.read_bytes() == whole


def test_a_file_of_something_else_is_refused(tmp_path):
    out = tmp_path / "log.jsonl"
    out.write_text("mine")
    with pytest.raises(ExportError, match="not the file of an export"):
        export_lines(MemoryStore(), out, None)
    out.unlink()
    export_lines(MemoryStore(), out, None)
    with pytest.raises(ExportError, match="another store"):
        export_lines(MemoryStore(), out, None)


def test_only_what_is_of_a_journey(tmp_path, events):
    store = MemoryStore()
    engine = Engine(store, [make_bundle("tiny"), make_bundle("saas")], ANY_TIME)
    other = msgspec.structs.replace(events[0], journey="saas")
    engine.take([events[0], other])
    assert export_lines(store, tmp_path / "log.jsonl", "saas").events == 1
    with pytest.raises(ExportError, match="another --journey"):
        export_lines(store, tmp_path / "log.jsonl", None)


def test_a_bandit_learns_from_what_it_served_and_once(tmp_path, events, capsys):
    """The whole circle: served, exported, learned from, served again; the next export adds only what is new."""
    bundle = save_bundle(tmp_path / "old", contents_of(load_journey("tiny"), "linucb"))
    url, half = tmp_path / "state.sqlite", len(events) // 2
    store = SqliteStore(url)
    serve(store, load_bundle(bundle), events[:half])
    assert logs(["lines", "--store", f"sqlite:{url}", "--out", str(tmp_path / "log.jsonl")]) == 0
    made = update(bundle, [tmp_path / "log.jsonl"], tmp_path / "new", None)
    assert made.counts.learned > 20
    assert made.log.refused.lines == 0
    serve(store, load_bundle(tmp_path / "new"), events[half:])
    store.close()
    assert logs(["lines", "--store", f"sqlite:{url}", "--out", str(tmp_path / "log.jsonl")]) == 0
    again = update(tmp_path / "new", [tmp_path / "log.jsonl"], tmp_path / "newer", None)
    assert again.learned_before > 0
    assert "events and" in capsys.readouterr().out


def test_an_export_replays(tmp_path, events):
    store, out = MemoryStore(), tmp_path / "log.jsonl"
    bundle = save_bundle(tmp_path / "b", contents_of(load_journey("tiny")))
    serve(store, load_bundle(bundle), events)
    export_lines(store, out, None)
    only_events = tmp_path / "events.jsonl"
    only_events.write_bytes(b"".join(line + b"\n" for line in out.read_bytes().splitlines() if b'"offer"' not in line))
    assert replay([str(only_events), "--bundle", str(bundle), "--out", str(tmp_path / "decisions.jsonl")]) == 0
    logged = [msgspec.json.decode(line) for line in out.read_bytes().splitlines() if b'"offer"' in line]
    made = [msgspec.json.decode(line) for line in Path(tmp_path / "decisions.jsonl").read_bytes().splitlines()]
    assert [(d["id"], d["action"], d["propensity"]) for d in logged] == [
        (d["id"], d["action"], d["propensity"]) for d in made
    ]
