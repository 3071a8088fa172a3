"""The graph of a journey as a picture: layers from left to right, a shape and a colour for each kind of step.

Matplotlib is imported when a picture is made and not before: the bare install has none, and imports this module.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, NamedTuple

from journeys.checks import counts
from journeys.graph import Layout, graph_of, layout
from journeys.spec import Journey

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]

# Inches. A picture of up to seven layers is no wider than a page of documentation shows without shrinking its type.
STEP_WIDTH, STEP_HEIGHT, LAYER_PITCH, PLACE_PITCH = 1.14, 0.58, 1.52, 0.76
MARGIN, TITLE_HEIGHT, LEGEND_ROW = 0.2, 0.55, 0.26
LEAST_WIDTH = 7.0  # room for the title and the legend
CHARACTERS, LINES = 13, 2  # of a step's name; a longer one ends in dots
DPI = 140
NAME_SIZE, NOTE_SIZE, LEGEND_SIZE, TITLE_SIZE = 9.0, 7.5, 9.0, 13.0  # points
INK, PAPER, FAINT, LINE = "#222222", "#ffffff", "#666666", "#8c8c8c"
CORNER = 0.14  # of a shape, in inches
HEAD = 0.09  # length of an arrow's head, inches
PIECES = 24  # straight ones that a bend is drawn with
SLANT = CORNER / 2  # from a leaning side's middle to the shape's full width
# Shapes tell the kinds apart where colours do not; tints of the palette of Okabe and Ito 2008.
FILLS = {"task": "#cfe8df", "form": "#dcebf7", "video": "#f4dce9", "quiz": "#fdf3c4", "integration": "#f9ddc8"}
EDGES = {"task": "#00715A", "form": "#1F77AB", "video": "#9C4A77", "quiz": "#8F6200", "integration": "#B04A00"}
LEGEND_SCALE = 0.42  # of the shapes in the legend
LEGEND_LETTER, LEGEND_GAP = 0.08, 0.2  # inches: of a letter of the legend, and between its entries
DATE = None  # none in the file: the same journey gives the same bytes


def write_picture(journey: Journey, path: Path) -> None:
    """Draw a sound journey into a PNG or SVG file, by the path's ending. Raises `OSError`, or `ModuleNotFoundError`."""
    import matplotlib as mpl  # noqa: PLC0415  see above

    metadata = {"Description": f"{journey.name}, content {content(journey)}"}
    with mpl.rc_context({"svg.hashsalt": "handrail", "svg.fonttype": "none"}):
        if path.suffix.lower() == ".svg":
            picture(journey).savefig(path, format="svg", metadata={**metadata, "Date": DATE})
        else:
            picture(journey).savefig(path, format="png", dpi=DPI, metadata={**metadata, "Software": None})


def content(journey: Journey) -> str:
    """A hash of all that the picture shows: another picture, another hash."""
    shown = [
        (step.name, step.kind, step.after, step.minutes, needed)
        for step, needed in zip(journey.steps, counts(journey), strict=True)
    ]
    goals = [(goal.name, goal.title, goal.steps) for goal in journey.goals]
    return hashlib.sha256(repr((journey.name, journey.title, shown, goals)).encode()).hexdigest()[:16]


def picture(journey: Journey) -> Figure:
    """The picture, as large as the journey asks for."""
    from matplotlib.figure import Figure  # noqa: PLC0415  see above

    found = layout(graph_of(journey))
    deepest = max(x for x, _ in found.points.values())
    wide = 2 * MARGIN + deepest * LAYER_PITCH + STEP_WIDTH
    rows = legend_rows(journey)
    below = MARGIN + LEGEND_ROW * len(rows)
    high = TITLE_HEIGHT + found.height * PLACE_PITCH + STEP_HEIGHT + MARGIN + below
    width = max(LEAST_WIDTH, wide, 2 * MARGIN + sum(room_for(*entry) for entry in rows[0]))
    figure = Figure(figsize=(width, high))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, width), ylim=(0.0, high))
    axes.axis("off")
    title = f"{journey.name}: {journey.title}" if journey.title else journey.name
    axes.text(
        MARGIN, high - 0.28, title, fontsize=TITLE_SIZE, fontweight="bold", color=INK, va="center", parse_math=False
    )
    place = Place(found, (width - wide) / 2 + MARGIN + STEP_WIDTH / 2, high - TITLE_HEIGHT - STEP_HEIGHT / 2)
    draw_edges(axes, journey, place)
    draw_steps(axes, journey, place)
    draw_legend(axes, rows, below - LEGEND_ROW / 2)
    return figure


class Place(NamedTuple):
    """Where the picture has the layout: inches of its first layer's and first place's middle."""

    layout: Layout
    left: float
    top: float

    def of(self, point: Point) -> Point:
        """Inches of a point of the layout."""
        return self.left + point[0] * LAYER_PITCH, self.top - point[1] * PLACE_PITCH


