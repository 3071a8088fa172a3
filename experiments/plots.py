"""The pictures of a run. Every policy has one colour and one marker in all of them (palette of Okabe and Ito 2008)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from experiments.comparison import OVERALL, Comparison
from experiments.evaluation import ASKED, STRUGGLE_LEVELS, UNASKED, Evaluation
from journeys.actions import RUNGS

if TYPE_CHECKING:  # pictures need no torch
    from policies.training.progress import Progress

INK, FAINT = "#222222", "#d9d9d9"
COLOURS = {"random": "#999999", "fixed": "#E69F00", "zpdes": "#882255", "rules": "#009E73", "greedy": "#0072B2"}
# Of names in text: darker, legible on white.
TEXT_COLOURS = {"random": "#666666", "fixed": "#8F6200", "zpdes": "#882255", "rules": "#00715A", "greedy": "#005A94"}
MARKERS = {"random": "v", "fixed": "s", "zpdes": "p", "rules": "^", "greedy": "D"}
TRAINED_COLOURS = ("#D55E00", "#CC79A7", "#56B4E9", "#000000")
TRAINED_TEXT_COLOURS = ("#B04A00", "#9C4A77", "#1F77AB", "#000000")
PAPER = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}  # keeps lines out of labels
RUNG_COLOURS = ("#cfe0ef", "#8fb8dc", "#3f7fb5", "#123c63")  # hint to human: more help is darker
WIDTH, DPI = 8.0, 120  # inches; 960 pixels on the page
SMOOTHED = 0.05  # share of the learning curve over which the bold line averages
FEWEST_MOMENTS = 30  # shares of fewer moments than this are not drawn: their standard error exceeds 9%


class Look(NamedTuple):
    """How a policy is drawn, and the darker colour of its name."""

    colour: str
    text: str
    marker: str
    width: float


def looks(policies: Sequence[str]) -> dict[str, Look]:
    """A look per policy: fixed ones for the baselines, strong colours for the others."""
    found: dict[str, Look] = {}
    trained = 0
    for policy in dict.fromkeys(policies):
        if policy in COLOURS:
            found[policy] = Look(COLOURS[policy], TEXT_COLOURS[policy], MARKERS[policy], 1.5)
        else:
            i = trained % len(TRAINED_COLOURS)
            found[policy] = Look(TRAINED_COLOURS[i], TRAINED_TEXT_COLOURS[i], "o", 2.5)
            trained += 1
    return found


def figure(height: float) -> tuple[Figure, Axes]:
    """An empty picture with quiet axes."""
    picture = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    axes = picture.subplots()
    quiet(axes)
    return picture, axes


def quiet(axes: Axes) -> None:
    """No box, a faint grid, legible type."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=10, colors=INK)


