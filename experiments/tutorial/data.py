"""Reading the records of the adaptive programming tutorial (Flocs, 2016-2017): tasks, visits and attempts.

The files are the CSV tables (plain or gzip) that the folder's SOURCE.md describes. Times are taken as UTC: the
tables name no zone. Rows that contradict each other are kept and told of (`Oddities`), or dropped and told of.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

Parsed = TypeVar("Parsed")


class DataError(ValueError):
    """Tutorial data that cannot be read: which file, which column, and the mend."""


class Task(NamedTuple):
    """One task: `level` 1 and up, `concepts` the ids of what it uses."""

    id: int
    title: str
    level: int
    concepts: frozenset[int]


class Concept(NamedTuple):
    """A block, element of the environment, rule of the game or idea of programming; `text` explains it, or is empty."""

    id: int
    name: str
    text: str


class Attempt(NamedTuple):
    """One run of a program: `time` in ms since the Unix epoch."""

    time: int
    success: bool


class Visit(NamedTuple):
    """One opening of one task by one student ("task instance"). Times in ms; `end` and `session` None where missing.

    `seconds` is the tutorial's own measure of the time spent.
    """

    id: int
    student: int
    task: int
    start: int
    end: int | None
    seconds: float
    solved: bool
    given_up: bool
    session: int | None
    attempts: tuple[Attempt, ...]


class Tutorial(NamedTuple):
    """The whole record; `oddities` maps what is odd about a row to the ids of the visits concerned."""

    tasks: tuple[Task, ...]
    concepts: tuple[Concept, ...]
    visits: tuple[Visit, ...]
    oddities: Oddities


Oddities = dict[str, list[int]]

COLUMNS = {
    "tasks": ("task_id", "title", "level", "concepts_ids"),
    "concepts": ("concept_id", "name"),
    "instructions": ("concept_id", "order", "text"),
    "task-instances": (
        "task_instance_id", "student_id", "task_id", "time_start", "time_end", "time_spent", "solved", "given_up",
        "attempts", "session_id",
    ),
    "attempts": ("task_instance_id", "order", "time", "success"),
}  # fmt: skip
CLOCKS_DISAGREE_S = 60.0  # a measured time further than this from end - start is told of


def read_tutorial(folder: str | Path) -> Tutorial:
    """Read the tables in `folder`. Raises `DataError` that names the file, the column or row, and the mend."""
    folder = Path(folder)
    tasks = tuple(sorted(table(folder, "tasks", task_of), key=lambda task: (task.level, task.id)))
    oddities: Oddities = {}
    visits = read_visits(folder, {task.id for task in tasks}, oddities)
    return Tutorial(tasks, read_concepts(folder), visits, oddities)


def table(folder: Path, name: str, parse: Callable[[dict[str, str]], Parsed]) -> list[Parsed]:
    """Every row of one table, parsed. Raises `DataError`."""
    packed, plain = folder / f"{name}.csv.gz", folder / f"{name}.csv"
    path = packed if packed.is_file() else plain
    if not path.is_file():
        raise DataError(
            f"{packed}: no such file, and no {plain.name} either. Mend: give the folder of the tutorial's tables "
            f"({', '.join(COLUMNS)}), as its SOURCE.md describes it"
        )
    opener = gzip.open if path is packed else open
    with opener(path, "rt", encoding="utf-8", newline="") as text:
        reader = csv.DictReader(text)
        missing = [column for column in COLUMNS[name] if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path}: column {missing[0]!r} is missing. Mend: use the original table, header included")
        parsed = []
        for number, row in enumerate(reader, 1):
            try:
                parsed.append(parse(row))
            except (ValueError, TypeError) as error:  # TypeError: a row cut short has None in its last columns
                raise DataError(f"{path}, row {number}: {error}. Mend: correct or remove the row") from None
    return parsed


def task_of(row: dict[str, str]) -> Task:
    """One row of the table of tasks."""
    return Task(int(row["task_id"]), row["title"], int(row["level"]), frozenset(json.loads(row["concepts_ids"])))


def read_concepts(folder: Path) -> tuple[Concept, ...]:
    """Concepts with the instructions that explain them, in the order of their ids."""
    texts: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for concept, order, text in table(
        folder, "instructions", lambda row: (int(row["concept_id"]), int(row["order"]), row["text"])
    ):
        texts[concept].append((order, text))
    named = sorted(table(folder, "concepts", lambda row: (int(row["concept_id"]), row["name"])))
    return tuple(Concept(number, name, " ".join(text for _, text in sorted(texts[number]))) for number, name in named)


def read_visits(folder: Path, tasks: set[int], oddities: Oddities) -> tuple[Visit, ...]:
    """Visits with their attempts, by student and start; what is odd about them goes into `oddities`."""
    attempts: dict[int, list[tuple[int, Attempt]]] = defaultdict(list)
    for visit_id, order, attempt in table(folder, "attempts", attempt_of):
        attempts[visit_id].append((order, attempt))
    visits = []
    for visit, told in table(folder, "task-instances", lambda row: (visit_of(row), int(row["attempts"]))):
        numbered = sorted(attempts.pop(visit.id, []), key=lambda pair: (pair[1].time, pair[0]))
        full = visit._replace(attempts=tuple(attempt for _, attempt in numbered))
        for what in odd(full, [order for order, _ in numbered], told, tasks):
            oddities.setdefault(what, []).append(full.id)
        if full.task in tasks:
            visits.append(full)
    if attempts:
        oddities["attempts of an unknown visit (dropped)"] = sorted(attempts)
    return tuple(sorted(visits, key=lambda visit: (visit.student, visit.start, visit.id)))


def attempt_of(row: dict[str, str]) -> tuple[int, int, Attempt]:
    """One row of the table of attempts: visit, number within it, attempt."""
    return int(row["task_instance_id"]), int(row["order"]), Attempt(milliseconds(row["time"]), truth(row["success"]))


def visit_of(row: dict[str, str]) -> Visit:
    """One row of the table of task instances, its attempts still to be added."""
    return Visit(
        id=int(row["task_instance_id"]),
        student=int(row["student_id"]),
        task=int(row["task_id"]),
        start=milliseconds(row["time_start"]),
        end=milliseconds(row["time_end"]) if row["time_end"] else None,
        seconds=float(row["time_spent"]),
        solved=truth(row["solved"]),
        given_up=truth(row["given_up"]),
        session=int(float(row["session_id"])) if row["session_id"] else None,
        attempts=(),
    )


def odd(visit: Visit, orders: list[int], told: int, tasks: set[int]) -> Iterator[str]:
    """What is odd about one visit; `orders` number its attempts, `told` is how many its row claims."""
    times = [attempt.time for attempt in visit.attempts]
    succeeded = [attempt.success for attempt in visit.attempts]
    if visit.task not in tasks:
        yield "visit of an unknown task (dropped)"
    if visit.session is None:
        yield "no session named (gaps alone divide it)"
    if told != len(times):
        yield "more or fewer attempts than the row claims (the attempts count)"
    if orders != list(range(1, len(orders) + 1)):
        yield "attempts not numbered 1, 2, 3, ... (their times count)"
    if times and times[0] < visit.start:
        yield "attempt before the start (the visit starts then)"
    if visit.end is not None and visit.end < visit.start:
        yield "end before the start (the end is ignored)"
    elif visit.end is not None and abs((visit.end - visit.start) / 1000 - visit.seconds) > CLOCKS_DISAGREE_S:
        yield "time spent differs from end - start by over a minute (the clock times count)"
    if visit.solved and not any(succeeded):
        yield "solved without a successful attempt (a success at its end is written)"
    if any(succeeded) and not visit.solved:
        yield "a successful attempt, yet not solved (the attempt counts)"
    if any(succeeded[:-1]):
        yield "attempts after a success (kept)"
    if visit.given_up and any(succeeded):
        yield "given up after a success (no give-up is written)"
    if visit.given_up and not times:
        yield "given up without an attempt (kept)"
    if not visit.solved and not visit.given_up:
        yield "left open with attempts (kept open)" if times else "left open without an attempt (kept open)"


def milliseconds(text: str) -> int:
    """Milliseconds since the Unix epoch of a time without a zone, taken as UTC. Raises `ValueError`."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def truth(text: str) -> bool:
    """`True` and `False` as the tables write them; anything else raises `ValueError`."""
    if text not in {"True", "False"}:
        raise ValueError(f"{text!r} is neither True nor False")
    return text == "True"
