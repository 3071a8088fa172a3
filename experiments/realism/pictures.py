"""One picture per comparison, small multiples: a panel per distribution, and panels that gather shares and ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from experiments.plots import DPI, INK, WIDTH, quiet, save
from experiments.realism.comparisons import Compared
from experiments.realism.distances import SHARES, Finding
from experiments.realism.samples import Measure, Sample

REAL, SIMULATED = "#0072B2", "#D55E00"  # Okabe and Ito 2008; told apart in grey too, by width and marker
PANEL_HEIGHT = 2.9  # inches
OUTERMOST = 0.005  # share of the values at either end that an axis leaves out
LAST_BAR = 6  # failed attempts from here on share a bar
TITLE_WIDTH, NAME_WIDTH = 52, 30  # letters of a line
TENTHS = (1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
ROOM = 1.05  # so much of a ratio is left free on either side
DRAWN_POINTS = 2_000  # of a distribution: more than the picture has pixels

Pair = tuple[Measure, Finding, Sample, Sample]


def picture_of(compared: Compared) -> Figure:
    """The picture of one comparison."""
    pairs = list(zip(compared.comparison.measures, compared.findings, compared.real, compared.simulated, strict=True))
    curves = [pair for pair in pairs if pair[0].statistic is None]
    shares = [pair for pair in pairs if pair[0].scale == "share"]
    ratios = [pair for pair in pairs if pair[0].scale in {"ratio", "factor"}]
    n_panels = len(curves) + bool(shares) + bool(ratios)
    rows = math.ceil(n_panels / 2)
    picture = Figure(figsize=(WIDTH * 1.2, 0.4 + PANEL_HEIGHT * rows), dpi=DPI, layout="constrained")
    panels = list(picture.subplots(rows, 2, squeeze=False).flat)
    for axes in panels:
        quiet(axes)
    for axes, pair in zip(panels, curves, strict=False):
        draw_distribution(axes, *pair)
    left = panels[len(curves) :]
    for gathered in (shares, ratios):
        if gathered:
            draw_numbers(left.pop(0), gathered)
    for axes in left:
        axes.set_axis_off()
    names = panels[0].get_legend_handles_labels()
    picture.legend(*names, loc="outside upper left", ncols=2, frameon=False, fontsize=10)
    return picture


def draw_distribution(axes: Axes, measure: Measure, finding: Finding, real: Sample, simulated: Sample) -> None:
    """One panel: bars of counts, a tail on two log axes, or distribution functions on a log axis."""
    axes.set_title(fill(measure.title, TITLE_WIDTH), fontsize=10, loc="left", color=INK)
    if measure.scale == "counts":
        draw_counts(axes, measure, real.values, simulated.values)
    elif measure.tail:
        draw_tail(axes, measure, real.values, simulated.values)
    else:
        draw_curves(axes, measure, finding, real.values, simulated.values)


def draw_curves(axes: Axes, measure: Measure, finding: Finding, real: np.ndarray, simulated: np.ndarray) -> None:
    """Distribution functions; the real quantiles with their intervals."""
    for values, colour, name, width in ((real, REAL, "real", 2.5), (simulated, SIMULATED, "simulated", 1.5)):
        axes.plot(*distribution(values), color=colour, linewidth=width, label=name, drawstyle="steps-post")
    for share, estimate in zip(SHARES, finding.real, strict=True):
        axes.plot([estimate.low, estimate.high], [share, share], color=REAL, linewidth=5, alpha=0.35)
    both = np.concatenate([np.quantile(values, [OUTERMOST, 1.0 - OUTERMOST]) for values in (real, simulated)])
    log_ticks(axes, both.min(), both.max())
    axes.set_ylim(0, 1)
    axes.set_xlabel(measure.unit, fontsize=10)
    axes.set_ylabel("share at or below", fontsize=10)


def draw_tail(axes: Axes, measure: Measure, real: np.ndarray, simulated: np.ndarray) -> None:
    """Complementary distribution functions on two log axes, to the last value."""
    for values, colour, name, width in ((real, REAL, "real", 2.5), (simulated, SIMULATED, "simulated", 1.5)):
        x = np.sort(values)
        axes.plot(x, 1.0 - np.arange(len(x)) / len(x), color=colour, linewidth=width, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(plain))
    log_ticks(axes, min(real.min(), simulated.min()), max(real.max(), simulated.max()))
    axes.set_xlabel(measure.unit, fontsize=10)
    axes.set_ylabel("share at or above", fontsize=10)


def draw_counts(axes: Axes, measure: Measure, real: np.ndarray, simulated: np.ndarray) -> None:
    """Paired bars, the last for everything from there on."""
    for values, colour, name, shift in ((real, REAL, "real", -0.2), (simulated, SIMULATED, "simulated", 0.2)):
        shares = 100.0 * np.bincount(np.minimum(values, LAST_BAR).astype(int), minlength=LAST_BAR + 1) / len(values)
        axes.bar(np.arange(LAST_BAR + 1) + shift, shares, width=0.38, color=colour, label=name)
    axes.set_xticks(range(LAST_BAR + 1), [*(str(i) for i in range(LAST_BAR)), f"{LAST_BAR}+"])
    axes.grid(axis="x", visible=False)
    axes.set_xlabel(measure.unit, fontsize=10)
    axes.set_ylabel("share (%)", fontsize=10)


def draw_numbers(axes: Axes, pairs: Sequence[Pair]) -> None:
    """A row per number: the real one with its interval, the simulated one below it."""
    share = pairs[0][0].scale == "share"
    factor = 100.0 if share else 1.0
    for row, (_, finding, *_) in enumerate(pairs):
        [estimate] = finding.real
        axes.plot([factor * estimate.low, factor * estimate.high], [row - 0.13] * 2, color=REAL, linewidth=2.5)
        axes.plot(factor * estimate.value, row - 0.13, "o", color=REAL, markersize=6, label="real" if not row else None)
        label = "simulated" if not row else None
        axes.plot(factor * finding.simulated[0], row + 0.13, "D", color=SIMULATED, markersize=6, label=label)
    axes.set_yticks(range(len(pairs)), [fill(measure.title, NAME_WIDTH) for measure, *_ in pairs], fontsize=8)
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    if share:
        axes.set_xlim(-2, 102)
        axes.set_xlabel("%", fontsize=10)
        return
    numbers = [number for _, f, *_ in pairs for number in (f.real[0].low, f.real[0].high, f.simulated[0], 1.0)]
    log_ticks(axes, min(numbers) / ROOM, max(numbers) * ROOM)
    axes.axvline(1.0, color=INK, linewidth=1.0)
    axes.set_xlabel("ratio", fontsize=10)


def log_ticks(axes: Axes, low: float, high: float) -> None:
    """A log axis from `low` to `high` with ticks that can be read, however narrow it is."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    widths = [(1000.0, (1.0,)), (30.0, (1.0, 3.0)), (3.0, (1.0, 2.0, 3.0, 5.0)), (0.0, TENTHS)]
    axes.xaxis.set_major_locator(LogLocator(subs=next(subs for least, subs in widths if high / low >= least)))
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.xaxis.set_minor_formatter("")


def distribution(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values in order `(m,)` and the share at or below each, thinned to what a picture shows."""
    x = np.sort(values)
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), DRAWN_POINTS)).astype(int))
    return x[kept], (kept + 1) / len(x)


def plain(value: float, _: object = None) -> str:
    """A tick's label without powers of ten."""
    return f"{value:g}" if 1e-5 <= value < 1e5 else f"{value:.0e}"


def write_picture(compared: Compared, folder: Path) -> Path:
    """Draw a comparison into `folder`; returns the file."""
    path = folder / f"realism-{compared.comparison.name}.png"
    save(picture_of(compared), path)
    return path
