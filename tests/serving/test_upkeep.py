"""Commands on a store: the log as Parquet, states and decisions audited, dead letters mended."""

from __future__ import annotations

import json

import duckdb
import msgspec
import pandas as pd
import pytest
from bundles import contents_of, make_bundle

from handrail import main
from journeys.events import Event
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import save_bundle
from policies.training.rollout import event_log
from serving.answer import DeadLetter
from serving.engine import Engine, Serving
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import BEGINNING, Change, Commit, Delivery, StoreError
from serving.upkeep import parquet_export
from serving.upkeep.audit import Auditor
from serving.upkeep.parquet_export import ExportError, Filter, export

TINY = load_journey("tiny")
DAY_MS = 86_400_000
ANY_TIME = Serving(tolerance_ms=None, keep_observations=True)


@pytest.fixture(scope="module")
def bundle():
    return make_bundle("tiny")


@pytest.fixture(scope="module")
def events(bundle):
    log = event_log(TINY, load_population("mixed"), bundle.policy, 12, 3)
    return [event for event in log if event.kind != "decision"]


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "s.sqlite")
    yield made
    made.close()


@pytest.fixture
def engine(store, bundle):
    return Engine(store, [bundle], ANY_TIME)


def shuffled(events):
    """Some events come behind the next of their user, less than the reorder window late."""
    moved = list(events)
    for i in range(0, len(moved) - 1, 3):
        one, two = moved[i], moved[i + 1]
        if one.user == two.user and one.kind != "signup" and 0 < two.time - one.time < 30_000:
            moved[i], moved[i + 1] = two, one
    return moved


def tables(out):
    return tuple(
        pd.read_parquet(out / name).sort_values("number", ignore_index=True) for name in ("events", "decisions")
    )


def test_an_export_holds_every_event_and_decision(engine, store, bundle, events, tmp_path):
    engine.take(events)
    done = export(store, tmp_path / "out", Filter())
    told, made = tables(tmp_path / "out")
    log = store.read_log(BEGINNING, 100_000)
    records = [msgspec.json.decode(entry.decision) for entry in log if entry.decision is not None]
    assert told["id"].tolist() == [entry.id for entry in log]
    assert told["journey"].astype(str).unique().tolist() == ["tiny"]
    assert told["time"].tolist() == [pd.Timestamp(event.time, unit="ms", tz="UTC") for event in events]
    assert (done.events, done.decisions) == (len(log), len(records))
    for name in ("id", "event", "user", "moment", "action", "propensity", "policy", "bundle", "version", "mode"):
        assert made[name].tolist() == [record[name] for record in records], name
    assert [row.tolist() for row in made["legal"]] == [record["legal"] for record in records]
    assert made["offer_step"].astype(object).fillna("").tolist() == [r["offer"].get("step", "") for r in records]
    assert [json.loads(row) for row in made["reasons"]] == [record["reasons"] for record in records]
    assert made["predicted_success"].tolist() == [record["predicted_success"] for record in records]
    assert {len(row) for row in made["observation"]} == {len(bundle.usual)}
    answered = told.dropna(subset="decision")
    assert dict(zip(answered["id"], answered["decision"], strict=True)) == dict(
        zip(made["event"], made["id"], strict=True)
    )


def test_duckdb_joins_what_was_exported(engine, store, events, tmp_path):
    engine.take(events)
    done = export(store, tmp_path / "out", Filter())
    found = (
        duckdb.connect()
        .execute(
            f"SELECT count(*), min(d.propensity), count(DISTINCT d.day) FROM '{tmp_path}/out/decisions/**/*.parquet' d "
            f"JOIN '{tmp_path}/out/events/**/*.parquet' e ON e.decision = d.id AND e.user = d.user"
        )
        .fetchone()
    )
    assert found[0] == done.decisions > 0
    assert 0.0 < found[1] <= 1.0
    assert found[2] > 1


def test_a_later_export_adds_what_is_new_and_one_that_broke_off_is_taken_up(
    engine, store, events, tmp_path, monkeypatch
):
    monkeypatch.setattr(parquet_export, "PAGE", 7)
    monkeypatch.setattr(parquet_export, "PART", 20)
    out, half = tmp_path / "out", len(events) // 2
    engine.take(events[:half])
    export(store, out, Filter())
    first = {path: path.read_bytes() for path in out.glob("*/*/*/*.parquet")}
    engine.take(events[half:])

    def broken(out, progress):
        raise OSError("no space left on device")

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(parquet_export, "save", broken)
        with pytest.raises(OSError, match="no space"):
            export(store, out, Filter())
    assert len(list(out.glob("*/*/*/*.parquet"))) > len(first), "a part is there that export.json does not know"
    export(store, out, Filter())
    again = export(store, out, Filter())
    told, _ = tables(out)
    assert told["id"].tolist() == [entry.id for entry in store.read_log(BEGINNING, 100_000)]
    assert told["number"].tolist() == list(range(1, len(told) + 1)) == list(range(1, again.events + 1))
    assert {path: path.read_bytes() for path in first} == first
    assert not list(out.rglob("*.partial"))