def draw_edges(axes: Axes, journey: Journey, place: Place) -> None:
    """Each prerequisite as a curve from right side to left side, with an arrow's head."""
    half = STEP_WIDTH / 2
    for edge, path in place.layout.paths.items():
        # A way-point is as wide as a step, so that an edge that passes a layer passes between its steps.
        stations = [(x + side * half, y) for x, y in map(place.of, path) for side in (-1, 1)][1:-1]
        for end, step, side in ((0, edge.before, -1), (-1, edge.after, 1)):
            x, y = stations[end]
            stations[end] = (x + side * SLANT * (journey.steps[step].kind == "integration"), y)
        x, y = stations[-1]
        line = curve([*stations[:-1], (x - HEAD, y)])
        axes.plot(*zip(*line, strict=True), color=LINE, linewidth=1.1, zorder=1)
        head = [(x, y), (x - HEAD, y + HEAD / 2), (x - HEAD, y - HEAD / 2)]
        axes.fill(*zip(*head, strict=True), facecolor=LINE, edgecolor="none", zorder=2)


def curve(stations: Sequence[Point]) -> list[Point]:
    """A line through stations: flat at each, straight from a way-point's left side to its right one."""
    line = [stations[0]]
    for i, ((x, y), (u, v)) in enumerate(pairwise(stations)):
        through = i % 2 == 1
        for part in (1.0,) if through else [(n + 1) / PIECES for n in range(PIECES)]:
            bend = part * part * (3.0 - 2.0 * part)
            line.append((x + part * (u - x), y + bend * (v - y)))
    return line


def draw_steps(axes: Axes, journey: Journey, place: Place) -> None:
    """A shape for each step with number and name, and below it minutes and goals."""
    needed = counts(journey)
    for i, step in enumerate(journey.steps):
        x, y = place.of(place.layout.points[i])
        draw_shape(axes, step.kind, (x, y), 1.0, optional=not needed[i])
        goals = "".join(a for a, goal in zip(ascii_lowercase, journey.goals, strict=False) if step.name in goal.steps)
        name = textwrap.wrap(f"{i + 1} {step.name}", CHARACTERS, max_lines=LINES, placeholder="…")
        write(axes, (x, y + 0.075), "\n".join(name), NAME_SIZE, INK)
        note = f"{step.minutes:g} min" + (f" · {' '.join(goals)}" if goals else "")
        write(axes, (x, y - 0.19), note, NOTE_SIZE, FAINT)


def write(axes: Axes, middle: Point, words: str, size: float, colour: str) -> None:
    """Words around a point."""
    axes.text(*middle, words, fontsize=size, color=colour, ha="center", va="center", linespacing=1.15, parse_math=False)


def draw_shape(axes: Axes, kind: str, middle: Point, scale: float, optional: bool) -> None:
    """The outline of a kind of step, dashed where the step is optional."""
    points = [(middle[0] + x * scale, middle[1] + y * scale) for x, y in outline(kind)]
    style = (0, (4, 2)) if optional else "solid"
    axes.fill(
        *zip(*points, strict=True), facecolor=FILLS[kind], edgecolor=EDGES[kind], linewidth=1.3, zorder=3,
        linestyle=style, joinstyle="round",
    )  # fmt: skip


def outline(kind: str) -> list[Point]:
    """Corners of a kind's shape around (0, 0), in inches."""
    x, y = STEP_WIDTH / 2, STEP_HEIGHT / 2
    a, b = x - CORNER, y - CORNER
    return {
        "task": [(-x, -b), (-a, -y), (a, -y), (x, -b), (x, b), (a, y), (-a, y), (-x, b)],
        "form": [(-x, -y), (x, -y), (x, y), (-x, y)],
        "video": [(-x, -y), (a, -y), (x, 0.0), (a, y), (-x, y)],
        "quiz": [(-x, 0.0), (-a, -y), (a, -y), (x, 0.0), (a, y), (-a, y)],
        "integration": [(-x, -y), (a, -y), (x, y), (-a, y)],
    }[kind]


def legend_rows(journey: Journey) -> list[list[tuple[str, str]]]:
    """Rows of the legend, `(kind or nothing, words)`: the kinds there are, and a row for each goal."""
    kinds = [kind for kind in FILLS if any(step.kind == kind for step in journey.steps)]
    goals = [
        [("", f"{letter}  {goal.name}{': ' if goal.title else ''}{goal.title}")]
        for letter, goal in zip(ascii_lowercase, journey.goals, strict=False)
    ]
    return [[*((kind, kind) for kind in kinds), ("", "dashed: optional")], *goals]


def draw_legend(axes: Axes, rows: Sequence[Sequence[tuple[str, str]]], top: float) -> None:
    """The legend below the graph, from `top` downwards."""
    for i, row in enumerate(rows):
        x, y = MARGIN, top - i * LEGEND_ROW
        for kind, words in row:
            if kind:
                draw_shape(axes, kind, (x + STEP_WIDTH * LEGEND_SCALE / 2, y), LEGEND_SCALE, optional=False)
            beside = x + room_for(kind, "") - LEGEND_GAP
            axes.text(beside, y, words, fontsize=LEGEND_SIZE, color=INK, va="center", parse_math=False)
            x += room_for(kind, words)


def room_for(kind: str, words: str) -> float:
    """Width of an entry of the legend, inches, the gap to the next one included."""
    shape = STEP_WIDTH * LEGEND_SCALE + LEGEND_LETTER if kind else 0.0
    return shape + LEGEND_LETTER * len(words) + LEGEND_GAP
