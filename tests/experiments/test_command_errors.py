"""A wrong call ends with exit code 2 and one line that names what is wrong and the mend; nothing is left behind."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import handrail
from tests.experiments.small_runs import small_training

WRONG_CALLS = {
    ("train", "sede=3"): "sede",
    ("train", "training.total_step=3"): "training.total_step",
    ("train", "journey=nowhere"): "nowhere",
    ("train", "experiment=nothing"): "nothing",
    ("train", "seed=-1"): "seed",
    ("train", "seed=often"): "seed",
    ("train", "evaluation.users=0"): "evaluation.users",
    ("train", "evaluation.references=[best]"): "best",
    ("train", "+training.speed=9"): "training.speed",
    ("train", "training.batch_size=1000"): "training.batch_size",
    ("train", "env.skill=much"): "env.skill",
    ("train", "env.completion=nan"): "env.completion",
    ("train", "env.churn=-inf"): "env.churn",
    ("train", "training.learning_rate=inf"): "training.learning_rate",
    ("train", "policy.name=dqn"): "dqn",
    ("train", "policy=greedy"): "greedy",
    ("train", "learner.name=irt"): "learner.name",
    ("train", "journey_file=nowhere.yaml"): "nowhere.yaml",
    ("train", "population.weights.expert=0"): "weights",
    ("train", "seed=["): "input",
    ("compare", "policies=[greedy,nobody]"): "nobody",
    ("compare", "policies=[]"): "policies",
    ("compare", "policies=[rules,rules]"): "'rules' would be the second",
    ("compare", "references=[rules,rules]"): "references: 'rules' is there twice",
    ("compare", "users=1"): "users",
    ("train", "evaluation.users=1"): "evaluation.users",
    ("train", "baselines=[fixed,fixed]"): "'fixed' would be the second",
    ("simulate", "policy=nobody"): "nobody",
    ("simulate", "policy.name=someone"): "someone",
    ("simulate", "policy=ppo"): "handrail train, then its run folder",
    ("cohort", "policy=ppo"): "policy.name=RUN_FOLDER",
    ("sensitivity", "policy=ppo"): "policy.name=RUN_FOLDER",
    ("simulate", "users=many"): "users",
    ("simulate", "out=/proc/nowhere/x.jsonl"): "/proc/nowhere",
    ("simulate", "out=/proc/x.jsonl"): "/proc/x",
    ("simulate", "out=events.parquet"): "a name that ends in .jsonl",
    ("simulate", "out=events"): "out: events has no ending",
    ("demo", "sede=3"): "sede",
}


@pytest.mark.parametrize(("call", "named"), WRONG_CALLS.items())
def test_one_line_names_the_setting(
    call: tuple[str, str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run"
    assert handrail.main([*call, f"folder={folder}"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1, said
    assert said.startswith(f"handrail {call[0]}: ")
    assert named in said
    assert "Mend: " in said
    assert said.count("Mend: ") == 1
    assert not folder.exists()


def test_a_folder_that_holds_a_run_is_not_written_over(small_run: Path, capsys: pytest.CaptureFixture) -> None:
    before = {path: path.read_bytes() for path in small_run.rglob("*") if path.is_file()}
    assert handrail.main(["train", *small_training(small_run, "seed=4")]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in small_run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["train", "compare", "simulate", "demo"])
def test_a_folder_that_cannot_be_made_is_told_in_one_line(command: str, capsys: pytest.CaptureFixture) -> None:
    assert handrail.main([command, "journey=tiny", "folder=/proc/nowhere"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"handrail {command}: /proc/nowhere: ")
    assert "Mend: " in said[0]


def test_a_policy_of_another_journey_is_refused(small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    call = ["compare", "journey=saas", "users=5", f"policies=[{small_run}]", f"folder={tmp_path / 'c'}"]
    assert handrail.main(call) == 2
    assert "Mend: journey=tiny" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "compare", "simulate"])
def test_help_shows_examples_settings_and_groups(command: str, capsys: pytest.CaptureFixture) -> None:
    assert handrail.main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"handrail {command}: ")
    for part in (f"handrail {command} journey=", "seed: 0", "population: beginners, cohort, comeback, everyone"):
        assert part in said


@pytest.mark.parametrize("command", ["train", "compare", "simulate"])
def test_help_lists_the_groups_that_the_command_has_and_no_others(command: str, capsys: pytest.CaptureFixture) -> None:
    defaults = OmegaConf.load(resources.files("conf").joinpath(f"{command}.yaml")).defaults
    groups = [str(group) for entry in defaults if not isinstance(entry, str) for group in entry]
    assert handrail.main([command, "--help"]) == 0
    listed = capsys.readouterr().out.partition("Groups, as")[2].partition("--cfg job")[0].split("\n\n")[1]
    assert [line.partition(":")[0].strip() for line in listed.splitlines()] == groups
    assert "persona" not in groups
    for line in listed.splitlines():
        group, _, options = line.strip().partition(": ")
        files = resources.files("conf").joinpath(group).iterdir()
        assert sorted(options.split(", ")) == sorted(file.name.removesuffix(".yaml") for file in files)


def test_configuration_can_be_shown(capsys: pytest.CaptureFixture) -> None:
    assert handrail.main(["train", "--cfg", "job", "seed=9", "journey=tiny"]) == 0
    said = capsys.readouterr().out
    assert "seed: 9" in said
    assert "name: tiny" in said


def test_the_command_line_of_the_process_is_restored(capsys: pytest.CaptureFixture) -> None:
    before = list(sys.argv)
    handrail.main(["train", "sede=1"])
    assert sys.argv == before
