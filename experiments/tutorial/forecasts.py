"""Who foretells a student's next attempt: the belief, by default and fitted parameters, and predictors that know less.

Everything is learned from the training half of the students and measured on the held-out half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.tutorial.fit import Log, chances_of
from journeys.events import SUCCEED
from journeys.spec import Journey

BELIEF, FITTED = "belief, default parameters", "belief, fitted parameters"
GLOBAL, RUNNING, TASK = "global rate", "student's running rate", "task's rate"
RUNNING_PRIOR = 2.0  # the running rate begins as if so many attempts had gone as usual
TASK_PRIOR = 5.0  # the same of a task's rate


class Forecasts(NamedTuple):
    """Forecasts of `m` attempts: `outcomes` `(m,)` bool, `persons` `(m,)`, `chances` by predictor, each `(m,)`."""

    outcomes: np.ndarray
    persons: np.ndarray
    chances: dict[str, np.ndarray]


def halves(log: Log, seed: int) -> tuple[list[int], list[int]]:
    """Training and held-out students, half each of those who made an attempt; students without one are in neither."""
    tried = np.unique(log.rows[log.attempts])
    shuffled = np.random.default_rng(seed).permutation(tried).tolist()
    return sorted(shuffled[: len(tried) // 2]), sorted(shuffled[len(tried) // 2 :])


def forecasts(
    journeys: dict[str, Journey], log: Log, training: Sequence[int], held_out: Sequence[int], first_only: bool
) -> Forecasts:
    """Forecasts of the held-out students' attempts, all of them or the first of each visit.

    `journeys` names the beliefs. The rates count first attempts alone where those are what is foretold.
    """
    at = np.flatnonzero(log.first) if first_only else log.attempts
    rows, tasks = log.rows[at], log.events["step"][at]
    outcomes = log.events["kind"][at] == SUCCEED
    train, test = np.isin(rows, training), np.isin(rows, held_out)
    usual = float(outcomes[train].mean())
    chances = {name: chances_of(journey, log)[at] for name, journey in journeys.items()}
    chances[GLOBAL] = np.full(len(at), usual)
    chances[RUNNING] = running_rate(outcomes, rows, usual)
    chances[TASK] = task_rate(outcomes, tasks, train, usual)
    return Forecasts(outcomes[test], rows[test], {name: values[test] for name, values in chances.items()})


def running_rate(outcomes: np.ndarray, rows: np.ndarray, usual: float) -> np.ndarray:
    """Share of the student's earlier attempts that succeeded, `RUNNING_PRIOR` usual ones added. Shapes `(m,)`."""
    wins, tries = np.zeros(rows.max() + 1), np.zeros(rows.max() + 1)
    rates = np.empty(len(rows))
    for i, row in enumerate(rows):
        rates[i] = (wins[row] + RUNNING_PRIOR * usual) / (tries[row] + RUNNING_PRIOR)
        wins[row] += outcomes[i]
        tries[row] += 1
    return rates


def task_rate(outcomes: np.ndarray, tasks: np.ndarray, train: np.ndarray, usual: float) -> np.ndarray:
    """Share of the training students' attempts at the task that succeeded, `TASK_PRIOR` usual ones added."""
    n = int(tasks.max()) + 1
    wins = np.bincount(tasks[train & outcomes], minlength=n)
    tries = np.bincount(tasks[train], minlength=n)
    return np.asarray(((wins + TASK_PRIOR * usual) / (tries + TASK_PRIOR))[tasks])