def test_a_choice_of_events_is_exported(engine, store, events, tmp_path):
    engine.take(events)
    since = min(event.time for event in events) + DAY_MS
    export(store, tmp_path / "late", Filter("tiny", since))
    export(store, tmp_path / "none", Filter("saas"))
    told, _ = tables(tmp_path / "late")
    assert sorted(told["id"]) == sorted(event.id for event in events if event.time >= since)
    assert not list((tmp_path / "none").rglob("*.parquet"))


def test_folders_of_something_else_are_refused(engine, store, tmp_path):
    export(store, tmp_path / "out", Filter())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    for folder, use in [
        ("full", (store, Filter())),
        ("out", (store, Filter("tiny"))),
        ("out", (MemoryStore(), Filter())),
    ]:
        with pytest.raises(ExportError, match="Mend"):
            export(use[0], tmp_path / folder, use[1])


def test_the_export_command(engine, store, events, tmp_path, capsys):
    engine.take(events)
    call = [
        "logs",
        "export",
        "--store",
        f"sqlite:{store.path}",
        "--out",
        str(tmp_path / "out"),
        "--since",
        "2020-01-01",
    ]
    assert main(call) == 0
    assert f"{len(events)} events" in capsys.readouterr().out
    assert main([*call[:3], f"sqlite:{tmp_path}/no/store", *call[4:]]) == 2
    assert "Mend" in capsys.readouterr().err


def audit_all(store, bundle):
    auditor = Auditor(store, bundle)
    return [auditor.audit(user) for user in store.users("tiny", "", 1_000)]


def test_what_a_runtime_left_is_the_fold_of_its_log_and_its_decisions_are_made_again(engine, store, bundle, events):
    moved = shuffled(events)
    outcomes = [engine.take([event])[0].outcome for event in moved]
    assert outcomes.count("reordered") > 5
    found = audit_all(store, bundle)
    assert [audit.differences for audit in found if audit.differences] == []
    decisions = sum(entry.decision is not None for entry in store.read_log(BEGINNING, 100_000))
    assert sum(audit.again for audit in found) == decisions > 50
    assert sum(audit.events for audit in found) == len(events)


def versioned(bundle, version):
    return bundle._replace(manifest=msgspec.structs.replace(bundle.manifest, version=version))


