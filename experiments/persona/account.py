"""What the users of one persona come to, in figures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.persona.lives import (
    DOINGS,
    MS_PER_HOUR,
    Lives,
    completed,
    on_mobile,
    refusals,
    responses,
    returned_within_a_week,
    sessions,
    step_minutes,
    strayed,
    watched,
)
from journeys.events import FAIL, GIVE_UP, LEAVE


class Figure(NamedTuple):
    """One line of the account: `what` is measured, its `value`, and the `unit` that it is written in."""

    what: str
    value: float
    unit: str


def account(lives: Lives) -> list[Figure]:
    """What such users come to, in figures."""
    n, help_ = lives.users, responses(lives)
    doings, offers = len(lives.of(*DOINGS)), help_.taken + help_.dismissed
    leavers = lives.of(LEAVE)["user"].nunique()
    active = lives.events.groupby("user")["active"].last()
    times = lives.events.groupby("user")["time"]
    spans = (lives.of(*DOINGS).groupby("user")["time"].last() - times.first()).dropna() / MS_PER_HOUR
    return [
        Figure("completed the journey", share(len(completed(lives)), n), "%"),
        Figure("left before that at least once", share(leavers, n), "%"),
        Figure("of those, back within a week", 100.0 * returned_within_a_week(lives), "%"),
        Figure("sessions, half an hour apart or more", sessions(lives), "a user"),
        Figure("sessions on a mobile", 100.0 * on_mobile(lives), "%"),
        Figure("active time, median", float(active.median()), "minutes"),
        Figure("from sign-up to the last thing done, median", float(spans.median()), "hours"),
        Figure("time a finished step took, median", median(step_minutes(lives)), "minutes"),
        Figure("failed attempts", len(lives.of(FAIL)) / n, "a user"),
        Figure("steps begun that were not the one offered", 100.0 * strayed(lives), "%"),
        Figure("videos watched to the end", 100.0 * float(watched(lives)[-1]), "% of begun"),
        Figure("steps given up", len(lives.of(GIVE_UP)) / n, "a user"),
        Figure("asked for help", share(help_.asked, doings), "% of doings"),
        Figure("asked and got none", share(refusals(lives), help_.asked), "% of asking"),
        Figure("offers of help that nobody asked for", offers / n, "a user"),
        Figure("of those, taken", share(help_.taken, offers), "%"),
    ]


def share(part: int, whole: int) -> float:
    """Per cent; nan of nothing."""
    return 100.0 * part / whole if whole else float("nan")


def median(values: np.ndarray) -> float:
    """Median; nan of nothing."""
    return float(np.median(values)) if len(values) else float("nan")
