"""A persona in tables on the terminal: its traits with their sources, and what its users come to."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments.persona.account import Figure
from personas.persona import Persona, Trait
from personas.quantiles import quantile
from personas.traits import TRAIT_MEANINGS, TRAIT_NAMES

LOW, HIGH = 0.1, 0.9  # the range that holds four users in five


def empty_table(title: str) -> Table:
    """A quiet table."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)


def traits_table(persona: Persona) -> Table:
    """Every trait: what it means, its median, the range of four users in five, and its source."""
    table = empty_table(f"Traits of {persona.name}")
    table.add_column("trait", no_wrap=True)
    table.add_column("median", justify="right", no_wrap=True)
    table.add_column("10 to 90%", justify="right", no_wrap=True)
    table.add_column("meaning", ratio=2)
    table.add_column("source", ratio=3)
    for name in TRAIT_NAMES:
        trait = persona.traits[name]
        table.add_row(name, number(quantile(trait, 0.5)), range_of(trait), TRAIT_MEANINGS[name], trait.source)
    return table


def range_of(trait: Trait) -> str:
    """The values between which four users in five lie; a dash where all have the same."""
    if trait.distribution == "fixed":
        return "-"
    return f"{number(quantile(trait, LOW))} to {number(quantile(trait, HIGH))}"


def number(value: float) -> str:
    """Two or three significant digits, never an exponent; a dash for what is not there."""
    if not math.isfinite(value):
        return "-"
    if value >= 10.0:
        return f"{value:.0f}"
    return f"{value:.2g}" if value >= 0.01 else f"{value:.1g}"


def account_table(accounts: Mapping[str, list[Figure]], title: str) -> Table:
    """What users come to: a row per figure, a column per persona."""
    table = empty_table(title)
    table.add_column("what", no_wrap=True)
    for name in accounts:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for row in zip(*accounts.values(), strict=True):
        table.add_row(row[0].what, *(number(figure.value) for figure in row), row[0].unit)
    return table


def people_table(title: str, rows: list[tuple[str, str]]) -> Table:
    """Names and what they stand for."""
    table = empty_table(title)
    table.add_column("name", no_wrap=True)
    table.add_column("who")
    for name, who in rows:
        table.add_row(name, who)
    return table
