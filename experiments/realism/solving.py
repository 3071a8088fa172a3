"""Solving and giving up, against Flocs (an adaptive programming game at schools, 129 students).

The students' records become events by the import of `experiments/tutorial/`, and both sides are measured by the same
function. Times are active time inside a visit of a task. Videos are left out: watching is no attempt.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.realism.samples import Measure, Sample, mean
from experiments.realism.visits import visits_of
from experiments.tutorial.data import read_tutorial
from experiments.tutorial.events import events_of
from experiments.tutorial.fit import log_of
from experiments.tutorial.journey import journey_of

FILE = "flocs_maze_programming"
LEAST_SOLUTIONS = 5  # of a task, before its median means something


class Solving(NamedTuple):
    """Samples of one side.

    `relative`: time of a solved visit over the median of its task; `raw`: the same over the median of all, so that the
    tasks' own lengths remain; `tries`: failed attempts before solving; `given_up`: share of ended visits; `left_open`:
    share of all visits; `until_given_up`: time over the median solving time of the task; `fails_given_up`: failed attempts.
    """

    relative: Sample
    raw: Sample
    tries: Sample
    given_up: Sample
    left_open: Sample
    until_given_up: Sample
    fails_given_up: Sample


MEASURES = (
    Measure("relative", "Solving time over the task's median", "ratio", "times", ""),
    Measure("raw", "Solving time over the median of all tasks", "ratio", "times", ""),
    Measure("tries", "Failed attempts before solving", "attempts", "counts", ""),
    Measure("given_up", "Given up, of visits that were solved or given up", "share of visits", "share", "", mean),
    Measure("left_open", "Left open, of all visits", "share of visits", "share", "", mean),
    Measure("until_given_up", "Time until giving up, over the task's median solving time", "ratio", "times", ""),
    Measure("fails_given_up", "Failed attempts before giving up", "attempts", "counts", ""),
)


def real(path: str | Path) -> Solving:
    """The students' visits; `path` is the folder of the tables. Raises `DataError`."""
    tutorial = read_tutorial(path)
    journey = journey_of(tutorial)
    return solving_of(log_of(journey, events_of(tutorial, journey)[0]).events)


def simulated(log: np.ndarray) -> Solving:
    """Visits in a log of EVENT records."""
    return solving_of(log)


def solving_of(log: np.ndarray) -> Solving:
    """Samples of all visits in `log`."""
    visits = list(visits_of(log))
    number = {task: i for i, task in enumerate(sorted({visit.task for visit in visits}))}
    task = np.array([number[visit.task] for visit in visits])
    people = np.array([visit.person for visit in visits])
    seconds, fails = np.array([visit.seconds for visit in visits]), np.array([float(visit.fails) for visit in visits])
    solved, given_up = (np.array([getattr(visit, name) for visit in visits], bool) for name in ("solved", "given_up"))
    timed = solved & (seconds > 0.0)
    logs = np.log(seconds, out=np.full(len(visits), np.nan), where=seconds > 0.0)
    medians = task_medians(logs, task, timed)
    return Solving(
        relative=exponential(logs - medians, people, timed),
        raw=exponential(logs - np.median(logs[timed]), people, timed),
        tries=Sample(fails[solved], people[solved]),
        given_up=Sample(given_up[solved | given_up].astype(float), people[solved | given_up]),
        left_open=Sample((~solved & ~given_up).astype(float), people),
        until_given_up=exponential(logs - medians, people, given_up),
        fails_given_up=Sample(fails[given_up], people[given_up]),
    )


def task_medians(logs: np.ndarray, task: np.ndarray, timed: np.ndarray) -> np.ndarray:
    """For each visit, the median logarithm `(n,)` of its task's timed solutions; NaN where there are too few."""
    out = np.full(len(logs), np.nan)
    for number in np.unique(task):
        times = logs[timed & (task == number)]
        if len(times) >= LEAST_SOLUTIONS:
            out[task == number] = np.median(times)
    return out


def exponential(logs: np.ndarray, people: np.ndarray, among: np.ndarray) -> Sample:
    """The sample whose logarithms are known, of the visits `among` `(n,)`."""
    kept = among & np.isfinite(logs)
    return Sample(np.exp(logs[kept]), people[kept])

