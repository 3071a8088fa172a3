"""`handrail train`: a run folder is complete, the same again from the same seed, and sweeps work."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load_file

from envs.reward import RewardWeights
from experiments import train
from experiments.comparison import Comparison
from experiments.contestants import contestant
from experiments.evaluation import evaluate
from experiments.run_folder import RunRecord, TrainingMetrics
from experiments.settings import Problem
from journeys.loading import load_journey
from journeys.observation import observation_size
from personas.persona import load_population
from policies.training.heads_fit import EVERY
from tests.experiments.small_runs import small_training

FILES = {
    "config.yaml", "run.json", "journey.json", "weights.safetensors", "metrics.json", "metrics.csv",
    "curve.csv", "report.html", "plots", "checkpoint.pt", "tensorboard",
}  # fmt: skip
PICTURES = {"learning_curve", "differences", "completion_by_persona", "funnel", "help_by_struggle", "rungs"}
NETWORK = ("w1", "b1", "w2", "b2", "w3", "b3")
WITHOUT_TIMES = ("journey.json", "weights.safetensors", "metrics.json", "metrics.csv")


def test_run_folder_is_complete(small_run: Path) -> None:
    assert {path.name for path in small_run.iterdir()} == FILES
    assert {path.stem for path in (small_run / "plots").iterdir()} == PICTURES


def test_every_file_may_be_read_by_the_same_people(small_run: Path) -> None:
    modes = {path.name: path.stat().st_mode for path in small_run.iterdir() if path.is_file()}
    assert set(modes.values()) == {modes["run.json"]}, modes


def test_record_says_where_the_run_comes_from(small_run: Path) -> None:
    record = msgspec.json.decode((small_run / "run.json").read_bytes(), type=RunRecord)
    assert (record.command, record.journey, record.population, record.seed) == ("train", "tiny", "mixed", 3)
    assert (record.algorithm, record.family) == ("ppo", "network")
    assert record.journey_hash == load_journey("tiny").hash()
    assert {"python", "numpy", "torch", "stable-baselines3"} <= set(record.versions)
    assert "seed=3" in record.overrides


def test_weights_have_a_bundles_names_and_shapes(small_run: Path) -> None:
    journey = load_journey("tiny")
    size = observation_size(len(journey.steps), len(journey.skills))
    tensors = load_file(small_run / "weights.safetensors")
    assert set(tensors) == {*NETWORK, "success.weight", "success.bias", "persona.weight", "persona.bias", "usual"}
    assert tensors["w1"].shape == (size, 8)
    record = msgspec.json.decode((small_run / "run.json").read_bytes(), type=RunRecord)
    assert record.personas == load_population("mixed").personas
    assert tensors["persona.weight"].shape == (size, len(record.personas))
    assert tensors["success.weight"].shape == tensors["usual"].shape == (size,)


def test_metrics_are_those_of_the_policy_that_was_kept(small_run: Path) -> None:
    """Playing the weights again on the held-out users gives the very numbers of the run."""
    comparison = msgspec.json.decode((small_run / "metrics.json").read_bytes(), type=Comparison)
    problem = Problem(load_journey("tiny"), load_population("mixed"), RewardWeights())
    again = evaluate(problem, contestant(str(small_run), problem.journey), 40)
    for measure in ("return", "completion", "skill", "time", "help", "annoyance", "cost"):
        assert comparison.level("ppo", measure).mean == float(np.mean(again.of(measure)))


def test_metrics_say_what_the_predictions_are_worth(small_run: Path) -> None:
    metrics = msgspec.json.decode((small_run / "metrics.json").read_bytes(), type=TrainingMetrics)
    assert set(metrics.predictions) == {"success", "persona"}
    for worth in metrics.predictions.values():
        assert 0 < worth.users <= 40 // EVERY  # those of whom a moment was kept
        assert 0.0 <= worth.accuracy <= 1.0
        assert worth.log_loss > 0.0


def test_curve_has_a_row_per_rollout(small_run: Path) -> None:
    with (small_run / "curve.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["steps"]) for row in rows] == [1024]


def test_same_seed_same_bytes_other_seed_other_weights(small_run: Path, tmp_path: Path) -> None:
    assert train.main(small_training(tmp_path / "again", "seed=3")) == 0
    for name in WITHOUT_TIMES:
        assert (tmp_path / "again" / name).read_bytes() == (small_run / name).read_bytes(), name
    assert train.main(small_training(tmp_path / "other", "seed=4")) == 0
    mine, other = (load_file(folder / "weights.safetensors")["w1"] for folder in (small_run, tmp_path / "other"))
    assert not np.array_equal(mine, other)


def test_the_kept_configuration_repeats_the_run(small_run: Path, tmp_path: Path) -> None:
    call = ["--config-dir", str(small_run), "--config-name", "config", f"folder={tmp_path / 'again'}"]
    assert train.main(call) == 0
    for name in WITHOUT_TIMES:
        assert (tmp_path / "again" / name).read_bytes() == (small_run / name).read_bytes(), name


@pytest.mark.slow
def test_a_sweep_makes_a_run_per_value_and_one_table(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert train.main(small_training(tmp_path / "sweep", "--multirun", "seed=1,2")) == 0
    with (tmp_path / "sweep" / "sweep.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["overrides"] for row in rows] == ["seed=1", "seed=2"], "what the runs share is left out"
    for row in rows:
        assert {path.name for path in Path(row["folder"]).iterdir()} == FILES
    assert "2 runs" in capsys.readouterr().out
