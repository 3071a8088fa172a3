"""`handrail tutorial` from tables to report, on made-up tables."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from experiments.tutorial.command import main
from experiments.tutorial.findings import Findings
from experiments.tutorial.fit import log_of
from experiments.tutorial.importing import Imported
from experiments.tutorial.offers import offers_of
from journeys.events import read_events
from journeys.loading import load_journey
from policies.bundle import Contents, save_bundle
from policies.random_legal import RandomLegal
from serving.replay import main as replay
from tests.experiments.tutorial_tables import lively


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    lively(40).write(tmp_path / "data")
    assert main(["import", str(tmp_path / "data"), "--out", str(tmp_path / "out")]) == 0
    return tmp_path / "out"


def test_an_import_writes_two_versions_of_one_journey_and_its_events(imported: Path) -> None:
    default, fitted = load_journey(imported / "journey.yaml"), load_journey(imported / "journey-fitted.yaml")
    assert (default.version, fitted.version) == (1, 2)
    assert default.steps == fitted.steps
    assert default.skills != fitted.skills
    events = list(read_events(imported / "events.jsonl"))
    assert {event.journey for event in events} == {default.name}
    account = msgspec.json.decode((imported / "import.json").read_bytes(), type=Imported)
    assert sum(account.events.values()) == len(events)
    assert account.students == 40
    assert account.fitted_log_likelihood > account.default_log_likelihood


def test_an_import_gives_the_same_files_again(imported: Path, tmp_path: Path) -> None:
    assert main(["import", str(tmp_path / "data"), "--out", str(tmp_path / "again")]) == 0
    for name in ("journey.yaml", "journey-fitted.yaml", "events.jsonl", "import.json"):
        assert (imported / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.slow
def test_a_report_holds_every_predictor_and_policy(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted = load_journey(imported / "journey-fitted.yaml")
    bundle = save_bundle(imported / "bundle", Contents("mine", "1", fitted, "greedy"))
    assert main(["report", str(imported), "--halvings", "1", "--bundle", str(bundle)]) == 0
    findings = msgspec.json.decode((imported / "findings.json").read_bytes(), type=Findings)
    assert [len(found.measures) for found in findings.foretelling] == [5, 5]
    assert [len(found.differences) for found in findings.foretelling] == [4, 4]
    assert len(findings.halvings) == 2
    assert [choice.policy for choice in findings.choosing] == ["fixed", "rules", "greedy", "mine"]
    built_in, bundled = findings.choosing[2:]
    assert msgspec.structs.replace(bundled, policy="greedy") == built_in
    text = (imported / "report.md").read_text(encoding="utf-8")
    assert text.strip() in capsys.readouterr().out
    assert "cannot say" in text
    assert (imported / "calibration.png").stat().st_size > 1000


def test_a_bundle_of_another_journey_is_refused(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = save_bundle(imported / "bundle", Contents("mine", "1", load_journey("tiny"), "greedy"))
    assert main(["report", str(imported), "--halvings", "0", "--bundle", str(bundle)]) == 2
    error = capsys.readouterr().err
    assert "was trained on journey 'tiny' version 1" in error
    assert "Mend: train with journey_file=" in error


def test_missing_data_and_a_missing_import_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["report", str(tmp_path)]) == 2
    assert "Mend: run 'handrail tutorial import DATA" in capsys.readouterr().err


def test_a_wrong_call_returns_two() -> None:
    assert main([]) == 2
    assert main(["export"]) == 2
    assert main(["--help"]) == 0


def test_the_report_decides_as_the_runtime_does(imported: Path) -> None:
    journey = load_journey(imported / "journey-fitted.yaml")
    bundle = save_bundle(imported / "bundle", Contents("mine", "1", journey, "random"))
    events, out = imported / "events.jsonl", imported / "decisions.jsonl"
    assert replay([str(events), "--bundle", str(bundle), "--out", str(out)]) == 0
    served = {d["event"]: d["action"] for d in map(msgspec.json.decode, out.read_bytes().splitlines())}
    read = list(read_events(events))
    offers = offers_of(journey, RandomLegal(), log_of(journey, read))
    assert {read[offer.event].id: offer.action for offer in offers} == served
    assert len(offers) > 200
