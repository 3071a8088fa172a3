"""Comparisons as tables on the terminal, and how an interval is written.

Policies are rows and each interval takes two lines, so that any number of policies fits 80 columns.
"""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from experiments.comparison import Comparison, Row
from experiments.evaluation import MEASURES, Measure


def levels_table(comparison: Comparison) -> Table:
    """Mean of every measure under every policy, over all users."""
    users = comparison.levels[0].users
    table = empty_table(f"Means over {users:,} users, with 95% intervals", difference=False)
    for policy in comparison.policies:
        table.add_row(policy, *(cell(comparison.level(policy, m.name), m, signed=False) for m in MEASURES))
    return table


def differences_table(comparison: Comparison, reference: str) -> Table:
    """Paired differences to `reference`, overall and by persona; bold where the interval excludes 0."""
    title = f"Difference to {reference}: same users, same luck, paired 95% intervals"
    table = empty_table(title, difference=True)
    for group in comparison.groups:
        users = comparison.difference(reference, reference, "return", group).users
        table.add_section()
        table.add_row(Text(f"{group} ({users:,})", style="italic"))
        for policy in comparison.policies:
            if policy != reference:
                found = ((comparison.difference(policy, reference, m.name, group), m) for m in MEASURES)
                table.add_row(policy, *(cell(row, measure, signed=True) for row, measure in found))
    return table


def empty_table(title: str, difference: bool) -> Table:
    """The policy, of which a long name is folded, then a column per measure, which is never cut."""
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False
    )
    table.add_column("policy", overflow="fold")
    for measure in MEASURES:
        table.add_column(
            f"{measure.name}\n{unit(measure, difference).removeprefix('% ')}", justify="right", no_wrap=True
        )
    return table


def unit(measure: Measure, difference: bool) -> str:
    """The unit as it is shown; differences of shares are in percentage points."""
    return ("% points" if difference else "%") if measure.unit == "share" else measure.unit


def label(measure: Measure, difference: bool = False) -> str:
    """Name and unit."""
    return f"{measure.name} ({unit(measure, difference)})"


def cell(row: Row, measure: Measure, signed: bool) -> Text:
    """The mean above the half width of its interval."""
    text = interval_text(row, measure, signed).replace(" ", "\n")
    return Text(text, style="bold" if signed and row.interval.excludes_zero else "")


def interval_text(row: Row, measure: Measure, signed: bool) -> str:
    """`mean ±half width`, of one user the mean alone; shares in per cent, their differences in percentage points."""
    scale, digits = (100.0, 1) if measure.unit == "share" else (1.0, 1 if measure.unit == "minutes" else 3)
    mean, half = scale * row.mean + 0.0, scale * row.interval.half_width
    said = f"{mean:{'+' if signed else ''}.{digits}f}"
    return f"{said} ±{half:.{digits}f}" if math.isfinite(half) else said
