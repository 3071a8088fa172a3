"""Reading event logs: whose events are the user's own, attempts, and visits of steps. Works on EVENT records alone.

A log is EVENT records `(n,)` in which each user's events are in order. Simulated logs and real records that were turned
into events are read by the same functions, so that both sides are measured alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from journeys.events import AWAY, DECISION, FAIL, GIVE_UP, KINDS, START, SUCCEED

SPOKEN_FOR = (AWAY, DECISION)  # written by the timer and by a policy: no sign of life
OF_VIDEO = tuple(i for i, kind in enumerate(KINDS) if kind in {"watch", "pause", "seek", "drop"})
DAY_MS = 86_400_000


class Visit(NamedTuple):
    """A stay in one step at one difficulty, from its start until it is solved, given up or left for another.

    `seconds` of active time, `fails` failed attempts; where neither `solved` nor `given_up`, it was left open.
    """

    person: int
    task: tuple[int, int]
    seconds: float
    fails: int
    solved: bool
    given_up: bool


def in_order(log: np.ndarray) -> np.ndarray:
    """The log sorted by user, each user's events in their order."""
    return np.asarray(log[np.argsort(log["user"], kind="stable")])


def own(log: np.ndarray) -> np.ndarray:
    """Events that are signs of life."""
    return np.asarray(log[~np.isin(log["kind"], SPOKEN_FOR)])


def without_videos(log: np.ndarray) -> np.ndarray:
    """The log without the steps that somebody watched: watching is no attempt."""
    videos = np.unique(log["step"][np.isin(log["kind"], OF_VIDEO)])
    return np.asarray(log[~np.isin(log["step"], videos)])


def attempts(log: np.ndarray) -> np.ndarray:
    """Attempts at steps that are not videos, sorted by user, each user's in order."""
    kept = without_videos(log)
    return in_order(kept[(kept["kind"] == SUCCEED) | (kept["kind"] == FAIL)])


def visits_of(log: np.ndarray) -> Iterator[Visit]:
    """Visits of steps that are not videos, by user, each user's in order."""
    ordered = in_order(own(without_videos(log)))
    columns = (ordered[name].tolist() for name in ("user", "kind", "step", "variant", "duration"))
    visit: Visit | None = None
    for user, kind, step, variant, seconds in zip(*columns, strict=True):
        if visit is not None and (user != visit.person or kind == START):
            yield visit
            visit = None
        if kind == START:
            visit = Visit(user, (step, variant), 0.0, 0, False, False)
        if visit is None or step not in (visit.task[0], -1):
            continue  # after the end of a visit: the boundary, or a further attempt at what was solved
        visit = visit._replace(
            seconds=visit.seconds + (seconds if kind != START else 0.0),
            fails=visit.fails + (kind == FAIL),
            solved=kind == SUCCEED,
            given_up=kind == GIVE_UP,
        )
        if kind in (SUCCEED, GIVE_UP):
            yield visit
            visit = None
    if visit is not None:
        yield visit


def centred(values: np.ndarray, groups: np.ndarray, least: int) -> np.ndarray:
    """`values` `(n,)` less the median of their group (numbers `(n,)`); NaN in groups of fewer than `least`."""
    out = np.full(len(values), np.nan)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=np.nan) != 0.0)
    for part in np.split(order, starts[1:]):
        if len(part) >= least:
            out[part] = values[part] - np.median(values[part])
    return out
