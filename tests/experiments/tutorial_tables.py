"""Made-up tables in the tutorial's format: three levels of two tasks, and students who learn as we say."""

from __future__ import annotations

import csv
import gzip
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

MONDAY = datetime(2020, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)

CONCEPTS = (
    (1, "BLOCK_GO"),
    (2, "ENV_PLACE"),
    (3, "PROGRAMMING_ORDER"),
    (4, "BLOCK_AGAIN"),
    (5, "GAME_HOLES"),
    (6, "GAME_ICE"),
)
TASKS = (  # id, title, level, concepts
    (12, "Go there!", 1, (1, 2, 3)),
    (11, "Go there?", 1, (1, 2, 3)),
    (21, "Again & again", 2, (1, 2, 3, 4, 5)),
    (22, "Round", 2, (1, 2, 3, 4)),
    (31, "Mind the hole", 3, (1, 2, 3, 4, 5, 6)),
    (32, "Cold feet", 3, (1, 2, 3, 6)),
)  # fmt: skip


def at(minutes: float) -> str:
    """A time of the tables, `minutes` after the Monday on which all begins."""
    return (MONDAY + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat(sep=" ")


def ms(minutes: float) -> int:
    """The same in ms since the Unix epoch."""
    return round((MONDAY + timedelta(minutes=minutes)).timestamp() * 1000)


@dataclass
class Tables:
    """Rows of the two tables that change; `visit` adds one visit with its attempts."""

    visits: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def visit(
        self, student: int, task: int, start: float, tries: str = "", session: int | None = 1, **changes: Any
    ) -> int:
        """A visit at minute `start`; `tries` is a word of + and -, one attempt a minute. Returns its id."""
        number = len(self.visits) + 1
        for i, outcome in enumerate(tries, 1):
            self.attempts.append(
                {
                    "task_instance_id": number,
                    "order": i,
                    "time": at(start + i),
                    "success": outcome == "+",
                    "code": "<x/>",
                }
            )
        solved, given_up = "+" in tries, changes.get("given_up", False)
        row = {
            "task_instance_id": number,
            "student_id": student,
            "task_id": task,
            "time_start": at(start),
            "time_end": at(start + len(tries)) if solved or given_up else "",
            "time_spent": 60 * len(tries),
            "solved": solved,
            "given_up": False,
            "attempts": len(tries),
            "session_id": "" if session is None else float(session),
        }
        self.visits.append({**row, **changes})
        return number

    def write(self, folder: Path, packed: bool = True) -> Path:
        """Write all five tables into `folder`; returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        tasks = [
            {"task_id": i, "title": title, "level": level, "concepts_ids": str(list(concepts))}
            for i, title, level, concepts in TASKS
        ]
        write_table(folder, "tasks", tasks, packed)
        write_table(folder, "concepts", [{"concept_id": i, "name": name} for i, name in CONCEPTS], packed)
        texts = [{"concept_id": i, "order": 10 - i, "text": f"About {name}."} for i, name in CONCEPTS if i != 3]
        write_table(folder, "instructions", texts, packed)
        write_table(folder, "task-instances", self.visits, packed)
        write_table(folder, "attempts", self.attempts, packed)
        return folder


def write_table(folder: Path, name: str, rows: list[dict[str, Any]], packed: bool) -> None:
    """Write one table, gzip or plain."""
    path = folder / (f"{name}.csv.gz" if packed else f"{name}.csv")
    opener = gzip.open if packed else open
    with opener(path, "wt", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, list(rows[0]) if rows else ["task_instance_id", "order", "time", "success"])
        table.writeheader()
        table.writerows(rows)


def lively(students: int, seed: int = 3) -> Tables:
    """Students who try tasks in order, with pauses, give-ups and visits left open."""
    luck, tables = np.random.default_rng(seed), Tables()
    for student in range(1, students + 1):
        minute = float(luck.uniform(0, 5000))
        for task, *_ in TASKS:
            tries = "-" * int(luck.integers(0, 4)) + ("+" if luck.random() < 0.7 else "")
            gives_up = "+" not in tries and luck.random() < 0.5
            tables.visit(student, task, minute, tries, session=student, given_up=bool(gives_up))
            minute += len(tries) + float(luck.choice([0.2, 3.0, 45.0, 4000.0]))
            if luck.random() < 0.2:
                break
    return tables


def real_data() -> Path:
    """Folder of the real tables: below `HANDRAIL_DATA`, or beside the repository. Its absence is an error."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("HANDRAIL_DATA", root.parent / "shared" / "data")) / "flocs_maze_programming"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Mend: set HANDRAIL_DATA to the folder of the data sets")
    return folder
