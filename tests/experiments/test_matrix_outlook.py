"""What `handrail matrix` says while it works: cells done, time left by what each policy's cells take, lost workers."""

from __future__ import annotations

import io

from rich.console import Console

from experiments.matrix.cell import Cell, Result, ServingCost, TrainingCost
from experiments.matrix.outlook import Outlook
from experiments.scale.report import Use, nothing_done

SECONDS = {"quick": 2.0, "slow": 60.0}
CELLS = [Cell(policy, "tiny", "bkt", seed) for seed in (1, 2, 3) for policy in SECONDS]


def result(cell: Cell) -> Result:
    return Result(cell, "baseline", {"return": 1.0}, TrainingCost(), ServingCost(1.0, 1.0, 0), {}, None)


def test_time_left_is_known_once_every_policy_was_met_and_goes_by_its_own_cells() -> None:
    out = io.StringIO()
    outlook, report = Outlook(Console(file=out, width=200), CELLS), nothing_done(len(CELLS), workers=2)
    for i, cell in enumerate(CELLS):
        report = report.after(i, Use(SECONDS[cell.policy], 0, "here"), running=0)
        outlook.hear(report)
        outlook.say(result(cell))
    lines = out.getvalue().splitlines()
    assert "left" not in lines[0], "nobody knows yet what the slow one takes"
    left = [line.split("; ")[1] for line in lines[1:-1]]
    assert left == ["1:02 left", "1:01 left", "0:31 left", "0:30 left"], "by two workers"
    assert [line.split(":")[0] for line in lines] == [f"{i} of 6" for i in range(1, 7)]


def test_a_lost_worker_is_told_once() -> None:
    out = io.StringIO()
    outlook, report = Outlook(Console(file=out, width=200), CELLS), nothing_done(len(CELLS), workers=2)
    for heard in (report, report.after_loss(), report.after_loss()):
        outlook.hear(heard)
    assert out.getvalue().count("a worker died") == 1
