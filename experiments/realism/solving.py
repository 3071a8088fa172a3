"""Solving and giving up, against Flocs (an adaptive programming game, 129 students).

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
    share of all visits; `left_tried`: the same of visits with an attempt; `until_given_up`: time over the median
    solving time of the task; `fails_given_up`: failed attempts.
    """

    relative: Sample
    raw: Sample
    tries: Sample
    given_up: Sample
    left_open: Sample
    left_tried: Sample
    until_given_up: Sample
    fails_given_up: Sample


MEASURES = (
    Measure(
        "relative", "Solving time over the task's median", "ratio", "times", "close",
        "Log-normal times, pace of persons, failed attempts and hesitations together spread simulated times "
        "about as widely as real ones, in other units. The real curve is steeper in the middle and has a "
        "longer upper tail: some students may be away from the task while its clock runs.",
    ),
    Measure(
        "raw", "Solving time over the median of all tasks", "ratio", "times", "close",
        "The same with the tasks' own lengths left in. The journey's author and the game's chose tasks that "
        "vary to a similar degree; nothing in the simulation makes that so.",
    ),
    Measure(
        "tries", "Failed attempts before solving", "attempts", "counts", "close",
        "About two thirds are solved at the first attempt on both sides, near the 65% of Koedinger et al. "
        "(2023). Some real students go on failing six times and more; a simulated one learns from each "
        "failure, asks, or gives up first.",
    ),
    Measure(
        "given_up", "Given up, of visits that were solved or given up", "share of visits", "share", "close",
        "Within the tolerance, and yet the real share is about four times the simulated one. In the game "
        "another task is a click away; here giving up takes frustration, and expert rules step in with help "
        "before it has grown. Nineteen real give-ups by nine students are few.",
        mean,
    ),
    Measure(
        "left_open", "Left open, of all visits", "share of visits", "share", "different",
        "A third of the real visits were opened and left without one attempt: looking at a task costs a click "
        "and says nothing yet. A simulated user opens a step to work at it, and leaves it open only by "
        "leaving altogether; looking around is not modelled.",
        mean,
    ),
    Measure(
        "left_tried", "Left open, of visits with an attempt", "share of visits", "share", "close",
        "Where at least one attempt was made, leaving a task open is rare on both sides: the difference above "
        "is looking around, not abandoning work. (This row was added after a first look, to tell the two "
        "apart; its tolerance is that of all shares.)",
        mean,
    ),
    Measure(
        "until_given_up", "Time until giving up, over the task's median solving time", "ratio", "times", "different",
        "Twelve real give-ups with a usable time, by seven students, are too few for a distribution. As far "
        "as they go, half of these students gave up after a glance, which simulated users do not.",
    ),
    Measure(
        "fails_given_up", "Failed attempts before giving up", "attempts", "counts", "different",
        "Most real give-ups come before the first attempt (a look, then another task). A simulated user gives "
        "up out of frustration, which grows with failures: after one to three of them. Giving up at sight is "
        "missing from the model.",
    ),
)  # fmt: skip


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
    tried = solved | (fails > 0.0)
    timed = solved & (seconds > 0.0)
    logs = np.log(seconds, out=np.full(len(visits), np.nan), where=seconds > 0.0)
    medians = task_medians(logs, task, timed)
    return Solving(
        relative=exponential(logs - medians, people, timed),
        raw=exponential(logs - np.median(logs[timed]), people, timed),
        tries=Sample(fails[solved], people[solved]),
        given_up=Sample(given_up[solved | given_up].astype(float), people[solved | given_up]),
        left_open=Sample((~solved & ~given_up).astype(float), people),
        left_tried=Sample((~solved & ~given_up)[tried].astype(float), people[tried]),
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
