"""The pictures of a matrix: which mean ranks can be told apart, and differences to the reference by journey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.matrix.cell import Kind
from experiments.matrix.findings import Matrix
from experiments.matrix.ranks import Ranks, not_told_apart
from experiments.plots import DPI, INK, PAPER, WIDTH, quiet
from experiments.statistics import Interval

KIND_COLOURS: dict[Kind, str] = {"baseline": "#666666", "bandit": "#005A94", "rl": "#B04A00"}  # legible on white
KIND_NAMES: dict[Kind, str] = {"baseline": "not trained", "bandit": "contextual bandit", "rl": "reinforcement learning"}
KIND_MARKERS: dict[Kind, str] = {"baseline": "s", "bandit": "o", "rl": "D"}
ROW, BAR = 0.3, 0.16  # inches: a name, a bar of policies that are not told apart
MARGIN, ABOVE = 1.9, 1.0  # inches: for the names left and right of the scale, for what stands above it
LEAST_EDGE = 0.05  # of return: how far the scale of differences reaches beyond the greatest gain


class Scale(NamedTuple):
    """Where a mean rank among `k` policies lies, in inches from the left."""

    k: int

    def at(self, rank: float) -> float:
        """The place of a rank; 1 is on the left."""
        return MARGIN + (rank - 1) / (self.k - 1) * (WIDTH - 2 * MARGIN)


def ranks_picture(matrix: Matrix, ranks: Ranks) -> Figure:
    """The critical-difference diagram: best on the left, bars join those that are not told apart."""
    k, mean = len(matrix.policies), ranks.mean.tolist()
    bars, scale, rows = list(not_told_apart(mean, ranks.critical)), Scale(k), math.ceil(k / 2)
    below = BAR * len(bars) + ROW * (rows + 1)
    picture = Figure(figsize=(WIDTH, below + ABOVE), dpi=DPI)
    axes = picture.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, WIDTH), ylim=(-below, ABOVE))  # in inches
    axes.axis("off")
    draw_scale(axes, scale, ranks.critical)
    for i, (policy, rank) in enumerate(zip(matrix.policies, mean, strict=True)):
        y = -BAR * len(bars) - ROW * (1 + min(i, k - 1 - i))
        name_of_rank(axes, policy, rank, scale.at(rank), y, i < rows, matrix.kind(policy))
    for i, (low, high) in enumerate(bars):
        ends = [scale.at(mean[low]) - 0.03, scale.at(mean[high]) + 0.03]
        axes.plot(ends, [-BAR * (i + 1)] * 2, color=INK, linewidth=4, solid_capstyle="butt")
    kinds_legend(picture, [matrix.kind(policy) for policy in matrix.policies])
    return picture


def draw_scale(axes: Axes, scale: Scale, critical: float) -> None:
    """The ranks, and above them how long the critical difference is."""
    axes.plot([scale.at(1), scale.at(scale.k)], [0, 0], color=INK, linewidth=1.2)
    for rank in range(1, scale.k + 1):
        axes.plot([scale.at(rank)] * 2, [0, 0.07], color=INK, linewidth=1.2)
        axes.annotate(str(rank), (scale.at(rank), 0.09), ha="center", va="bottom", fontsize=10, color=INK)
    longer = 1 + critical > scale.k
    end, cut = scale.at(min(1 + critical, scale.k)), ", longer than the scale" if longer else ""
    axes.plot([scale.at(1), end], [0.42, 0.42], color=INK, linewidth=1.2, marker="|", markersize=7)
    axes.annotate(f"critical difference {critical:.2f}{cut}", (scale.at(1), 0.47), fontsize=10, va="bottom", color=INK)


def name_of_rank(axes: Axes, policy: str, rank: float, x: float, y: float, left: bool, kind: Kind) -> None:
    """A line from the scale down to the policy's name."""
    end, colour = (MARGIN - 0.05 if left else WIDTH - MARGIN + 0.05), KIND_COLOURS[kind]
    axes.plot([x, x, end], [0, y, y], color=colour, linewidth=1.2)
    text = f"{policy} {rank:.2f}" if left else f"{rank:.2f} {policy}"
    axes.annotate(
        text, (end, y), xytext=(-4 if left else 4, 0), textcoords="offset points",
        ha="right" if left else "left", va="center", fontsize=10, color=colour, fontweight="bold",
    )  # fmt: skip


def kinds_legend(picture: Figure, kinds: Sequence[Kind]) -> None:
    """What the colours mean."""
    axes = picture.axes[0]
    for kind in dict.fromkeys(kinds):
        axes.plot([], [], KIND_MARKERS[kind], color=KIND_COLOURS[kind], label=KIND_NAMES[kind])
    picture.legend(
        *axes.get_legend_handles_labels(), loc="upper center", ncols=3, frameon=False, fontsize=9,
        handletextpad=0.2, borderaxespad=0.4,
    )  # fmt: skip


def differences_picture(matrix: Matrix) -> Figure:
    """Difference of return to the reference with 95% intervals over seeds, a panel per journey, best rank on top.

    The scale is that of the gains: who loses more than could be gained stands at the edge, with the number.
    """
    others = [policy for policy in matrix.policies if policy != matrix.reference]
    picture = Figure(figsize=(WIDTH, 1.5 + 0.3 * len(others)), dpi=DPI, layout="constrained")
    panels = picture.subplots(1, len(matrix.journeys), sharex=True, sharey=True, squeeze=False)[0]
    gains = {(p, j): matrix.difference(p, matrix.reference, "return", j) for p in others for j in matrix.journeys}
    ends = [end for gain in gains.values() for end in (gain.mean, gain.high) if math.isfinite(end)]
    edge = LEAST_EDGE + max(0.0, *ends)
    for axes, journey in zip(panels, matrix.journeys, strict=True):
        quiet(axes)
        for place, policy in enumerate(others):
            draw_gain(axes, gains[policy, journey], place, matrix.kind(policy), edge)
        axes.axvline(0.0, color=INK, linewidth=1.0)
        axes.set_title(journey, fontsize=11, loc="left", color=INK)
        axes.locator_params(axis="x", nbins=4)
    panels[0].set_xlim(-edge, edge)
    panels[0].set_yticks(range(len(others)), others)
    panels[0].set_ylim(len(others) - 0.5, -0.5)
    for label, policy in zip(panels[0].get_yticklabels(), others, strict=True):
        label.set_color(KIND_COLOURS[matrix.kind(policy)])
    picture.supxlabel(f"difference of return to {matrix.reference} (reward), 95% intervals over seeds", fontsize=11)
    return picture


def draw_gain(axes: Axes, gain: Interval, place: int, kind: Kind, edge: float) -> None:
    """A mark with its interval, or an arrow with the number where it lies beyond the left `edge`."""
    colour = KIND_COLOURS[kind]
    if gain.mean < -edge:
        axes.plot(-0.95 * edge, place, "<", color=colour, markersize=5)
        axes.annotate(
            f"{gain.mean:+.2f}", (-0.95 * edge, place), xytext=(6, 0), textcoords="offset points",
            fontsize=9, va="center", color=colour, bbox=PAPER,
        )  # fmt: skip
        return
    if math.isfinite(gain.low):
        axes.plot([gain.low, gain.high], [place, place], color=colour, linewidth=2)
    axes.plot(gain.mean, place, KIND_MARKERS[kind], color=colour, markersize=5)
