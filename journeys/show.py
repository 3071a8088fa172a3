"""A journey on the terminal: tables of its steps, skills and goals, and the graph of what waits for what.

Every table fits 80 columns where names are of the usual length; longer ones are folded, never cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from journeys.checks import counts
from journeys.graph import Lane, graph_of, lanes
from journeys.spec import Difficulty, Goal, Journey, Skill, Step

PLAIN_WIDTH = 80  # of tables that go to a file or a pipe
STYLES = {"task": "green", "form": "cyan", "video": "magenta", "quiz": "yellow", "integration": "blue"}
REQUIRED, OPTIONAL = "●", "○"
# For a terminal that cannot write the signs of the graph.
PLAIN = str.maketrans("●○│├└┼┴─", "*o||`++-")
NUMBERS = {"#", "minutes", "prior", "learn", "slip", "guess"}  # columns that are never broken
NAMES = {"step", "skill", "goal"}  # columns that keep room for a name of usual length
UNFOLDED = 16  # characters


def open_console() -> Console:
    """As wide as the terminal; what stands in a journey's words is never taken for rich's own marks."""
    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, emoji=False, width=PLAIN_WIDTH)


def show(journey: Journey, console: Console) -> None:
    """Print all that there is to see of a sound journey."""
    console.print(Text(f"{journey.name}, version {journey.version}", "bold").append(f"  {journey.title}", "not bold"))
    console.print(in_short(journey))
    tables = (steps_table(journey), needs_table(journey), skills_table(journey), goals_table(journey))
    for table in tables:
        if table.row_count:
            console.print()
            console.print(table)
    console.print()
    console.print(Text("Prerequisites", "bold italic"))
    legend = f"{REQUIRED} required, {OPTIONAL} optional; a step opens once those that lead to it are done"
    for line in (legend, *drawn(journey)):
        console.print(line.translate(plain_for(console)), no_wrap=True, overflow="ignore", crop=False)


def in_short(journey: Journey) -> str:
    """What the journey comes to, in a sentence."""
    needed = counts(journey)
    minutes = sum(step.minutes for step, count in zip(journey.steps, needed, strict=True) if count)
    more = sum(step.minutes for step in journey.steps) - minutes
    forgetting = "; users are taken to forget, and steps done may come up again" if journey.rules.forgetting else ""
    return (
        f"{sum(needed)} steps are required, {minutes:g} minutes in all; {needed.count(False)} are optional, "
        f"{more:g} minutes; at most {journey.rules.horizon_days:g} days{forgetting}."
    )


def steps_table(journey: Journey) -> Table:
    """What each step is."""
    table = empty_table(
        "Steps", longest(journey.steps), "#", "step", "kind", "required", "difficulties", "minutes", "goals"
    )
    for i, (step, needed) in enumerate(zip(journey.steps, counts(journey), strict=True)):
        all_of_them = len(step.difficulties) == len(get_args(Difficulty))
        table.add_row(
            str(i + 1),
            step.name,
            Text(step.kind, STYLES[step.kind]),
            "yes" if needed else "optional",
            "all three" if all_of_them else listed(step.difficulties),
            f"{step.minutes:g}",
            listed(goal.name for goal in journey.goals if step.name in goal.steps),
        )
    return table


def needs_table(journey: Journey) -> Table:
    """What each step asks for and gives: skills, and the steps before it."""
    columns = ("#", "step", "needs", "teaches", "after")
    table = empty_table("What each step needs and teaches", longest(journey.steps), *columns)
    for i, step in enumerate(journey.steps):
        table.add_row(str(i + 1), step.name, listed(step.needs), listed(step.teaches), listed(step.after))
    return table


def skills_table(journey: Journey) -> Table:
    """The skills' four numbers, and the steps that need or teach them."""
    numbers = ("prior", "learn", "slip", "guess")
    table = empty_table("Skills", longest(journey.skills), "skill", "title", *numbers, "needed by", "taught by")
    for skill in journey.skills:
        table.add_row(
            skill.name,
            skill.title,
            *(f"{getattr(skill, number):.2f}" for number in numbers),
            listed(str(i + 1) for i, step in enumerate(journey.steps) if skill.name in step.needs),
            listed(str(i + 1) for i, step in enumerate(journey.steps) if skill.name in step.teaches),
        )
    return table


def goals_table(journey: Journey) -> Table:
    """What users may say to have come for; no rows where the journey names no goals."""
    table = empty_table("Goals", longest(journey.goals), "goal", "title", "served by")
    number = {name: str(i + 1) for i, name in enumerate(journey.step_names())}
    for goal in journey.goals:
        table.add_row(goal.name, goal.title, listed(number[name] for name in goal.steps))
    return table


def longest(named: Iterable[Step | Skill | Goal]) -> int:
    """Characters of the longest name."""
    return max((len(thing.name) for thing in named), default=0)


def listed(words: Iterable[str]) -> str:
    """Words in a cell."""
    return ", ".join(words)


def empty_table(title: str, longest: int, *columns: str) -> Table:
    """Numbers are never broken, words are folded where they are long. `longest`: characters of the longest name."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        right = name in NUMBERS
        least = min(UNFOLDED, longest) if name in NAMES else None
        table.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold", min_width=least)
    return table


def plain_for(console: Console) -> dict[int, int]:
    """Signs to replace where the terminal's encoding has no lines to draw with."""
    return {} if console.encoding.lower().startswith("utf") else PLAIN


def drawn(journey: Journey) -> Iterator[str]:
    """The graph, a line for each step and one between two layers: steps stand right of those that they wait for."""
    rows, found, needed = lanes(graph_of(journey)), graph_of(journey), counts(journey)
    width = 1 + max(row.column for row in rows)
    previous: Lane | None = None
    for row in rows:
        if previous is not None and found.layers[previous.step] != found.layers[row.step]:
            yield gap(row, width)
        step = journey.steps[row.step]
        mark = REQUIRED if needed[row.step] else OPTIONAL
        yield f"{signs(row, mark, width)}  {row.step + 1:2d} {step.name}, {step.kind}"
        previous = row


def gap(row: Lane, width: int) -> str:
    """The line above a row: the lanes that go on to it or past it."""
    return "".join("│ " if c in {*row.sources, *row.passing} else "  " for c in range(width)).rstrip()


def signs(row: Lane, mark: str, width: int) -> str:
    """The lanes of a row: `┼` and `┴` lead to the step, `│` passes by behind the line."""
    cells = []
    first = min(row.sources, default=row.column)
    for c in range(width):
        inside = first <= c < row.column
        cells.append(sign(row, c, mark, first) + ("─" if inside else " "))
    return "".join(cells)


def sign(row: Lane, column: int, mark: str, first: int) -> str:
    """What stands in one column of a row."""
    if column == row.column:
        return mark
    if column in row.sources:
        ends = column in row.ending
        return ("└" if ends else "├") if column == first else ("┴" if ends else "┼")
    if column in row.passing:
        return "│"
    return "─" if first <= column < row.column else " "