def label_lines(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write names `(x, y, text, colour)` right of the lines' ends, moved apart so that none covers another."""
    low, high = axes.get_ylim()
    least = 0.055 * (high - low)
    last = -np.inf
    for x, y, text, colour in sorted(ends, key=lambda end: end[1]):
        place = max(y, last + least)
        axes.annotate(
            text,
            (x, y),
            xytext=(x, place),
            textcoords="data",
            color=colour,
            fontsize=10,
            va="center",
            fontweight="bold",
            annotation_clip=False,
        )
        last = place


def name_beside(axes: Axes, text: str, x: float, y: float, look: Look) -> Annotation:
    """Write `text` to the right of the mark at `(x, y)`, in the colour of the policy's name."""
    return axes.annotate(
        text,
        (x, y),
        xytext=(7, 0),
        textcoords="offset points",
        fontsize=9,
        va="center",
        color=look.text,
        bbox=PAPER,
    )


def learning_curve(curve: Sequence[Progress], evaluations: Sequence[Evaluation], algorithm: str) -> Figure:
    """Mean return of the episodes that ended in each rollout, faint; bold over a window; baselines dashed."""
    picture, axes = figure(4.2)
    steps = np.array([point.steps for point in curve]) / 1e6
    style = looks([algorithm, *(e.policy for e in evaluations)])
    axes.plot(steps, [point.mean_return for point in curve], color=style[algorithm].colour, linewidth=1, alpha=0.3)
    axes.plot(steps, trailing_mean(curve), color=style[algorithm].colour, linewidth=2)
    end = steps[-1] * 1.015
    ends = []
    for evaluation in evaluations:
        level = float(evaluation.of("return").mean())
        if evaluation.policy == algorithm:
            axes.plot(steps[-1], level, "o", color=style[algorithm].colour, markersize=7, clip_on=False)
        else:
            axes.axhline(level, color=style[evaluation.policy].colour, linewidth=1.5, linestyle="--")
        ends.append((end, level, f"{evaluation.policy} {level:.2f}", style[evaluation.policy].text))
    axes.set_xlim(0, steps[-1])
    axes.set_xlabel("decisions of training (millions)", fontsize=11)
    axes.set_ylabel("return per user (reward)", fontsize=11)
    label_lines(axes, ends)
    return picture


def trailing_mean(curve: Sequence[Progress]) -> np.ndarray:
    """At each rollout the mean return over the episodes of it and of those before it, `SMOOTHED` of the curve long."""
    episodes = np.array([point.episodes for point in curve], float)
    returns = np.array([0.0 if point.episodes == 0 else point.mean_return for point in curve]) * episodes
    window = max(1, round(SMOOTHED * len(curve)))
    ended, earned = (np.convolve(values, np.ones(window))[: len(curve)] for values in (episodes, returns))
    return np.divide(earned, ended, out=np.full(len(curve), np.nan), where=ended > 0)


def funnel(evaluations: Sequence[Evaluation], titles: Sequence[str]) -> Figure:
    """Share of users who finished each step (filled) and who only reached it (hollow), a line of marks per policy."""
    picture, axes = figure(1.6 + 0.42 * len(titles))
    places = np.arange(len(titles))
    style = looks([e.policy for e in evaluations])
    offsets = np.linspace(-0.26, 0.26, len(evaluations)) if len(evaluations) > 1 else np.zeros(1)
    for evaluation, offset in zip(evaluations, offsets, strict=True):
        look, y = style[evaluation.policy], places + offset
        reached, finished = 100.0 * evaluation.reached, 100.0 * evaluation.finished
        axes.hlines(y, finished, reached, color=look.colour, linewidth=1.2)
        axes.plot(reached, y, look.marker, color=look.colour, markerfacecolor="white", markersize=5, clip_on=False)
        axes.plot(finished, y, look.marker, color=look.colour, markersize=5, label=evaluation.policy, clip_on=False)
    axes.set_yticks(places, titles)
    axes.set_ylim(len(titles) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("users (%): hollow = reached the step, filled = finished it", fontsize=11)
    legend(axes, len(evaluations))
    return picture


def legend(axes: Axes, columns: int) -> None:
    """Names of the policies above the picture."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(columns, 5),
        frameon=False,
        fontsize=10,
        handletextpad=0.3,
        columnspacing=1.4,
        borderaxespad=0.2,
    )


def completion_by_persona(comparison: Comparison) -> Figure:
    """Share of users who completed, with 95% intervals, overall and by persona."""
    groups, policies = comparison.groups, comparison.policies
    picture, axes = figure(1.4 + 0.26 * len(groups) * len(policies))
    style = looks(policies)
    pitch = len(policies) + 1.2
    for g, group in enumerate(groups):
        for p, policy in enumerate(policies):
            row, y = comparison.level(policy, "completion", group), g * pitch + p
            look = style[policy]
            mean, low, high = 100.0 * row.mean, 100.0 * max(0.0, row.low), 100.0 * min(1.0, row.high)
            if not np.isfinite(row.low):  # one user has no interval
                low = high = mean
            axes.plot([low, high], [y, y], color=look.colour, linewidth=look.width)
            axes.plot(mean, y, look.marker, color=look.colour, markersize=6, clip_on=False)
            name_beside(axes, f"{policy} {mean:.0f}%", high, y, look).set_annotation_clip(False)
    middle = (len(policies) - 1) / 2.0
    counts = [comparison.level(policies[0], "completion", group).users for group in groups]
    names = [f"{'all users' if g == OVERALL else g}\n({n:,})" for g, n in zip(groups, counts, strict=True)]
    axes.set_yticks([g * pitch + middle for g in range(len(groups))], names)
    axes.set_ylim(len(groups) * pitch - 1.0, -1.0)
    axes.set_xlim(0, 100)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("users who completed the journey (%), with 95% intervals", fontsize=11)
    return picture


def help_by_struggle(evaluations: Sequence[Evaluation]) -> Figure:
    """How often help is offered at moments at which it may be, by the struggle signal; unasked and asked."""
    picture = Figure(figsize=(WIDTH, 4.0), dpi=DPI, layout="constrained")
    panels = picture.subplots(1, 2, sharey=True)
    style = looks([e.policy for e in evaluations])
    middles = (np.arange(STRUGGLE_LEVELS) + 0.5) / STRUGGLE_LEVELS
    for axes, kind, title in zip(panels, (UNASKED, ASKED), ("nobody asked", "the user asked"), strict=True):
        quiet(axes)
        for evaluation in evaluations:
            moments = evaluation.offers[kind].sum(axis=1)
            drawn = moments >= FEWEST_MOMENTS
            offered = 100.0 * evaluation.offers[kind][:, 1:].sum(axis=1)[drawn] / moments[drawn]
            look = style[evaluation.policy]
            axes.plot(
                middles[drawn],
                offered,
                look.marker,
                linestyle="-",
                color=look.colour,
                linewidth=look.width,
                markersize=5,
                label=evaluation.policy,
                clip_on=not drawn.any(),  # the layout cannot measure an unclipped line without points
            )
        axes.set_title(title, fontsize=11, loc="left", color=INK)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 100)
        axes.set_xlabel("struggle signal (0 calm to 1)", fontsize=11)
    panels[0].set_ylabel("moments with an offer (%)", fontsize=11)
    names = panels[0].get_legend_handles_labels()
    picture.legend(*names, loc="outside upper left", ncols=len(evaluations), frameon=False, fontsize=10)
    return picture


def rungs(evaluations: Sequence[Evaluation]) -> Figure:
    """Which rung of help is offered, per hundred moments at which help may be offered."""
    picture, axes = figure(1.5 + 0.62 * len(evaluations))
    longest = 0.0
    for place, evaluation in enumerate(evaluations):
        for kind, offset in ((UNASKED, -0.19), (ASKED, 0.19)):
            counts = evaluation.offers[kind].sum(axis=0)
            shares = 100.0 * counts[1:] / max(1, evaluation.offers.sum())
            left = np.concatenate([[0.0], np.cumsum(shares)[:-1]])
            axes.barh(np.full(4, place + offset), shares, height=0.34, left=left, color=RUNG_COLOURS)
            note = f"{'asked' if kind == ASKED else 'unasked'} {shares.sum():.1f}"
            axes.annotate(
                note,
                (shares.sum(), place + offset),
                xytext=(5, 0),
                textcoords="offset points",
                fontsize=9,
                va="center",
                color=INK,
                bbox=PAPER,
            )
            longest = max(longest, float(shares.sum()))
    for rung, colour in zip(RUNGS[1:], RUNG_COLOURS, strict=True):
        axes.barh([0.0], [0.0], color=colour, label=rung)
    axes.set_yticks(range(len(evaluations)), [e.policy for e in evaluations])
    axes.set_ylim(len(evaluations) - 0.5, -0.5)
    axes.set_xlim(0, max(1.0, 1.18 * longest))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("offers per 100 moments inside a step at which help may be offered", fontsize=11)
    legend(axes, 4)
    return picture


def differences(comparison: Comparison, reference: str) -> Figure:
    """Paired differences of return to `reference`, with 95% intervals, overall and by persona."""
    others = [policy for policy in comparison.policies if policy != reference]
    groups = comparison.groups
    picture, axes = figure(1.4 + 0.26 * len(groups) * len(others))
    style, pitch = looks(comparison.policies), len(others) + 1.2
    for g, group in enumerate(groups):
        for p, policy in enumerate(others):
            row, y, look = comparison.difference(policy, reference, "return", group), g * pitch + p, style[policy]
            if np.isfinite(row.low):
                axes.plot([row.low, row.high], [y, y], color=look.colour, linewidth=look.width)
            axes.plot(row.mean, y, look.marker, color=look.colour, markersize=6)
            name_beside(axes, f"{policy} {row.mean:+.2f}", row.high if np.isfinite(row.high) else row.mean, y, look)
    axes.axvline(0.0, color=INK, linewidth=1.0)
    axes.set_yticks(
        [g * pitch + (len(others) - 1) / 2.0 for g in range(len(groups))],
        ["all users" if group == OVERALL else group for group in groups],
    )
    axes.set_ylim(len(groups) * pitch - 1.0, -1.0)
    axes.margins(x=0.16)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"difference of return to {reference} (reward), paired 95% intervals", fontsize=11)
    return picture


def save(picture: Figure, path: Path) -> None:
    """Write a picture as PNG, without the time of writing: the same run gives the same bytes."""
    picture.savefig(path, metadata={"Software": None})
