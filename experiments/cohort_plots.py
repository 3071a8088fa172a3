"""The pictures of a cohort: completion over time and the funnel, with and without influence, a panel per persona."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.cohort_batch import Effect
from experiments.plots import DPI, INK, PAPER, WIDTH, figure, quiet

COLUMNS = 3  # panels side by side: at eight inches a fourth would be too narrow for its labels
HOURS_PER_DAY = 24.0
EVERYBODY = "all users"
ALONE_COLOUR, TOGETHER_COLOUR = "#E69F00", "#0072B2"  # of Okabe and Ito 2008, as in the other pictures


def grid(panels: int, height: float) -> tuple[Figure, list[Axes]]:
    """So many quiet panels of `height` inches, three a row, the same scales in all of them."""
    rows = math.ceil(panels / COLUMNS)
    picture = Figure(figsize=(WIDTH, 0.6 + height * rows), dpi=DPI, layout="constrained")
    every = picture.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel().tolist()
    for axes in every[panels:]:
        axes.set_visible(False)
    for axes in every[max(0, panels - COLUMNS) : panels]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
    for axes in every:
        quiet(axes)
    return picture, every[:panels]


def groups_of(frame: pd.DataFrame, personas: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """All users, then each persona that occurs, with their rows."""
    yield EVERYBODY, frame
    for persona in personas:
        rows = frame[frame["persona"] == persona]
        if rows["users"].max() > 0:
            yield persona, rows


def completion_over_time(frame: pd.DataFrame, alone: str, personas: Sequence[str]) -> Figure:
    """Share of users who have completed, by day; `frame` is the table `personas` with a column `influence`."""
    panels = list(groups_of(frame, personas))
    picture, every = grid(len(panels), 1.9)
    highest = 0.0
    for axes, (group, rows) in zip(every, panels, strict=True):
        for kind, rest in rows.groupby("influence", sort=False):
            sums = rest.groupby("hours")[["completed", "users"]].sum()
            days = np.concatenate([[0.0], sums.index.to_numpy(float) / HOURS_PER_DAY])
            shares = np.concatenate([[0.0], 100.0 * (sums["completed"] / sums["users"]).to_numpy(float)])
            axes.plot(days, shares, **look(str(kind), alone))
            highest = max(highest, float(shares.max()))
        title(axes, group, rows)
        axes.set_xlim(0.0, frame["hours"].max() / HOURS_PER_DAY)
    every[0].set_ylim(0.0, min(100.0, 10.0 * math.ceil(max(1.0, highest) / 9.5)))  # shared by all panels
    finish(picture, every, "days since the cohort began", "completed (%)")
    return picture


def funnel_by_persona(
    funnel: pd.DataFrame, frame: pd.DataFrame, alone: str, personas: Sequence[str], titles: dict[str, str]
) -> Figure:
    """Share of users who have done each step in the end; `titles` are the steps' by name, in the journey's order."""
    panels = list(groups_of(frame, personas))
    picture, every = grid(len(panels), 0.7 + 0.19 * len(titles))
    last, places = funnel[funnel["tick"] == funnel.groupby("influence")["tick"].transform("max")], range(len(titles))
    for axes, (group, rows) in zip(every, panels, strict=True):
        mine = last if group == EVERYBODY else last[last["persona"] == group]
        for kind, rest in mine.groupby("influence", sort=False):
            users = users_of(rows[rows["influence"] == kind])
            shares = 100.0 * rest.groupby("step")["done"].sum().reindex(list(titles)) / users
            style = look(str(kind), alone) | {"linestyle": "none", "marker": "o", "markersize": 4.5}
            style |= {"markerfacecolor": "none", "markersize": 8, "markeredgewidth": 1.3} if kind == alone else {}
            axes.plot(shares.to_numpy(float), places, clip_on=False, **style)
        title(axes, group, rows)
        axes.set_yticks(places, list(titles.values()))
        axes.set_ylim(len(titles) - 0.5, -0.5)
        axes.set_xlim(0, 100)
    finish(picture, every, "users who have done the step (%)", "")
    return picture


def effect_by_persona(found: Sequence[Effect], kind: str) -> Figure:
    """Difference of completion that seeing peers makes, with 95% intervals over pairs of cohorts."""
    picture, axes = figure(1.2 + 0.34 * len(found))
    for place, effect in enumerate(found):
        mean, low, high = (100.0 * value for value in effect.difference[:3])
        axes.plot([low, high], [place, place], color=TOGETHER_COLOUR, linewidth=2.5)
        axes.plot(mean, place, "o", color=TOGETHER_COLOUR, markersize=7)
        axes.annotate(
            f"{mean:+.1f}",
            (high, place),
            xytext=(7, 0),
            textcoords="offset points",
            fontsize=9,
            va="center",
            bbox=PAPER,
        )
    axes.axvline(0.0, color=INK, linewidth=1.0)
    axes.set_yticks(range(len(found)), [effect.group for effect in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"completion seeing peers ({kind}) less completion seeing nobody (% points)", fontsize=11)
    return picture


def look(kind: str, alone: str) -> dict[str, Any]:
    """How a cohort is drawn."""
    if kind == alone:  # above the other, and so that the other shows where both are the same
        return {
            "color": ALONE_COLOUR,
            "linewidth": 1.2,
            "linestyle": (0, (4, 3)),
            "label": "seeing nobody",
            "zorder": 3,
        }
    return {"color": TOGETHER_COLOUR, "linewidth": 2.5, "label": f"seeing peers ({kind})", "zorder": 2.5}


def users_of(rows: pd.DataFrame) -> int:
    """How many users the rows of one cohort speak of."""
    return int(rows[rows["tick"] == rows["tick"].max()]["users"].sum())


def title(axes: Axes, group: str, rows: pd.DataFrame) -> None:
    """The panel's group, and how many users of it each cohort has."""
    users = users_of(rows[rows["influence"] == rows["influence"].iloc[0]])  # the two may end at different ticks
    axes.set_title(f"{group} ({users:,})", fontsize=10, loc="left", color=INK)


def finish(picture: Figure, every: Sequence[Axes], below: str, beside: str) -> None:
    """What is common to all panels: the names of the axes and of the two cohorts."""
    picture.supxlabel(below, fontsize=11)
    picture.supylabel(beside, fontsize=11)
    names = every[0].get_legend_handles_labels()
    picture.legend(*names, loc="outside upper left", ncols=2, frameon=False, fontsize=10)
