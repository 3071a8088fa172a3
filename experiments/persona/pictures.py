"""Pictures of a persona beside the reference: trait distributions, and what its users do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from experiments.persona.lives import DOINGS, QUARTERS, Lives, absences, funnel, responses, step_minutes, watched
from experiments.persona.tables import HIGH, LOW, number
from experiments.plots import DPI, INK, PAPER, quiet
from personas.persona import Persona, Trait
from personas.quantiles import quantile

OURS, REFERENCE = "#0072B2", "#888888"  # the persona, and whom it is compared with (Okabe and Ito 2008, and grey)
WIDTH = 10.0  # inches
OFFSET = 0.17  # of the persona's and the reference's mark from the middle of their row
FAR = 3_000.0  # ratio of an axis' ends from which on only powers of ten are marked
FEWEST = 20  # values below which a distribution is not drawn


class Scale(NamedTuple):
    """Traits that share an axis: its title, its ends, the marked values, and the traits in order."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    traits: tuple[str, ...]


RATIOS = Scale(
    "relative to the typical user",
    0.15,
    20.0,
    (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    ("prior_odds", "learn_odds", "slip_odds", "guess_odds", "pace", "memory"),
)
AMOUNTS = Scale(
    "setbacks, minutes or hours",
    1.0,
    800.0,
    (1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
    ("patience", "attention", "session_minutes", "budget_minutes", "return_hours"),
)
SHARES = Scale(
    "shares and probabilities",
    0.0,
    1.0,
    (0.0, 0.25, 0.5, 0.75, 1.0),
    (
        "hesitancy", "help_seeking", "autonomy", "habituation", "motivation", "return_chance", "personalise", "push",
        "email", "distraction", "mobile", "declares", "exploration", "sociability",
    ),
)  # fmt: skip
UNITS = {"patience": "setbacks", "attention": "minutes"}  # of traits whose name does not say it


def traits_picture(personas: Sequence[Persona]) -> Figure:
    """Median, middle half and 10 to 90% range of every trait; the first persona beside the second, if there is one."""
    picture = Figure(figsize=(WIDTH, 6.4), dpi=DPI, layout="constrained")
    left, right = halves(picture, (1.0, 1.0))
    top, bottom = left.subplots(2, 1, height_ratios=[len(RATIOS.traits), len(AMOUNTS.traits)])
    draw_scale(top, RATIOS, personas)
    draw_scale(bottom, AMOUNTS, personas)
    draw_scale(right.subplots(), SHARES, personas)
    name_them(picture, [persona.name for persona in personas], "bar: middle half, line: 10 to 90%, mark: median")
    return picture


def halves(picture: Figure, widths: tuple[float, float]) -> tuple[SubFigure, SubFigure]:
    """The left and right half of a picture, of these widths relative to each other."""
    grid = picture.add_gridspec(1, 2, width_ratios=widths)
    return picture.add_subfigure(grid[0, 0]), picture.add_subfigure(grid[0, 1])


def draw_scale(axes: Axes, scale: Scale, personas: Sequence[Persona]) -> None:
    """One axis of traits, a row each."""
    quiet(axes)
    if scale.low > 0.0:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    for row, trait in enumerate(scale.traits):
        for place, colour, persona in zip(places(personas), colours(personas), personas, strict=True):
            draw_trait(axes, persona.traits[trait], row + place, colour, scale)
    axes.set_xlim(*ends(scale, personas))
    axes.set_xticks(scale.ticks, [f"{tick:g}" for tick in scale.ticks])
    labels = [f"{trait} ({UNITS[trait]})" if trait in UNITS else trait for trait in scale.traits]
    axes.set_yticks(range(len(scale.traits)), labels)
    axes.set_ylim(len(scale.traits) - 0.4, -0.6)
    axes.set_xlabel(scale.title, fontsize=10)


def ends(scale: Scale, personas: Sequence[Persona]) -> tuple[float, float]:
    """The ends of an axis: the usual ones, or further out where a persona's traits lie beyond them."""
    traits = [persona.traits[name] for persona in personas for name in scale.traits]
    lowest = min((low for trait in traits if (low := quantile(trait, LOW)) > 0.0), default=scale.low)
    return min(scale.low, lowest), max(scale.high, *(quantile(trait, HIGH) for trait in traits))


def draw_trait(axes: Axes, trait: Trait, y: float, colour: str, scale: Scale) -> None:
    """The quantiles of one trait."""
    low, first, middle, third, high = (quantile(trait, share) for share in (LOW, 0.25, 0.5, 0.75, HIGH))
    if middle <= 0.0 < scale.low:  # a budget of 0, which declares none
        axes.annotate("none", (scale.low, y), xytext=(4, 0), textcoords="offset points", color=colour, fontsize=9,
                      va="center")  # fmt: skip
        return
    axes.plot([low, high], [y, y], color=colour, linewidth=1.2)
    axes.plot([first, third], [y, y], color=colour, linewidth=4.5, solid_capstyle="butt")
    axes.plot(middle, y, "o", color=colour, markeredgecolor="white", markersize=6.5, clip_on=False)


def compared_picture(lives: Sequence[Lives]) -> Figure:
    """Funnel, help, time a step, videos and absences; the first persona beside the second, if there is one."""
    picture = Figure(figsize=(WIDTH, 8.2), dpi=DPI, layout="constrained")
    left, right = halves(picture, (1.15, 1.0))
    draw_funnel(left.subplots(), lives)
    help_, minutes, videos, hours = right.subplots(4, 1)
    draw_help(help_, lives)
    draw_shares(minutes, lives, step_minutes, "minutes that a finished step took", "steps (%)")
    draw_watching(videos, lives)
    draw_shares(hours, lives, absences, "hours away, of those who came back", "absences (%)")
    name_them(picture, [f"{one.persona} ({one.users:,} users)" for one in lives], "")
    return picture


def draw_funnel(axes: Axes, lives: Sequence[Lives]) -> None:
    """Share of users who reached (hollow) and finished (filled) each step."""
    quiet(axes)
    for place, colour, one in zip(places(lives), colours(lives), lives, strict=True):
        found = funnel(one)
        y = np.arange(len(found.reached)) + place
        reached, finished = 100.0 * found.reached, 100.0 * found.finished
        axes.hlines(y, finished, reached, color=colour, linewidth=1.4)
        axes.plot(reached, y, "o", color=colour, markerfacecolor="white", markersize=5.5, clip_on=False)
        axes.plot(finished, y, "o", color=colour, markersize=5.5, clip_on=False)
    steps = lives[0].journey.steps
    names = [step.name if step.required else f"({step.name})" for step in steps]
    axes.set_yticks(range(len(steps)), names)
    axes.set_ylim(len(steps) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("users (%): hollow = began the step, filled = finished it; (optional)", fontsize=10)


def draw_help(axes: Axes, lives: Sequence[Lives]) -> None:
    """Asking, taking and waving away, per hundred things done inside steps."""
    quiet(axes)
    titles = ("asked for help", "took an offer unasked", "waved one away")
    longest = 0.0
    for place, colour, one in zip(places(lives), colours(lives), lives, strict=True):
        rates = 100.0 * np.array(responses(one)) / max(1, len(one.of(*DOINGS)))
        axes.barh(np.arange(3) + place, rates, height=1.9 * OFFSET, color=colour)
        for row, rate in enumerate(rates):
            axes.annotate(number(rate), (rate, row + place), xytext=(4, 0), textcoords="offset points", fontsize=9,
                          va="center", color=INK, bbox=PAPER)  # fmt: skip
        longest = max(longest, float(rates.max()))
    axes.set_yticks(range(3), titles)
    axes.set_ylim(2.5, -0.5)
    axes.set_xlim(0, max(1.0, 1.15 * longest))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("per 100 things done inside steps", fontsize=10)


def draw_watching(axes: Axes, lives: Sequence[Lives]) -> None:
    """Share of the begun videos that were still watched at each quarter."""
    quiet(axes)
    for colour, one in zip(colours(lives), lives, strict=True):
        left = 100.0 * watched(one)
        if np.isfinite(left).all():
            axes.plot([0.0, *(100.0 * np.array(QUARTERS))], [100.0, *left], "o-", color=colour, linewidth=2,
                      markeredgecolor="white", markersize=7, clip_on=False)  # fmt: skip
        else:
            axes.annotate("no videos", (0.03, 0.85), xycoords="axes fraction", fontsize=9, color=INK)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xlabel("how far into the video (%)", fontsize=10)
    axes.set_ylabel("visits (%)", fontsize=10)


def draw_shares(
    axes: Axes, lives: Sequence[Lives], values_of: Callable[[Lives], np.ndarray], title: str, unit: str
) -> None:
    """Cumulative shares of a positive quantity, on a logarithmic axis, medians marked."""
    quiet(axes)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    for colour, one in zip(colours(lives), lives, strict=True):
        values = np.sort(values_of(one))
        if len(values) < FEWEST:
            note = f"{one.persona}: {len(values)}, too few to draw"
            axes.annotate(note, (0.03, 0.85), xycoords="axes fraction", fontsize=9, color=colour)
            continue
        axes.plot(values, 100.0 * np.arange(1, len(values) + 1) / len(values), color=colour, linewidth=2)
        axes.plot(np.median(values), 50.0, "o", color=colour, markeredgecolor="white", markersize=7)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high > FAR * low else (1.0, 3.0)))
    axes.set_ylim(0, 100)
    axes.set_xlabel(title, fontsize=10)
    axes.set_ylabel(unit, fontsize=10)


def places(drawn: Sequence[object]) -> tuple[float, ...]:
    """How far off the middle of its row each is drawn: the persona above the reference."""
    return (-OFFSET, OFFSET) if len(drawn) > 1 else (0.0,)


def colours(drawn: Sequence[object]) -> tuple[str, ...]:
    """A colour for each."""
    return (OURS, REFERENCE)[: len(drawn)]


def name_them(picture: Figure, names: Sequence[str], note: str) -> None:
    """Who has which colour, above the picture."""
    handles = [picture.axes[0].plot([], [], "o-", color=colour)[0] for colour in colours(names)]
    if note:
        handles.append(picture.axes[0].plot([], [], alpha=0.0)[0])
    labels = [*names, note] if note else list(names)
    picture.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, fontsize=11)
