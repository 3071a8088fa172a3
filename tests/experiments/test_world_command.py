"""`handrail world`: a scenario's events in either form, its figures, and one line where it cannot be played."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import handrail
from agents.mind import REASONS
from experiments import world
from journeys.events import EventCodec, read_events
from journeys.loading import load_journey
from simulator.parquet import read_parquet_events

CALL = ["journey=tiny", "scenario=understaffed", "scenario.days=3", "+scenario.arrivals.most_users=40", "policy=random"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "run"
    assert world.main([*CALL, f"folder={folder}"]) == 0
    return folder


def test_log_is_in_order_and_every_event_is_sound(run: Path) -> None:
    events, codec, record = list(read_events(run / "events.jsonl")), EventCodec(load_journey("tiny")), {}
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert {event.user for event in events} == {f"u{number}" for number in range(40)}
    for event in events:
        codec.to_record(event, record)


def test_figures_are_those_of_the_log(run: Path) -> None:
    figures = json.loads((run / "summary.json").read_text())
    kinds = [event.kind for event in read_events(run / "events.jsonl")]
    assert figures["scenario"] == "understaffed"
    assert figures["events"] == len(kinds)
    assert figures["events_by_kind"] == {kind: kinds.count(kind) for kind in figures["events_by_kind"]}
    ended = figures["completed"] + figures["lapsed"] + figures["out_of_time"]
    assert ended + figures["still_there"] == figures["users"] == 40
    assert set(figures["lapsed_by_reason"]) == set(REASONS)
    assert sum(figures["lapsed_by_reason"].values()) == figures["lapsed"]
    record = json.loads((run / "run.json").read_text())
    assert (record["command"], record["seed"], record["journey"]) == ("world", 0, "tiny")


def test_parquet_holds_the_same_events(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "there" / "events.parquet"
    assert world.main([*CALL, f"out={out}", f"folder={tmp_path / 'run'}"]) == 0
    assert list(read_parquet_events(out)) == list(read_events(run / "events.jsonl"))


def test_decisions_can_be_left_out(run: Path, tmp_path: Path) -> None:
    assert world.main([*CALL, "decisions=false", f"folder={tmp_path / 'run'}"]) == 0
    told = [event for event in read_events(run / "events.jsonl") if event.kind != "decision"]
    assert list(read_events(tmp_path / "run" / "events.jsonl")) == told


def test_a_scenario_of_ones_own_and_the_seed(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    text = resources.files("conf").joinpath("scenario", "understaffed.yaml").read_text()
    assert "seed: 0" in text
    mine.write_text(text.replace("seed: 0", "seed: 3").replace("days: 28", "days: 2"))
    folder = tmp_path / "run"
    assert world.main(["journey=tiny", f"scenario_file={mine}", "policy=random", f"folder={folder}"]) == 0
    assert json.loads((folder / "run.json").read_text())["seed"] == 3
    assert (folder / "events.jsonl").read_bytes() != (run / "events.jsonl").read_bytes()


def test_the_desk_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["journey=saas", "scenario=understaffed", "scenario.days=2", "+scenario.arrivals.most_users=300"]
    assert world.main([*call, "policy=random", f"folder={tmp_path / 'run'}"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("understaffed: 300 users in 2 days, ")
    assert "desk: " in said
    desk = json.loads((tmp_path / "run" / "summary.json").read_text())["desk"]
    assert desk["requests"] == desk["answered"] + desk["gave_up"] + desk["still_waiting"] > 0
    assert desk["requests"] == desk["answered_at_once"] + desk["queued"] + desk["outside_hours"]
    assert desk["outside_hours"] > 0
    assert desk["staff_hours"] == 16.0, "one person, nine to five, Monday and Tuesday"
    assert 0.0 < desk["busy"] <= 1.0


WRONG_CALLS = {
    "scenario=lunch": "lunch",
    "scenario.days=-1": "handrail world: scenario.days: must be above 0",
    "scenario.days=1": "scenario.arrivals.spikes[0].day: day 1 is never reached",
    "scenario.seed=x": "scenario.seed: must be a whole number",
    "scenario.arrivals.wave.peek=3": "peek",
    "+scenario.arrivals.wave.peek=3": "key 'peek' is unknown",
    "scenario_file=nowhere.yaml": "nowhere.yaml",
    "out=/proc/x.parquet": "/proc/x.parquet",
    "out=events.csv": "out: events.csv ends in '.csv'. Mend: a name that ends in .jsonl or .parquet",
    "policy=nobody": "nobody",
    "decisions=perhaps": "decisions",
    "sede=3": "sede",
}


@pytest.mark.parametrize(("wrong", "named"), WRONG_CALLS.items())
def test_one_line_names_the_setting(wrong: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert handrail.main(["world", "scenario=launch", wrong, f"folder={folder}"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1, said
    assert said.startswith("handrail world: ")
    assert named in said
    assert said.count("Mend: ") == 1
    assert not folder.exists()


def test_help_shows_examples_and_the_groups_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["world", "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("handrail world: ")
    defaults = OmegaConf.load(resources.files("conf").joinpath("world.yaml")).defaults
    for group in (str(group) for entry in defaults if not isinstance(entry, str) for group in entry):
        assert f"{group}: " in said
    assert "launch, steady, understaffed, weekday" in said
