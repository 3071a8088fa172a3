"""`handrail matrix`: what is there is not done again, another question is refused, and it ends in one page."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

import handrail
from experiments.matrix import command
from experiments.matrix.cell import CELLS_FOLDER, Result, Task
from experiments.matrix.trial import try_cell
from experiments.train import main as train
from tests.experiments.small_runs import SMALL_TRAINING

TRAINING = [s.replace("training.", "++trainings.ppo.") for s in SMALL_TRAINING if s.startswith("training.")]
SMALL = ["journeys=[tiny]", "learners=[bkt]", "policies=[greedy,ppo]", "seeds=[1,2]", "users=40", *TRAINING]
CELLS = 6  # two seeds of greedy, ppo and the reference


def small(folder: Path, *more: str) -> list[str]:
    return ["matrix", *SMALL, f"folder={folder}", *more]


def results(folder: Path) -> dict[str, Result]:
    """What was found, by cell and without what it cost."""
    paths = sorted((folder / CELLS_FOLDER).rglob("*.json"))
    return {str(path.relative_to(folder)): msgspec.json.decode(path.read_bytes(), type=Result) for path in paths}


def means(folder: Path) -> dict[str, dict[str, float]]:
    return {name: result.means for name, result in results(folder).items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matrix") / "whole"
    assert handrail.main(small(folder)) == 0
    return folder


def test_the_page_has_its_tables_and_pictures(whole: Path) -> None:
    page = (whole / "matrix.md").read_text(encoding="utf-8")
    for heading in ("What doing without RL costs", "Return", "Completion", "Ranks", "Costs"):
        assert f"## {heading}" in page
    pictures = re.findall(r"!\[.*\]\((.*)\)", page)
    assert len(pictures) == 2
    for picture in pictures:
        assert (whole / picture).read_bytes().startswith(b"\x89PNG")
    assert "3 policies in 2 blocks" in page
    assert f"*Written by `handrail matrix {' '.join(SMALL)}`" in page
    with (whole / "matrix.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == CELLS
    for row in rows:
        assert (float(row["cpu_seconds"]) > 0.0) == (row["policy"] == "ppo") == (row["decisions"] == "1024")
        assert 0.0 < float(row["batched_us"]) < float(row["alone_us"])


def test_a_cell_is_the_training_of_the_same_name(whole: Path, tmp_path: Path) -> None:
    """The same policy as `handrail train` finds, judged on the people of the cell's seed."""
    assert train([*SMALL_TRAINING, "seed=2", "policy.hidden=64", f"folder={tmp_path / 'run'}"]) == 0
    found = tmp_path / "compared"
    call = ["compare", "journey=tiny", f"policies=[{tmp_path / 'run'}]", "references=[rules]", "users=40", "seed=2"]
    assert handrail.main([*call, f"folder={found}"]) == 0
    with (found / "metrics.csv").open() as lines:
        overall = [row for row in csv.DictReader(lines) if (row["group"], row["reference"]) == ("overall", "")]
    levels = {(row["policy"], row["measure"]): float(row["mean"]) for row in overall}
    cells = means(whole)
    assert levels["run", "return"] == cells["cells/tiny/bkt/ppo-2.json"]["return"]
    assert levels["rules", "return"] == cells["cells/tiny/bkt/rules-2.json"]["return"]


