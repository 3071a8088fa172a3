"""Comparisons as tables on the terminal, and how an interval is written."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from experiments.comparison import Comparison, Row
from experiments.evaluation import MEASURES, Measure


def levels_table(comparison: Comparison) -> Table:
    """Mean of every measure under every policy, over all users."""
    users = comparison.levels[0].users
    table = Table(title=f"Means over {users:,} users, with 95% intervals", title_justify="left")
    add_columns(table, comparison.policies)
    for measure in MEASURES:
        rows = [comparison.level(policy, measure.name) for policy in comparison.policies]
        table.add_row(label(measure), *(cell(row, measure, signed=False) for row in rows))
    return table


def differences_table(comparison: Comparison, reference: str) -> Table:
    """Paired differences to `reference`, overall and by persona; bold where the interval excludes 0."""
    others = tuple(policy for policy in comparison.policies if policy != reference)
    title = f"Difference to {reference}: same users, same luck, paired 95% intervals"
    table = Table(title=title, title_justify="left")
    add_columns(table, others)
    for group in comparison.groups:
        users = comparison.difference(reference, reference, "return", group).users
        table.add_section()
        table.add_row(Text(f"{group} ({users:,} users)", style="italic"))
        for measure in MEASURES:
            rows = [comparison.difference(policy, reference, measure.name, group) for policy in others]
            table.add_row("  " + label(measure, difference=True), *(cell(row, measure, signed=True) for row in rows))
    return table


def add_columns(table: Table, policies: tuple[str, ...]) -> None:
    """The measure, then a column per policy."""
    table.add_column("measure", no_wrap=True)
    for policy in policies:
        table.add_column(policy, justify="right", no_wrap=True)


def label(measure: Measure, difference: bool = False) -> str:
    """Name and unit; differences of shares are in percentage points."""
    unit = ("% points" if difference else "%") if measure.unit == "share" else measure.unit
    return f"{measure.name} ({unit})"


def cell(row: Row, measure: Measure, signed: bool) -> Text:
    """`mean ±half width`; shares in per cent, differences of shares in percentage points."""
    text = interval_text(row, measure, signed)
    return Text(text, style="bold" if signed and row.interval.excludes_zero else "")


def interval_text(row: Row, measure: Measure, signed: bool) -> str:
    """The same as plain text."""
    scale, digits = (100.0, 1) if measure.unit == "share" else (1.0, 1 if measure.unit == "minutes" else 3)
    sign = "+" if signed else ""
    mean, half = scale * row.mean + 0.0, scale * row.interval.half_width
    return f"{mean:{sign}.{digits}f} ±{half:.{digits}f}"
