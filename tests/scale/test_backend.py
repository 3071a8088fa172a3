"""The backends carry out the same work: results, errors and reports; on Ray, in spite of workers that die."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from experiments.scale.backend import BackendSettings, carry_out
from experiments.scale.cluster import BackendError
from experiments.scale.ray_tasks import MOST_LOSSES
from experiments.scale.report import Report
from tests.scale.scaled_tasks import die_at_first, refuse_three, square, threads_here

LOCAL = BackendSettings("local")
RAY = BackendSettings("ray", workers=2)
BOTH = [LOCAL, RAY]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.usefixtures("cluster")]


def ignore(_: Report) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("settings", BOTH)
def test_every_item_comes_back_once_under_its_index(settings: BackendSettings) -> None:
    results = list(carry_out(square, range(20), settings, ignore))
    assert sorted(results) == [(i, i * i) for i in range(20)]


@pytest.mark.parametrize("settings", BOTH)
def test_nothing_to_do_is_done_at_once(settings: BackendSettings) -> None:
    assert list(carry_out(square, [], settings, ignore)) == []


@pytest.mark.parametrize("settings", BOTH)
def test_what_the_task_raises_reaches_the_caller(settings: BackendSettings) -> None:
    with pytest.raises(ValueError, match=r"^three is refused$"):
        list(carry_out(refuse_three, range(6), settings, ignore))


@pytest.mark.parametrize("settings", BOTH)
def test_reports_count_to_the_end_and_name_what_each_item_took(settings: BackendSettings) -> None:
    reports: list[Report] = []
    list(carry_out(square, range(5), settings, reports.append))
    finished = [report for report in reports if report.finished is not None]
    assert [report.done for report in finished] == [1, 2, 3, 4, 5]
    assert sorted(report.finished for report in finished) == [0, 1, 2, 3, 4]  # type: ignore[type-var]
    assert max(report.running for report in reports) == (1 if settings == LOCAL else 2)
    last = finished[-1]
    assert last.lost == 0
    assert last.cpu_seconds == pytest.approx(sum(report.use.cpu_seconds for report in finished if report.use))
    assert last.peak_bytes > 10 * 2**20  # an interpreter with NumPy takes more


def test_items_run_in_other_processes_with_one_thread_each() -> None:
    results = dict(carry_out(threads_here, range(4), RAY, ignore))
    assert os.getpid() not in {process for process, _ in results.values()}
    assert {threads for _, threads in results.values()} == {"1"}


def test_work_survives_killed_workers(tmp_path: Path) -> None:
    reports: list[Report] = []
    items = [(tmp_path / "a", 0), (tmp_path / "b", MOST_LOSSES), (tmp_path / "c", 1), (tmp_path / "d", 0)]
    results = dict(carry_out(die_at_first, items, RAY, reports.append))
    assert results == {0: "alive after 0", 1: f"alive after {MOST_LOSSES}", 2: "alive after 1", 3: "alive after 0"}
    assert reports[-1].lost == MOST_LOSSES + 1


def test_an_item_that_always_kills_its_worker_is_named(tmp_path: Path) -> None:
    items = [(tmp_path / "well", 0), (tmp_path / "deadly", MOST_LOSSES + 1)]
    with pytest.raises(BackendError, match=r"^item 1 .*deadly.* lost its worker 3 times: .*Mend: "):
        list(carry_out(die_at_first, items, RAY, ignore))


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match=r"Mend: pip install '\.\[scale\]' in a clone"):
        list(carry_out(square, [1], RAY, ignore))
