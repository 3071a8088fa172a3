"""`handrail simulate`: the log is that of the environment, parses, and folds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import simulate
from journeys.events import EventCodec, read_events
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log

CALL = ["journey=tiny", "users=30", "seed=5"]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulate")
    assert simulate.main([*CALL, f"folder={folder}"]) == 0
    return folder / "events.jsonl"


def test_log_is_that_of_the_environment(log: Path) -> None:
    expected = event_log(load_journey("tiny"), load_population("mixed"), expert_rules(), 30, 5)
    assert list(read_events(log)) == expected


def test_log_is_in_order_and_every_event_is_sound(log: Path) -> None:
    events, codec, record = list(read_events(log)), EventCodec(load_journey("tiny")), {}
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert len({event.user for event in events}) == 30
    assert len({event.id for event in events}) == len(events)
    for event in events:
        codec.to_record(event, record)


def test_decisions_can_be_left_out(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "plain.jsonl"
    assert simulate.main([*CALL, "decisions=false", f"out={out}", f"folder={tmp_path / 'run'}"]) == 0
    with_decisions = list(read_events(log))
    assert list(read_events(out)) == [event for event in with_decisions if event.kind != "decision"]
    assert any(event.kind == "decision" and event.policy == "rules" for event in with_decisions)


def test_run_is_recorded(log: Path) -> None:
    record = json.loads((log.parent / "run.json").read_text())
    assert (record["command"], record["seed"], record["family"]) == ("simulate", 5, None)
    assert {path.name for path in log.parent.iterdir()} == {"events.jsonl", "config.yaml", "run.json", "journey.json"}


def test_a_trained_policy_may_guide_the_users(small_run: Path, tmp_path: Path) -> None:
    assert simulate.main([*CALL, f"policy.name={small_run}", f"folder={tmp_path / 'run'}"]) == 0
    decided = [event for event in read_events(tmp_path / "run" / "events.jsonl") if event.kind == "decision"]
    assert {event.policy for event in decided} == {"small"}
    assert all(0.0 < (event.propensity or 0.0) <= 1.0 for event in decided)
    assert any((event.propensity or 0.0) < 0.9 for event in decided), "a network is not certain of everything"
