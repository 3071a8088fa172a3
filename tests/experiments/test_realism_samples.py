"""What is measured: hand-written logs, tiny tables, and that both sides are measured alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.realism import activity, gaps, latencies, solving
from experiments.realism.visits import attempts, centred, visits_of
from experiments.tutorial.data import DataError
from journeys.events import KINDS
from tests.experiments.realism_logs import MIDNIGHT_MS, log_of
from tests.experiments.tutorial_tables import Tables, lively

DAY = 24 * 60  # minutes


def parquet(folder: Path, **columns: Any) -> Path:
    """A Parquet file of the given columns."""
    path = folder / "table.parquet"
    pd.DataFrame(columns).to_parquet(path)
    return path


# --- visits ---
def test_a_visit_lasts_until_it_is_solved_given_up_or_left_for_another() -> None:
    log = log_of(
        (1, "signup", 0), (1, "start", 1, 0, 9.0), (1, "fail", 2, 0, 30.0), (1, "hesitate", 3, 0, 5.0),
        (1, "leave", 4, 0, 2.0), (1, "away", DAY, -1), (1, "decision", DAY), (1, "enter", 2 * DAY),
        (1, "succeed", 2 * DAY + 1, 0, 20.0), (1, "start", 2 * DAY + 2, 1, 9.0), (1, "give_up", 2 * DAY + 3, 1, 4.0),
        (1, "start", 2 * DAY + 4, 2), (1, "start", 2 * DAY + 5, 3),
        (2, "start", 0, 0, 1.0, 2), (2, "succeed", 1, 0, 7.0, 2),
    )  # fmt: skip
    seen = [(v.person, v.task, v.seconds, v.fails, v.solved, v.given_up) for v in visits_of(log)]
    assert seen == [
        (1, (0, 1), 57.0, 1, True, False),
        (1, (1, 1), 4.0, 0, False, True),
        (1, (2, 1), 0.0, 0, False, False),
        (1, (3, 1), 0.0, 0, False, False),
        (2, (0, 2), 7.0, 0, True, False),
    ]


def test_time_at_the_boundary_and_attempts_after_a_success_belong_to_no_visit() -> None:
    log = log_of((1, "start", 0, 0), (1, "succeed", 1, 0, 10.0), (1, "fail", 2, 0, 99.0), (1, "leave", 3, -1, 50.0))
    assert [(v.seconds, v.fails, v.solved) for v in visits_of(log)] == [(10.0, 0, True)]


@pytest.mark.skipif("watch" not in KINDS, reason="no journey has videos that are watched yet")
def test_steps_that_are_watched_are_left_out() -> None:
    log = log_of((1, "start", 0, 0), (1, "watch", 1, 0, 60.0), (1, "succeed", 2, 0, 60.0), (2, "succeed", 2, 0, 9.0),
                 (1, "start", 3, 1), (1, "succeed", 4, 1, 5.0))  # fmt: skip
    assert [v.task for v in visits_of(log)] == [(1, 1)]
    assert attempts(log)["step"].tolist() == [1]


def test_centred_takes_away_the_median_of_large_enough_groups() -> None:
    found = centred(np.array([1.0, 5.0, 3.0, 9.0]), np.array([7, 2, 7, 7]), least=2)
    assert found[[0, 2, 3]].tolist() == [-2.0, 0.0, 6.0]
    assert np.isnan(found[1])


# --- gaps ---
def test_gaps_are_cut_at_half_an_hour_and_end_after_thirty_days() -> None:
    seconds = np.array([0.0, 0.0, 60.0, 1860.0, 3661.0 + 24 * 3600.0, 31 * 86_400.0, 31 * 86_400.0 + 5.0])
    found = gaps.gaps_of(np.ones(7), seconds)
    assert found.short.values.tolist() == [1.0, 1.0, 0.0]  # 60 s, half an hour exactly, then a day and half an hour
    assert found.absences.values == pytest.approx([(3661.0 - 1860.0) / 3600.0 + 24.0])
    assert found.same_hour.values.tolist() == [1.0]


def test_the_same_time_of_day_is_within_two_hours_of_whole_days() -> None:
    hours = np.cumsum([0.0, 13.0, 21.9, 22.1, 26.0, 47.0, 59.0])
    assert gaps.gaps_of(np.zeros(7), hours * 3600.0).same_hour.values.tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]


def test_real_and_simulated_gaps_of_the_same_answers_are_the_same(tmp_path: Path) -> None:
    luck = np.random.default_rng(0)
    minutes = np.sort(luck.choice(20 * DAY, 60, replace=False))
    users = luck.integers(0, 3, 60)
    log = log_of(*((u, luck.choice(["succeed", "fail"]), m, 0) for u, m in zip(users, minutes, strict=True)))
    path = parquet(tmp_path, user_id=users, timestamp=MIDNIGHT_MS // 1000 + minutes * 60)
    for real, simulated in zip(gaps.real(path), gaps.simulated(log), strict=True):
        assert real.values.tolist() == simulated.values.tolist()
        assert real.people.tolist() == simulated.people.tolist()


# --- solving ---
def test_solving_times_are_taken_over_the_median_of_the_task() -> None:
    events: list[tuple[Any, ...]] = []
    for user, seconds in enumerate((5.0, 10.0, 20.0, 40.0, 80.0)):
        events += [(user, "start", 0, 0), (user, "succeed", 1, 0, seconds)]
    events += [(9, "start", 0, 0), (9, "fail", 1, 0, 30.0), (9, "give_up", 2, 0, 10.0), (9, "start", 3, 1)]
    found = solving.simulated(log_of(*events))
    assert found.relative.values == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0])
    assert found.until_given_up.values == pytest.approx([2.0])
    assert (found.fails_given_up.values.tolist(), found.tries.values.tolist()) == ([1.0], [0.0] * 5)
    assert (found.given_up.values.mean(), found.left_open.values.mean()) == (pytest.approx(1 / 6), pytest.approx(1 / 7))
    assert found.left_tried.values.tolist() == [0.0] * 6


def test_the_tutorials_tables_give_the_counts_that_were_written(tmp_path: Path) -> None:
    tables = lively(40)
    found = solving.real(tables.write(tmp_path / "data"))
    solved, given_up = sum(v["solved"] for v in tables.visits), sum(v["given_up"] for v in tables.visits)
    assert (len(found.tries.values), len(found.fails_given_up.values)) == (solved, given_up)
    assert found.left_open.values.sum() == len(tables.visits) - solved - given_up
    assert found.raw.n_people <= 40


def test_a_real_visit_is_timed_in_its_own_minutes(tmp_path: Path) -> None:
    tables = Tables()
    for student, tries in enumerate(("+", "-+", "-+", "--+", "---+"), 1):
        tables.visit(student, 11, 0.0, tries, session=student)
    found = solving.real(tables.write(tmp_path / "data"))
    assert sorted(found.relative.values) == pytest.approx([0.5, 1.0, 1.0, 1.5, 2.0])


# --- activity ---
def test_day_n_is_the_24_hours_that_begin_n_days_after_sign_up() -> None:
    log = log_of(
        (1, "signup", 0), (1, "leave", 5), (1, "away", DAY + 5), (1, "decision", DAY + 5), (1, "enter", 2 * DAY),
        (2, "signup", 10), (2, "leave", 20), (2, "enter", DAY + 10), (2, "leave", DAY + 11), (2, "enter", 8 * DAY + 9),
        (3, "signup", 0), (3, "succeed", 3, 0),
    )  # fmt: skip
    found = activity.simulated(log)
    assert found.day_1.values.tolist() == [0.0, 1.0, 0.0]
    assert found.day_7.values.tolist() == [0.0, 1.0, 0.0]
    assert found.unfinished_1.people.tolist() == [1, 2]  # user 3 was through after three minutes
    assert found.none.values.tolist() == [1.0, 1.0, 0.0]


def test_attempts_of_the_first_fourteen_days_count() -> None:
    log = log_of(
        (1, "signup", 0), (1, "fail", 1, 0), (1, "succeed", 2, 0), (1, "fail", 14 * DAY - 1, 1),
        (1, "fail", 14 * DAY, 1),
        (2, "signup", 0), (2, "fail", 1, 0),
    )  # fmt: skip
    found = activity.simulated(log)
    assert found.inequality.values.tolist() == [3.0, 1.0]
    assert found.active.values.tolist() == [1.5, 0.5]


def test_players_are_read_from_the_table(tmp_path: Path) -> None:
    path = parquet(tmp_path, userid=[1, 2, 3], sum_gamerounds=[0, 10, 30], retention_1=[False, True, True],
                   retention_7=[False, False, True])  # fmt: skip
    found = activity.real(path)
    assert [s.values.mean() for s in (found.day_1, found.day_7, found.none)] == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert found.active.values.tolist() == [0.5, 1.5]


# --- latencies ---
def trials(n: int = 24) -> dict[str, Any]:
    """Trials of two students on one item: errors take twice as long, and so does what follows an error."""
    outcome = np.tile(["CORRECT", "INCORRECT"], n // 2)
    latency = np.where(outcome == "CORRECT", 4000, 8000)
    return {
        "Anon.Student.Id": ["a"] * n + ["b"] * n,
        "KC..Default.": ["item"] * 2 * n,
        "Outcome": [*outcome, *outcome],
        "Condition.Name": ["keypress"] * 2 * n,
        "CF..Response.Time.": np.concatenate([np.arange(n), np.arange(n)]) * 20_000.0 + MIDNIGHT_MS,
        "CF..End.Latency.": [*latency, *(3 * latency)],
    }


def test_ratios_are_taken_within_a_person(tmp_path: Path) -> None:
    found = latencies.real(parquet(tmp_path, **trials()))
    assert found.of_error.values == pytest.approx([2.0, 2.0])
    assert found.after_error.values == pytest.approx([0.5, 0.5])  # a success follows every error, and is quick
    assert found.correct.values.mean() == 0.5
    assert found.spread.values == pytest.approx([np.std([0.0, np.log(2.0)] * 12, ddof=1)] * 2)


def test_what_was_not_answered_has_no_latency_and_study_is_no_answer(tmp_path: Path) -> None:
    columns = trials()
    columns["Outcome"][2], columns["Condition.Name"][1] = "STUDY", "timeout"
    found = latencies.real(parquet(tmp_path, **columns))
    assert len(found.relative.values) == 46
    assert len(found.correct.values) == 47


def test_real_and_simulated_latencies_of_the_same_answers_are_the_same(tmp_path: Path) -> None:
    columns = trials()
    kinds = {"CORRECT": "succeed", "INCORRECT": "fail"}
    rows = zip(columns["Anon.Student.Id"], columns["Outcome"], columns["CF..Response.Time."],
               columns["CF..End.Latency."], strict=True)  # fmt: skip
    log = log_of(*(("ab".index(s), kinds[o], (t - MIDNIGHT_MS) / 60_000, 0, ms / 1000) for s, o, t, ms in rows))
    for real, simulated in zip(latencies.real(parquet(tmp_path, **columns)), latencies.simulated(log), strict=True):
        assert real.values == pytest.approx(simulated.values)
        assert real.people.tolist() == simulated.people.tolist()


def test_what_follows_a_long_pause_follows_nothing() -> None:
    found = latencies.outcome_before(
        latencies.Trials(
            np.zeros(3), np.zeros(3), np.array([0, 1_800_000, 3_600_001]), np.ones(3), np.array([1.0, 0.0, 0.0])
        )
    )
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == 1.0


# --- errors ---
LOADERS: list[tuple[Callable[[Path], Any], dict[str, Any]]] = [
    (gaps.real, {"user_id": [1, 1], "timestamp": [5, 6]}),
    (activity.real, {"userid": [1], "sum_gamerounds": [3], "retention_1": [True], "retention_7": [True]}),
    (latencies.real, trials()),
]


@pytest.mark.parametrize(("loader", "columns"), LOADERS)
def test_a_missing_file_or_column_is_named_with_its_mend(
    tmp_path: Path, loader: Callable[[Path], Any], columns: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match=r"nowhere\.parquet: no such file\. Mend: "):
        loader(tmp_path / "nowhere.parquet")
    for column in columns:
        path = parquet(tmp_path, **{name: values for name, values in columns.items() if name != column})
        with pytest.raises(DataError, match=f"table.parquet: column '{column}' is missing. Mend: "):
            loader(path)


@pytest.mark.parametrize(("loader", "columns"), LOADERS)
def test_a_column_of_another_kind_is_named(
    tmp_path: Path, loader: Callable[[Path], Any], columns: dict[str, Any]
) -> None:
    for column, values in columns.items():
        wrong = [1.5] * len(values) if isinstance(values[0], (str, bool)) else ["x"] * len(values)
        with pytest.raises(DataError, match=rf"column '{column}' holds .*, not \w+\. Mend: "):
            loader(parquet(tmp_path, **{**columns, column: wrong}))


def test_an_empty_cell_an_empty_table_and_another_format_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 1: column 'timestamp' is empty"):
        gaps.real(parquet(tmp_path, user_id=[1, 1], timestamp=[5.0, None]))
    with pytest.raises(DataError, match="there is no row"):
        gaps.real(parquet(tmp_path, user_id=np.array([], int), timestamp=np.array([], int)))
    text = tmp_path / "text.parquet"
    text.write_text("user_id,timestamp\n1,5\n")
    with pytest.raises(DataError, match="not a Parquet file"):
        gaps.real(text)


def test_an_unknown_outcome_is_named(tmp_path: Path) -> None:
    columns = trials()
    columns["Outcome"][3] = "HINT"
    with pytest.raises(DataError, match="column 'Outcome' holds 'HINT'"):
        latencies.real(parquet(tmp_path, **columns))
