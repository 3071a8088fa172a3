"""A sweep on Ray finds what one process finds, run by run, and survives a killed worker."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from experiments import train
from experiments.hydra_entry import Job
from experiments.run_folder import CONFIG_FILE, RUN_FILE
from experiments.scale.backend import BackendSettings
from experiments.scale.report import Report
from experiments.scale.sweep import run_jobs
from experiments.settings import SettingsError
from tests.experiments.small_runs import small_training
from tests.scale.scaled_tasks import die_once

RAY = BackendSettings("ray", workers=2)
HERE = BackendSettings("local")
ON_RAY = ["training.backend=ray", "training.workers=2"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.usefixtures("cluster")]


def job_in(folder: Path) -> Job:
    return Job({}, folder, [], "a: 1\n")


def test_a_sweep_finds_what_one_process_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = []
    for name, more in (("here", []), ("ray", ON_RAY)):
        assert train.main(small_training(tmp_path / name, "--multirun", "seed=1,2", *more)) == 0
        with (tmp_path / name / "sweep.csv").open() as file:
            tables.append([{k: v for k, v in row.items() if k != "folder"} for row in csv.DictReader(file)])
        assert "2 runs" in capsys.readouterr().out
    assert tables[0] == tables[1]
    assert [row["overrides"] for row in tables[1]] == ["seed=1", "seed=2"]
    for number in "01":
        one, other = (load_file(tmp_path / name / number / "weights.safetensors") for name in ("here", "ray"))
        for tensor, values in one.items():
            np.testing.assert_array_equal(values, other[tensor])


def test_a_single_run_finds_what_one_process_finds(tmp_path: Path) -> None:
    curves = []
    for name, more in (("here", []), ("ray", ON_RAY)):
        arguments = ["training.num_envs=64", "training.n_steps=16", *more]
        assert train.main(small_training(tmp_path / name, *arguments)) == 0
        curves.append((tmp_path / name / "metrics.csv").read_text())
    assert curves[0] == curves[1]


def test_a_job_whose_worker_is_killed_begins_anew_in_a_fresh_folder(tmp_path: Path) -> None:
    reports: list[Report] = []
    jobs = [job_in(tmp_path / name) for name in "01"]
    found = dict(run_jobs(die_once, jobs, RAY, reports.append))
    assert found == {0: [CONFIG_FILE, RUN_FILE], 1: [CONFIG_FILE, RUN_FILE]}
    assert reports[-1].lost == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "0.lost1", "1", "1.lost1"]
    assert (tmp_path / "0.lost1" / "half.txt").exists()


def test_a_finished_run_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / RUN_FILE).touch()
    with pytest.raises(SettingsError, match="holds a run already"):
        run_jobs(die_once, [job_in(tmp_path / "0")], HERE, lambda _: None)


def test_a_wrong_setting_of_one_job_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = small_training(tmp_path / "sweep", "--multirun", "evaluation.users=1,40", *ON_RAY)
    assert train.main(arguments) == 2
    assert "handrail train: evaluation.users: " in capsys.readouterr().err


def test_sb3_plays_its_rollouts_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([f"folder={tmp_path / 'a'}", "journey=tiny", "training=sb3", *ON_RAY]) == 2
    assert "training.backend=ray: sb3 plays its rollouts itself. Mend: " in capsys.readouterr().err
