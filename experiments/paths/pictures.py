"""A found path drawn beside the typical path of another policy, and the population that it came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.paths.tables import Stop
from experiments.paths.walk import NOT_LED, Walk
from experiments.plots import DPI, FAINT, INK, WIDTH, looks, quiet
from journeys.actions import DIFFICULTIES
from journeys.spec import Journey
from policies.training.paths.diversity import Diversity

SHADES = ("#cfe0ef", "#6fa3cf", "#123c63")  # easy to hard: harder is darker
WIDEST_DOT = 260.0  # points squared, of a step that all users of the policy meet at this place
FEWEST = 0.01  # share of users below which no dot is drawn: it could not be seen


def path_beside(journey: Journey, stops: Sequence[Stop], own: Walk, beside: Walk) -> Figure:
    """The path as a line; of the policy beside, a dot per step and place whose area is the share of users there."""
    picture = Figure(figsize=(WIDTH, 2.0 + 0.34 * len(stops)), dpi=DPI, layout="constrained")
    left, middle, right = picture.subplots(1, 3, sharey=True, width_ratios=(4.2, 1.0, 1.0))
    rows = np.arange(len(stops))
    numbers = [journey.step_names().index(stop.step) for stop in stops]
    style = looks([own.policy, beside.policy])
    draw_places(left, beside, numbers, style[beside.policy].colour)
    on_path = [stop.place for stop in stops if stop.place is not None]
    look = style[own.policy]
    left.plot(on_path, rows[: len(on_path)], "-o", color=look.colour, linewidth=2.0, markersize=5, label="the path")
    left.scatter(
        [], [], s=60.0, color=style[beside.policy].colour, alpha=0.55, label=f"{beside.policy}: share of users"
    )
    left.set_yticks(rows, [stop.step + ("" if stop.required else " *") for stop in stops])
    left.set_ylim(len(stops) - 0.5, -0.5)
    left.set_xlim(0.3, max(len(stops), int(beside.places.max())) + 0.7)
    left.set_xlabel("place at which users are first led to the step (* optional)", fontsize=10)
    for bars, walk in ((middle, own), (right, beside)):
        draw_difficulties(bars, walk.led[numbers])
        bars.set_title(walk.policy, fontsize=10, color=INK)
        bars.set_xlabel("led to it (%)", fontsize=10)
    for axes in (left, middle, right):
        quiet(axes)
    handles = [*left.get_legend_handles_labels()[0], *middle.get_legend_handles_labels()[0]]
    names = [*left.get_legend_handles_labels()[1], *middle.get_legend_handles_labels()[1]]
    picture.legend(handles, names, loc="outside upper left", ncols=5, frameon=False, fontsize=9)
    return picture


def draw_places(axes: Axes, walk: Walk, numbers: Sequence[int], colour: str) -> None:
    """A dot at every place at which users of a policy met each of the steps `numbers`."""
    for row, s in enumerate(numbers):
        places, counts = np.unique(walk.places[:, s], return_counts=True)
        share = counts / len(walk.places)
        drawn = (places != NOT_LED) & (share >= FEWEST)
        axes.scatter(places[drawn], np.full(drawn.sum(), row), s=WIDEST_DOT * share[drawn], color=colour, alpha=0.55)


def draw_difficulties(axes: Axes, shares: np.ndarray) -> None:
    """Stacked shares `(rows, V)` by difficulty."""
    left = np.zeros(len(shares))
    for v, name in enumerate(DIFFICULTIES):
        axes.barh(np.arange(len(shares)), 100.0 * shares[:, v], left=left, height=0.6, color=SHADES[v], label=name)
        left += 100.0 * shares[:, v]
    axes.set_xlim(0, 100)


def population(journey: Journey, stops: Sequence[Stop], diversity: Diversity) -> Figure:
    """Where the paths of the final population have each step, and how hard: shares of them, in per cent."""
    picture = Figure(figsize=(WIDTH, 1.7 + 0.34 * len(stops)), dpi=DPI, layout="constrained")
    left, right = picture.subplots(1, 2, sharey=True, width_ratios=(3.4, 1.2))
    numbers = [journey.step_names().index(stop.step) for stop in stops]
    shares = 100.0 * diversity.ranks[numbers]
    left.imshow(
        shares,
        cmap="Blues",
        vmin=0.0,
        vmax=100.0,
        aspect="auto",
        extent=(0.5, len(stops) + 0.5, len(stops) - 0.5, -0.5),
    )
    for row, place in zip(*np.nonzero(shares >= 0.5), strict=True):
        value = shares[row, place]
        colour = "white" if value > 55.0 else INK
        left.text(place + 1, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=colour)
    left.set_yticks(range(len(stops)), [stop.step + ("" if stop.required else " *") for stop in stops])
    left.set_xticks(range(1, len(stops) + 1))
    left.set_xlabel(f"place on the path (% of {diversity.paths} paths)", fontsize=10)
    left.tick_params(labelsize=9, colors=INK)
    left.spines[["top", "right"]].set_visible(False)
    draw_difficulties(right, (diversity.included[:, None] * diversity.shares)[numbers])
    right.set_xlabel("paths that have it (%)", fontsize=10)
    quiet(right)
    right.grid(color=FAINT, linewidth=0.6)
    picture.legend(*right.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False, fontsize=9)
    return picture
