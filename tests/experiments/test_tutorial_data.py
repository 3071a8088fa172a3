"""Reading the tables: what is read is what was written, and whatever is odd is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.tutorial.data import DataError, read_tutorial
from tests.experiments.tutorial_tables import TASKS, Tables, at, ms


@pytest.mark.parametrize("packed", [True, False])
def test_a_visit_comes_back_as_written(tmp_path: Path, packed: bool) -> None:
    tables = Tables()
    tables.visit(5, 21, 10.0, "-+", session=7)
    tutorial = read_tutorial(tables.write(tmp_path, packed))
    (visit,) = tutorial.visits
    assert (visit.student, visit.task, visit.session, visit.solved, visit.given_up) == (5, 21, 7, True, False)
    assert (visit.start, visit.end) == (ms(10), ms(12))
    assert [(attempt.time, attempt.success) for attempt in visit.attempts] == [(ms(11), False), (ms(12), True)]
    assert tutorial.oddities == {}
    assert [task.id for task in tutorial.tasks] == [task[0] for task in sorted(TASKS, key=lambda t: (t[2], t[0]))]


def odd_tables() -> Tables:
    """One visit for each oddity, in the order of `ODDITIES`."""
    tables = Tables()
    tables.visit(1, 11, 0, "+", session=None)
    tables.visit(1, 12, 5, "+", attempts=4)
    tables.visit(1, 21, 10, "-+")
    tables.attempts[-1]["order"] = 9
    tables.visit(1, 22, 20, "+")
    tables.attempts[-1]["time"] = at(19)
    tables.visit(1, 31, 30, "+", time_end=at(29))
    tables.visit(1, 32, 40, "+", time_spent=500)
    tables.visit(1, 11, 50, "-", solved=True)
    tables.visit(1, 12, 60, "+", solved=False)
    tables.visit(1, 21, 70, "+-")
    tables.visit(1, 22, 80, "+", given_up=True)
    tables.visit(1, 31, 90, "", given_up=True)
    tables.visit(1, 32, 100, "-")
    tables.visit(1, 11, 110, "")
    tables.visit(1, 99, 120, "+")
    return tables


ODDITIES = (
    ("no session named", 1),
    ("more or fewer attempts than the row claims", 2),
    ("attempts not numbered 1, 2, 3", 3),
    ("attempt before the start", 4),
    ("end before the start", 5),
    ("time spent differs", 6),
    ("solved without a successful attempt", 7),
    ("a successful attempt, yet not solved", 8),
    ("attempts after a success", 9),
    ("given up after a success", 10),
    ("given up without an attempt", 11),
    ("left open with attempts", 12),
    ("left open without an attempt", 13),
    ("visit of an unknown task", 14),
)


@pytest.mark.parametrize(("what", "visit"), ODDITIES)
def test_every_oddity_is_told_of_with_its_visit(tmp_path: Path, what: str, visit: int) -> None:
    tutorial = read_tutorial(odd_tables().write(tmp_path))
    (found,) = (ids for name, ids in tutorial.oddities.items() if name.startswith(what))
    assert visit in found
    assert not {number for _, number in ODDITIES} - {visit} & set(found) or what.startswith("left open")


def test_only_what_belongs_nowhere_is_dropped(tmp_path: Path) -> None:
    tables = odd_tables()
    tables.attempts.append({"task_instance_id": 77, "order": 1, "time": at(0), "success": True, "code": ""})
    tutorial = read_tutorial(tables.write(tmp_path))
    assert {visit.id for visit in tutorial.visits} == set(range(1, 14))
    assert tutorial.oddities["attempts of an unknown visit (dropped)"] == [77]


def test_a_missing_table_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tasks\.csv\.gz: no such file.*Mend: give the folder"):
        read_tutorial(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "+")
    del tables.visits[0]["given_up"]
    with pytest.raises(DataError, match=r"task-instances\.csv\.gz: column 'given_up' is missing\. Mend"):
        read_tutorial(tables.write(tmp_path))


@pytest.mark.parametrize(("column", "value"), [("solved", "yes"), ("time_start", "noon"), ("task_id", "eleven")])
def test_a_wrong_value_is_named_with_its_row(tmp_path: Path, column: str, value: str) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "+")
    tables.visit(1, 12, 9, "+")
    tables.visits[1][column] = value
    with pytest.raises(DataError, match=rf"task-instances\.csv\.gz, row 2: .*{value}.*Mend"):
        read_tutorial(tables.write(tmp_path))
