"""`handrail paths`: a run folder that can be compared, exported and served, and a table that says what is in it."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest

import handrail
from envs.reward import RewardWeights
from experiments.contestants import contestant
from experiments.evaluation import evaluate
from experiments.paths.command import COHORTS_TABLE, PICTURE_FILE, POPULATION_FILE
from experiments.paths.tables import PATH_FILE, PATH_TABLE, SEARCH_TABLE
from experiments.paths.walk import NOT_LED, walk
from experiments.run_folder import METRICS_FILE, REPORT_FILE, RUN_FILE, read_policy
from experiments.settings import Problem
from journeys.actions import DIFFICULTIES
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import load_bundle
from policies.path import PathPolicy

TINY = load_journey("tiny")
PROBLEM = Problem(TINY, load_population("mixed"), RewardWeights())
SMALL = ["paths", "journey=tiny", "users=200", "search.generations=3", "search.parents=4", "search.children=6"]
SMALL += ["search.users=16", "search.race_users=16"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paths") / "run"
    assert handrail.main([*SMALL, f"folder={folder}"]) == 0
    return folder


def path_of_run(run: Path) -> PathPolicy:
    policy = read_policy(run, TINY)
    assert isinstance(policy, PathPolicy)
    return policy


def test_the_folder_says_which_path_it_holds(run: Path) -> None:
    path = path_of_run(run).path
    with (run / PATH_TABLE).open() as lines:
        stops = list(csv.DictReader(lines))
    assert len(stops) == len(TINY.steps), "what is left out is said as well"
    on_path = [stop for stop in stops if stop["place"]]
    assert [stop["step"] for stop in on_path] == [TINY.step_names()[s] for s in path.steps]
    assert [stop["difficulty"] for stop in on_path] == [DIFFICULTIES[v] for v in path.difficulties]
    said = msgspec.json.decode((run / PATH_FILE).read_bytes())
    assert (said["journey"], said["cohort"], said["beside"]) == ("tiny", "mixed", "greedy")
    assert [stop["step"] for stop in said["stops"]] == [stop["step"] for stop in stops]
    assert said["population"]["paths"] == 4
    for name in (PICTURE_FILE, POPULATION_FILE):
        assert (run / name).read_bytes().startswith(b"\x89PNG")
    assert "path against" in (run / REPORT_FILE).read_text()
    assert len((run / SEARCH_TABLE).read_text().splitlines()) == 1 + 3


def test_everybody_who_was_asked_for_is_beside_it(run: Path) -> None:
    metrics = msgspec.json.decode((run / METRICS_FILE).read_bytes())
    assert metrics["policies"] == ["path", "greedy", "fixed", "rules"]
    own = {row["measure"]: row for row in metrics["levels"] if (row["policy"], row["group"]) == ("path", "overall")}
    again = evaluate(PROBLEM, path_of_run(run), 200)
    assert own["return"]["mean"] == pytest.approx(again.of("return").mean())
    pairs = {(row["policy"], row["reference"]) for row in metrics["differences"]}
    assert {("path", "fixed"), ("path", "rules"), ("path", "greedy")} <= pairs


def test_the_same_seed_writes_the_same_files(run: Path, tmp_path: Path) -> None:
    assert handrail.main([*SMALL, f"folder={tmp_path / 'again'}"]) == 0
    for name in (PATH_FILE, PATH_TABLE, SEARCH_TABLE, METRICS_FILE, PICTURE_FILE, POPULATION_FILE):
        assert (run / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_it_is_compared_and_exported_like_any_other_run(run: Path, tmp_path: Path) -> None:
    compared = ["compare", "journey=tiny", "users=40", f"policies=[{run}]", "references=[rules]"]
    assert handrail.main([*compared, f"folder={tmp_path / 'compared'}"]) == 0
    assert handrail.main(["export", str(run), "--out", str(tmp_path / "bundle")]) == 0
    bundle = load_bundle(tmp_path / "bundle")
    assert (bundle.manifest.family, bundle.manifest.provenance["command"]) == ("path", "paths")
    assert bundle.success is not None
    assert bundle.persona is not None
    own = path_of_run(run)
    assert isinstance(bundle.policy, PathPolicy)
    for one, other in zip(bundle.policy.path, own.path, strict=True):
        np.testing.assert_array_equal(one, other)
    assert "Policy family: `path`" in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    assert contestant(str(tmp_path / "bundle"), TINY).name == "bundle"


def test_a_bundle_of_a_path_serves_its_own_journey_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["export", str(run), "--out", str(run / "any"), "--any-journey"]) == 2
    assert "a policy of family 'path' knows one journey" in capsys.readouterr().err


def test_each_kind_gets_a_path_and_a_folder_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert handrail.main([*SMALL, "cohorts=[expert,anxious]", "beside=rules", f"folder={folder}"]) == 0
    assert not (folder / RUN_FILE).exists()
    with (folder / COHORTS_TABLE).open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["cohort"] for row in rows] == ["expert", "anxious"]
    assert all("find-it (" in row["path"] for row in rows)
    for row in rows:
        said = msgspec.json.decode((folder / row["cohort"] / RUN_FILE).read_bytes())
        assert (said["population"], said["personas"]) == (row["cohort"], [row["cohort"]])
    said = capsys.readouterr().out
    assert "Path of expert" in said
    assert "2 cohorts" in said


def test_a_walk_counts_who_was_led_where(run: Path) -> None:
    """Shares by difficulty are those of whoever was led to the step; who walks by themselves reach it as well."""
    users = 300
    way = walk(PROBLEM, path_of_run(run), users, seed=1)
    led = way.places != NOT_LED
    np.testing.assert_allclose(way.led.sum(axis=1), led.mean(axis=0))
    for row in way.places:
        taken = np.sort(row[row != NOT_LED])
        np.testing.assert_array_equal(taken, np.arange(1, len(taken) + 1))
    assert (way.reached >= way.finished).all()
    assert ((way.minutes > 0.0) == (way.reached > 0.0)).all()
    evaluation = evaluate(PROBLEM, path_of_run(run), users, seed=1)
    np.testing.assert_array_equal(way.finished, evaluation.finished)
    np.testing.assert_array_equal(way.reached, evaluation.reached)


WRONG_CALLS = {
    "cohorts=[nobody]": "cohorts: 'nobody' is nobody in population 'mixed'",
    "cohorts=expert_": "cohorts: 'expert_' is nobody in population 'mixed'",
    "cohorts=[expert,expert]": "cohorts: 'expert' is there twice",
    "cohorts=[]": "cohorts",
    "beside=someone": "no policy 'someone'",
    "references=[]": "references",
    "search.parents=0": "search.parents must be at least 1",
    "search.lives=4": "unknown",
    "users=1": "users",
    "seed=-1": "seed",
}


@pytest.mark.parametrize(("setting", "named"), WRONG_CALLS.items())
def test_a_wrong_call_is_answered_in_one_line(
    setting: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    start = "++" if setting.startswith("search.lives") else ""
    assert handrail.main([*SMALL, f"{start}{setting}", f"folder={folder}"]) == 2
    said = capsys.readouterr().err.strip()
    assert named in said
    assert len(said.splitlines()) == said.count("Mend: ") == 1
    assert not folder.exists()
