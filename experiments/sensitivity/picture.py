"""The indices as bars, an output beside the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots import DPI, INK, WIDTH, quiet
from experiments.sensitivity.findings import Finding, Level
from experiments.sensitivity.model import OUTPUTS

TOTAL_COLOUR, FIRST_COLOUR = "#8fb8dc", "#123c63"  # what a trait does with others is paler than what it does alone
TITLES = {"completion": "completion", "returns": "return"}
ROW = 0.3  # inches for a trait
BAR, GAP = 0.38, 0.2  # of a row
LEAST_SIGNED = 0.005  # total index from which a sign is worth showing


def picture_of(findings: Sequence[Finding], levels: Sequence[Level]) -> Figure:
    """First-order and total indices of every trait, with 95% intervals; traits by their larger total index.

    Beside each trait stands the sign of its effect on that output.
    """
    rows = {(f.output, f.trait): f for f in findings}
    traits = sorted({f.trait for f in findings}, key=lambda t: (-max(rows[o, t].total for o in OUTPUTS), t))
    picture = Figure(figsize=(WIDTH, 1.3 + ROW * len(traits)), dpi=DPI, layout="constrained")
    panels = np.atleast_1d(picture.subplots(1, len(OUTPUTS), sharex=True, sharey=True))
    for axes, level in zip(panels, levels, strict=True):
        draw(axes, [rows[level.output, trait] for trait in traits])
        axes.set_title(
            f"{TITLES[level.output]} ({level.mean:.2f} ± {level.spread:.2f})", fontsize=11, loc="left", color=INK
        )
    panels[0].set_yticks(np.arange(len(traits)), traits)
    panels[0].set_ylim(len(traits) - 0.5, -0.5)
    names = panels[0].get_legend_handles_labels()
    picture.legend(*names, loc="outside upper left", ncols=2, frameon=False, fontsize=10)
    return picture


def draw(axes: Axes, rows: Sequence[Finding]) -> None:
    """The bars of one output."""
    quiet(axes)
    places = np.arange(len(rows))
    for offset, colour, kind, label in (
        (-GAP, TOTAL_COLOUR, "total", "total: alone and with other traits"),
        (GAP, FIRST_COLOUR, "first", "first order: alone"),
    ):
        values, lows, highs = (np.array([getattr(row, kind + end) for row in rows]) for end in ("", "_low", "_high"))
        axes.barh(places + offset, values, height=BAR, color=colour, label=label)
        axes.hlines(places + offset, lows, highs, color=INK, linewidth=1.0)
    for place, row in zip(places, rows, strict=True):
        if row.total >= LEAST_SIGNED:
            end = max(row.total_high, row.first_high, 0.0)
            axes.annotate(
                "+" if row.effect > 0.0 else "\N{MINUS SIGN}", (end, place), xytext=(4, 0), textcoords="offset points",
                fontsize=10, va="center", color=INK,
            )  # fmt: skip
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("share of the variance", fontsize=11)
