"""A picture of a few users' onboardings: which step they were in and what happened, over active time."""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.persona.lives import MS_PER_HOUR, Lives, completed, examples
from experiments.plots import DPI, INK, PAPER, quiet
from journeys.events import (
    ACCEPT,
    ASK,
    BACKTRACK,
    DISMISS,
    DROP,
    ENTER,
    FAIL,
    GIVE_UP,
    HESITATE,
    LEAVE,
    PAUSE,
    SEEK,
    START,
    SUCCEED,
)

USERS = 3  # side by side, more would be too small to read
WIDTH, HEIGHT = 10.0, 5.2  # inches
HOURS_PER_DAY = 24.0
LABEL = 0.14  # of a panel's width: what the label of an absence takes up at its size


class Mark(NamedTuple):
    """How events of some kinds are drawn, and how far `below` the line of their step, in steps."""

    name: str
    kinds: tuple[int, ...]
    marker: str
    colour: str
    size: float
    below: float = 0.0


MARKS = (
    Mark("hesitated or went back", (HESITATE, BACKTRACK, PAUSE, SEEK), ".", "#999999", 5.0),
    Mark("failed", (FAIL,), "x", "#D55E00", 6.0),
    Mark("asked", (ASK,), "$?$", "#0072B2", 7.0, -0.34),
    Mark("took help", (ACCEPT,), "^", "#56B4E9", 6.0, 0.3),
    Mark("waved it away", (DISMISS,), "v", "#E69F00", 6.0, 0.3),
    Mark("gave up, stopped watching", (GIVE_UP, DROP), "X", "#000000", 7.0),
    Mark("did the step", (SUCCEED,), "o", "#009E73", 7.0),
)


def timeline_picture(lives: Lives) -> Figure:
    """The onboardings of users at the lower sixth, the middle and the upper sixth of active time."""
    chosen = examples(lives, min(USERS, lives.users))
    done = set(completed(lives).tolist())
    picture = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    panels = picture.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
    for axes, user in zip(panels, chosen, strict=True):
        draw_user(axes, lives.events[lives.events["user"] == user], user in done)
    steps = lives.journey.steps
    panels[0].set_yticks(range(len(steps)), [step.name for step in steps])
    panels[0].set_ylim(len(steps) - 0.4, -1.3)
    handles = [sample(panels[0], mark) for mark in MARKS]
    picture.legend(handles, [mark.name for mark in MARKS], loc="outside lower center", ncols=4, frameon=False,
                   fontsize=10)  # fmt: skip
    picture.suptitle(f"three of {lives.users:,} users of {lives.persona!r}: few, middling and much active time",
                     fontsize=11, x=0.01, ha="left", color=INK)  # fmt: skip
    return picture


def sample(axes: Axes, mark: Mark) -> Line2D:
    """A mark for the legend."""
    return axes.plot([], [], marker=mark.marker, color=mark.colour, markersize=mark.size, linestyle="")[0]


def draw_user(axes: Axes, events: pd.DataFrame, complete: bool) -> None:
    """One user's onboarding: a line where a step is open, marks for what happened, a dashed line for an absence."""
    quiet(axes)
    axes.grid(axis="y", visible=False)
    inside = events[events["step"] >= 0]
    begins = (inside["kind"] == START).cumsum()
    for _, visit in inside.groupby(begins):
        axes.plot([visit["active"].iloc[0], visit["active"].iloc[-1]], [visit["step"].iloc[0]] * 2, color="#cccccc",
                  linewidth=3.0, solid_capstyle="butt", zorder=1)  # fmt: skip
    for mark in MARKS:
        some = inside[inside["kind"].isin(mark.kinds)]
        if len(some):  # the layout cannot measure an unclipped line without points
            axes.plot(some["active"], some["step"] + mark.below, marker=mark.marker, color=mark.colour,
                      markersize=mark.size, linestyle="", clip_on=False)  # fmt: skip
    width = max(1.0, 1.06 * float(events["active"].iloc[-1]))
    absences = draw_absences(axes, events, LABEL * width)
    axes.set_xlim(0.0, width)
    axes.set_xlabel("active minutes", fontsize=10)
    end = "completed" if complete else "never came back" if absences.lost else "not completed"
    axes.set_title(f"{absences.sessions} session{'s' * (absences.sessions > 1)}, {end}", fontsize=10, loc="left")


class Absences(NamedTuple):
    """How many `sessions` there were, and whether the last ended for good (`lost`)."""

    sessions: int
    lost: bool


def draw_absences(axes: Axes, events: pd.DataFrame, apart: float) -> Absences:
    """A dashed line where the user left, and how long for, unless that was told less than `apart` minutes before."""
    turns = events[events["kind"].isin((LEAVE, ENTER))]
    sessions = 1 + int((turns["kind"] == ENTER).sum())
    rows, told = list(turns.itertuples()), -apart
    for here, after in zip_longest(rows, rows[1:]):
        if here.kind != LEAVE:
            continue
        axes.axvline(here.active, color="#555555", linewidth=1.0, linestyle=(0, (3, 2)), zorder=0)
        if here.active < told + apart:
            continue
        told = here.active
        away = "left" if after is None else in_words((after.time - here.time) / MS_PER_HOUR)
        axes.annotate(away, (here.active, -0.85), fontsize=9, ha="center", va="center", color="#555555", bbox=PAPER)
    return Absences(sessions, bool(rows) and rows[-1].kind == LEAVE)


def in_words(hours: float) -> str:
    """An absence as `40 min`, `15 h` or `3 d`."""
    if hours < 1.0:
        return f"{60.0 * hours:.0f} min"
    return f"{hours:.0f} h" if hours < 2.0 * HOURS_PER_DAY else f"{hours / HOURS_PER_DAY:.0f} d"
