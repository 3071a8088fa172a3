"""Fair timing: contenders take turns, so that a busy moment of the machine hits all of them; medians are compared."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.progress import track

Sample = Callable[[], tuple[float, float]]  # does some work; returns (units of work done, seconds they took)


class Contender(NamedTuple):
    """Something to be measured. `per_second` is the unit of its rate, such as `user-decisions/s`."""

    name: str
    per_second: str
    sample: Sample


class Row(NamedTuple):
    """A measured figure: the median of `samples` values, the least and the greatest, and the ratio to another row."""

    section: str
    name: str
    unit: str
    median: float
    low: float
    high: float
    samples: int
    ratio: float | None = None
    ratio_to: str = ""
    target: str = ""
    met: bool | None = None


def take_turns(section: str, contenders: Sequence[Contender], rounds: int) -> dict[str, Row]:
    """Measure every contender once a round, in turn, after one round that does not count; rates by name."""
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in track(range(rounds + 1), description=f"{section:<44}", transient=True):
        for contender in contenders:
            units, seconds = contender.sample()
            if number:
                rates[contender.name].append(units / seconds)
    return {c.name: row_of(section, c.name, c.per_second, rates[c.name]) for c in contenders}


def row_of(section: str, name: str, unit: str, values: Sequence[float]) -> Row:
    """A row of the median, least and greatest of `values`."""
    return Row(section, name, unit, statistics.median(values), min(values), max(values), len(values))


def beside(row: Row, other: Row) -> Row:
    """The row with its ratio to another."""
    return row._replace(ratio=row.median / other.median, ratio_to=other.name)


def against(row: Row, target: float, label: str, at_most: bool = False) -> Row:
    """The row with a target that its median is to reach, or not to exceed."""
    return row._replace(target=label, met=row.median <= target if at_most else row.median >= target)