def test_an_interrupted_matrix_goes_on(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    tried: list[Task] = []

    def interrupted(task: Task) -> Result:
        if len(tried) == 3:
            raise KeyboardInterrupt
        tried.append(task)
        return try_cell(task)

    folder = tmp_path / "run"
    monkeypatch.setattr(command, "try_cell", interrupted)
    assert handrail.main(small(folder)) == handrail.INTERRUPTED
    assert len(means(folder)) == 3
    assert not (folder / "matrix.md").exists()
    tried.clear()
    monkeypatch.setattr(command, "try_cell", lambda task: tried.append(task) or try_cell(task))
    capsys.readouterr()
    assert handrail.main(small(folder)) == 0
    assert len(tried) == CELLS - 3
    assert "6 cells, 3 are there already" in capsys.readouterr().out
    assert means(folder) == means(whole)


def test_what_is_whole_is_only_read(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (whole / "matrix.md").read_bytes()
    monkeypatch.setattr(command, "try_cell", lambda _: pytest.fail("tried again"))
    assert handrail.main(small(whole, f"page={tmp_path / 'docs' / 'matrix.md'}")) == 0
    assert (whole / "matrix.md").read_bytes() == before == (tmp_path / "docs" / "matrix.md").read_bytes()
    for picture in (whole / "pictures").iterdir():
        assert (tmp_path / "docs" / "pictures" / picture.name).read_bytes() == picture.read_bytes()


def test_more_seeds_keep_the_cells_that_are_there(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Task] = []
    monkeypatch.setattr(command, "try_cell", lambda task: tried.append(task) or pytest.fail("enough"))
    with pytest.raises(pytest.fail.Exception):
        handrail.main(small(whole, "seeds=[1,2,3]"))
    assert [task.cell.seed for task in tried] == [3]


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("users=41", "users"),
        ("trainings.ppo.total_steps=2048", "training"),
        ("env=frugal", "env"),
        ("population=beginners", "population"),
    ],
)
def test_a_cell_of_another_question_is_refused(
    change: str, differs: str, whole: Path, capsys: pytest.CaptureFixture
) -> None:
    before = means(whole)
    assert handrail.main(small(whole, change)) == 2
    said = capsys.readouterr().err
    assert re.search(rf"json: answers another question \({differs} differ\)\. Mend: ", said)
    assert means(whole) == before


def test_a_damaged_cell_is_named(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "run" / CELLS_FOLDER / "tiny" / "bkt" / "greedy-1.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert handrail.main(small(tmp_path / "run")) == 2
    assert re.search(r"greedy-1\.json: not the result of a cell: .*Mend: ", capsys.readouterr().err)


def test_a_journey_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(handrail.__file__).parent / "conf" / "journey" / "tiny.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("name: tiny", "name: mine", 1), encoding="utf-8")
    call = small(tmp_path / "run", f"journeys=[{tmp_path / 'mine.yaml'}]", "policies=[greedy]", "seeds=[1]")
    assert handrail.main(call) == 0
    assert set(means(tmp_path / "run")) == {f"cells/mine/bkt/{policy}-1.json" for policy in ("greedy", "rules")}


WRONG_CALLS = {
    "journeys=[nowhere]": "nowhere",
    "journeys=[tiny,tiny]": "journeys: 'tiny' is there twice",
    "learners=[guess]": "guess",
    "learners=[bkt,bkt]": "learners: 'bkt' is there twice",
    "policies=[dqn]": "policies: no policy 'dqn'",
    "policies=[rules]": "alone has nobody to be compared with",
    "+trainings.dqn.total_steps=1": "trainings: no policy 'dqn'",
    "+trainings.rules.total_steps=1": "rules is not trained",
    "+trainings.ppo.speed=1": "training.speed is unknown",
    "+trainings.ppo.preset=slow": "trainings.ppo.preset: no training 'slow'",
    "++trainings.ppo.num_envs=0": "num_envs=0",
    "seeds=[]": "seeds",
    "seeds=[-1]": "seeds",
    "seeds=[1,1]": "seeds: 1 is there twice",
    "users=1": "users",
    "reference=best": "policies: no policy 'best'",
    "backend=cloud": "backend",
    "env.skill=much": "env.skill",
}


@pytest.mark.parametrize(("setting", "named"), WRONG_CALLS.items())
def test_a_wrong_call_is_answered_in_one_line_and_leaves_nothing_behind(
    setting: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert handrail.main(small(tmp_path / "run", setting)) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("handrail matrix: ")
    assert named in said
    assert len(said.splitlines()) == said.count("Mend: ") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_killed_matrix_goes_on(whole: Path, tmp_path: Path) -> None:
    """kill -9 wherever it happens to be: only whole cells are there, and the rest comes out the same."""
    folder = tmp_path / "run"
    here = Path(handrail.__file__).parent
    running = subprocess.Popen(
        [sys.executable, "-m", "handrail", *small(folder)], cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while running.poll() is None and not list((folder / CELLS_FOLDER).rglob("*.json")):
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    there = means(folder)
    assert 1 <= len(there) < CELLS
    assert handrail.main(small(folder)) == 0
    assert there.items() <= means(folder).items()
    assert means(folder) == means(whole)


@pytest.mark.slow
def test_on_ray_the_cells_are_the_same(whole: Path, tmp_path: Path) -> None:
    assert handrail.main(small(tmp_path / "run", "backend=ray", "workers=1")) == 0
    assert means(tmp_path / "run") == means(whole)