def test_decisions_of_the_rules_and_of_other_bundles_and_journeys(store, bundle, events):
    half = len(events) // 2
    Engine(store, [versioned(make_bundle("tiny", "fixed"), "-1")], ANY_TIME).take(events[: half // 2])
    changed = msgspec.structs.replace(TINY, version=2, steps=TINY.steps[::-1])
    other = make_bundle(changed)
    Engine(store, [versioned(bundle, "0")], ANY_TIME).take(events[half // 2 : half])
    Engine(store, [other], ANY_TIME).take(events[half:])
    for auditing in (bundle, other):
        found = audit_all(store, auditing)
        assert [audit.differences for audit in found if audit.differences] == []
        assert sum(audit.others for audit in found) > 5
    assert sum(audit.again for audit in found) > 5


@pytest.fixture
def wrong(engine, store, events):
    """A store in which a state, a propensity and an action are not what they should be, of three users."""
    engine.take(events)
    ann, bob, cid = store.users("tiny", "", 3)
    stored = store.load("tiny", [ann])[ann]
    store.commit(Commit("tiny", stored.journey_hash, [Change(ann, stored.version, stored.state[:-1] + b"\x07")], []))
    for user, name, value in ((bob, "propensity", 0.123), (cid, "legal", [0])):
        row = store._db.execute(
            "SELECT seq, decision FROM events WHERE user = ? AND decision IS NOT NULL ORDER BY seq DESC", (user,)
        ).fetchone()
        record = {**msgspec.json.decode(row[1]), name: value}
        store._db.execute("UPDATE events SET decision = ? WHERE seq = ?", (msgspec.json.encode(record), row[0]))
    return ann, bob, cid


def test_differences_are_found_and_states_mended(wrong, store, bundle):
    ann, bob, cid = wrong
    found = {audit.user: audit for audit in audit_all(store, bundle)}
    assert found[ann].state_differs
    assert "is not the fold of the log: 1 of" in found[ann].differences[0]
    assert any("propensity 0.123, made again" in difference for difference in found[bob].differences)
    assert any("legal actions (0,), made again" in difference for difference in found[cid].differences)
    Auditor(store, bundle).mend(ann)
    assert not audit_all(store, bundle)[0].differences


def test_the_reconcile_command(wrong, store, tmp_path, capsys):
    path, ann = save_bundle(tmp_path / "bundle", contents_of(TINY)), wrong[0]
    call = ["reconcile", "--store", f"sqlite:{store.path}", "--bundle", str(path)]
    assert main([*call, "--all"]) == 1
    assert f"{ann}: the stored state is not the fold of the log" in capsys.readouterr().out
    assert main([*call, "--user", ann, "--mend"]) == 1
    assert main([*call, "--user", ann]) == 0
    assert main(["reconcile", "--store", "memory:", "--bundle", str(path), "--all"]) == 2


def test_a_lost_decision_and_one_too_many_are_found(engine, store, bundle, events):
    engine.take(events)
    rows = store._db.execute("SELECT seq, user, decision FROM events ORDER BY seq DESC").fetchall()
    lost = next(row for row in rows if row[2] is not None)
    extra = next(row for row in rows if row[2] is None and row[1] != lost[1])
    store._db.execute("UPDATE events SET decision = NULL WHERE seq = ?", (lost[0],))
    store._db.execute("UPDATE events SET decision = ? WHERE seq = ?", (lost[2], extra[0]))
    found = {audit.user: audit.differences for audit in audit_all(store, bundle)}
    assert any("a decision was due and none is logged" in difference for difference in found[lost[1]])
    assert any("is logged and none was due" in difference for difference in found[extra[1]])


def letters(store):
    return [msgspec.json.decode(one.letter, type=DeadLetter) for one in store.letters("", 1_000)]


def test_letters_are_replayed_when_what_refused_them_is_mended(store, bundle, tmp_path, capsys):
    """Events of a step that the journey lacks: refused, then the journey gains it."""
    shorter = msgspec.structs.replace(TINY, steps=tuple(step for step in TINY.steps if step.name != "tags-tour"))
    time = 1_767_225_600_000
    signup = Event("in", "ann", "tiny", time, "signup", consent=("personalise",))
    start = Event("go", "ann", "tiny", time + 60_000, "start", step="tags-tour", difficulty="standard")
    answers = Engine(store, [make_bundle(shorter)], ANY_TIME).take([signup, start])
    store.commit(Commit("", "", (), (), Delivery(letters=[msgspec.json.encode(DeadLetter("malformed", "?", raw="{"))])))
    assert [answer.outcome for answer in answers] == ["applied", "refused"]
    path, url = save_bundle(tmp_path / "bundle", contents_of(TINY)), f"sqlite:{store.path}"
    assert main(["letters", "list", "--store", url]) == 0
    assert [json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()] == ["invalid", "malformed"]
    assert main(["letters", "replay", "--store", url, "--bundle", str(path)]) == 1
    assert [entry.id for entry in store.read_log(BEGINNING, 10)] == ["in", "go"]
    assert [letter.reason for letter in letters(store)] == ["malformed"]
    assert "1 failed again" in capsys.readouterr().out
    assert main(["letters", "drop", "--store", url, "--all", "--reason", "late"]) == 0
    assert len(letters(store)) == 1
    assert main(["letters", "drop", "--store", url, "--number", store.letters("", 1)[0].number]) == 0
    assert letters(store) == []
    assert main(["letters", "list", "--store", f"sqlite:{tmp_path}/no/store"]) == 2


def test_a_damaged_letter_is_told(store, capsys):
    store.commit(Commit("", "", (), (), Delivery(letters=[b"?"])))
    assert main(["letters", "list", "--store", f"sqlite:{store.path}"]) == 2
    assert "Mend: handrail letters drop --number 1" in capsys.readouterr().err


def test_a_damaged_event_is_told(engine, store, bundle, events, tmp_path):
    engine.take(events)
    store._db.execute("UPDATE events SET event = x'00' WHERE seq = 1")
    with pytest.raises(StoreError, match="is damaged"):
        export(store, tmp_path / "out", Filter())
    user = store.read_log(BEGINNING, 1)[0].user
    assert "the log is damaged" in Auditor(store, bundle).audit(user).differences[0]
