"""The same work in one process and on a local Ray cluster of two workers, and what Ray itself costs.

Seconds are those of a clock: what runs side by side is to be over sooner. Where other work keeps the cores busy, two
workers are not twice as fast; the processor time of an evaluation, shown by itself, tells what Ray adds to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Contender, Row, beside, row_of, take_turns
from benchmarks.settings import Settings
from envs.reward import RewardWeights
from experiments.evaluation import shards_of
from experiments.scale.backend import BackendSettings, carry_out
from experiments.scale.cluster import running
from experiments.scale.evaluating import evaluate_parts, parts_of, play_part
from experiments.scale.report import Report
from experiments.settings import Problem
from journeys.loading import load_journey
from personas.persona import load_population
from policies.families import baseline

PROBLEM = Problem(load_journey("saas"), load_population("mixed"), RewardWeights())
POLICIES = [baseline("rules", PROBLEM.journey)]
BACKENDS = {
    "one process": BackendSettings("local"),
    "1 Ray worker": BackendSettings("ray", workers=1),
    "2 Ray workers": BackendSettings("ray", workers=2),
}
MOST_ROUNDS = 2  # of an evaluation: with a million users one takes half a minute and more
STARTS = 2  # of a cluster: each takes seconds
EMPTY_ITEMS = 200
SHORT_ITEMS, SHORT_USERS = 8, 2_000  # a short evaluation: some 50 ms
MEGABYTES = 8  # of a result: that of a policy on 100,000 users


def nothing(_: int) -> None:
    """An empty item."""


def megabytes(size: int) -> np.ndarray:
    """A result of so many megabytes."""
    return np.ones(size * 2**20, np.uint8)


def ignore(_: Report) -> None:
    """Nobody listens."""


def measure(settings: Settings) -> Iterator[Row]:
    """Starting Ray, then evaluation and items on it."""
    yield row_of("Ray itself", "starting a local cluster", "s", [start_and_stop() for _ in range(STARTS)])
    with running(workers=2, address=None):
        yield row_of("Ray itself", "first item of a new worker", "s", [seconds_of(nothing, [0])])
        yield from costs_of_items(settings.rounds)
        yield from evaluations(settings)
        yield from throughput(settings.rounds)


def start_and_stop() -> float:
    """Seconds until a cluster is there; it is stopped again."""
    began = time.perf_counter()
    with running(workers=2, address=None):
        return time.perf_counter() - began


def seconds_of(task: Callable[[Any], Any], items: list[Any], backend: str = "1 Ray worker") -> float:
    """Seconds that items take one backend."""
    began = time.perf_counter()
    for _ in carry_out(task, items, BACKENDS[backend], ignore):
        pass
    return time.perf_counter() - began


def costs_of_items(rounds: int) -> Iterator[Row]:
    """What an item costs on Ray that does nothing, and one that returns much."""
    empty = [seconds_of(nothing, [0] * EMPTY_ITEMS) / EMPTY_ITEMS for _ in range(rounds)]
    yield row_of("Ray itself", "an empty item", "s", empty)
    shipped = [seconds_of(megabytes, [MEGABYTES] * 10) / 10 for _ in range(rounds)]
    yield row_of("Ray itself", f"an item that makes and returns {MEGABYTES} MB", "s", shipped)


def evaluations(settings: Settings) -> Iterator[Row]:
    """Users per second of one evaluation, and its processor time."""
    users = settings.evaluated_users
    section = f"evaluation of {users:,} users, saas, rules"
    clock: dict[str, list[float]] = {name: [] for name in BACKENDS}
    cpu: dict[str, list[float]] = {name: [] for name in BACKENDS}
    for number in range(min(settings.rounds, MOST_ROUNDS) + 1):
        for name in BACKENDS:
            spent, report = evaluated(users if number else SHORT_USERS, name)  # the first does not count
            if number:
                clock[name].append(users / spent)
                cpu[name].append(report.cpu_seconds)
    yield from beside_one_process({n: row_of(section, n, "users/s", rates) for n, rates in clock.items()})
    yield from beside_one_process({n: row_of(f"{section}: CPU", n, "s", values) for n, values in cpu.items()})


def evaluated(users: int, backend: str) -> tuple[float, Report]:
    """Seconds that an evaluation took, and its last report."""
    reports: list[Report] = []
    began = time.perf_counter()
    evaluate_parts(PROBLEM, POLICIES, parts_of(1, shards_of(users)), 0, BACKENDS[backend], reports.append)
    return time.perf_counter() - began, reports[-1]


def throughput(rounds: int) -> Iterator[Row]:
    """Items per second of a sweep: empty ones, and short evaluations."""
    short = partial(play_part, PROBLEM, POLICIES, 0)
    parts = parts_of(1, shards_of(SHORT_ITEMS * SHORT_USERS, SHORT_USERS))
    kinds: list[tuple[str, Callable[[Any], Any], list[Any]]] = [
        ("sweep of empty items", nothing, [0] * EMPTY_ITEMS),
        (f"sweep of evaluations of {SHORT_USERS:,} users", short, parts),
    ]
    for section, task, items in kinds:
        contenders = [Contender(name, "items/s", partial(timed, task, items, name)) for name in BACKENDS]
        yield from beside_one_process(take_turns(section, contenders, min(rounds, 5)))


def timed(task: Callable[[Any], Any], items: list[Any], backend: str) -> tuple[float, float]:
    """Items, and the seconds they took."""
    return len(items), seconds_of(task, items, backend)


def beside_one_process(rows: dict[str, Row]) -> Iterator[Row]:
    """Each row beside that of one process."""
    alone = rows["one process"]
    for name, row in rows.items():
        yield row if name == alone.name else beside(row, alone)
