"""What came out: a row per output and trait, as a table in a file and on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import astuple
from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments.run_folder import write_table
from experiments.sensitivity.indices import Design, indices_of, slopes_of
from experiments.sensitivity.model import OUTPUTS, Responses
from experiments.sensitivity.ranges import Range

TABLE_FILE = "sensitivity.csv"
NAMED = 3  # traits that the summary names


class Finding(msgspec.Struct, frozen=True):
    """How one trait moves one output: indices with 95% intervals, and `effect`.

    `effect` is the mean change of the output from the low to the high end of the trait, all others being equal: the
    indices, being shares of variance, tell no direction.
    """

    output: str
    trait: str
    low: float
    high: float
    first: float
    first_low: float
    first_high: float
    total: float
    total_low: float
    total_high: float
    effect: float


class Level(msgspec.Struct, frozen=True):
    """Mean and standard deviation of an output over the design's base points."""

    output: str
    mean: float
    spread: float


def findings_of(ranges: Sequence[Range], design: Design, responses: Responses, seed: int) -> list[Finding]:
    """All findings, for each output by falling total index."""
    return [finding for name in OUTPUTS for finding in of_output(name, ranges, design, getattr(responses, name), seed)]


def of_output(name: str, ranges: Sequence[Range], design: Design, outputs: np.ndarray, seed: int) -> Iterator[Finding]:
    """The findings on one output `(m,)`."""
    n = len(design.a)
    indices = indices_of(outputs, n, seed)
    effects = slopes_of(outputs, design)
    for i in np.argsort(-indices.total, kind="stable"):
        values = {field: float(column[i]) for field, column in indices._asdict().items()}
        span = ranges[i]
        yield Finding(name, span.trait, span.low, span.high, effect=float(effects[i]), **values)


def levels_of(design: Design, responses: Responses) -> list[Level]:
    """How much each output varies over the base points."""
    base = [(name, getattr(responses, name)[: 2 * len(design.a)]) for name in OUTPUTS]
    return [Level(name, float(values.mean()), float(values.std())) for name, values in base]


def write_findings(folder: Path, findings: Sequence[Finding]) -> None:
    """Write them as CSV."""
    write_table(folder / TABLE_FILE, Finding.__struct_fields__, map(astuple, findings))


def table_of(findings: Sequence[Finding], level: Level) -> Table:
    """The findings on one output."""
    table = Table(
        title=f"{level.output}: mean {level.mean:.3f}, standard deviation {level.spread:.3f} over the design",
        title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False,
    )  # fmt: skip
    table.add_column("trait", no_wrap=True)
    for column in ("median", "total index", "first order", "low to high"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in (f for f in findings if f.output == level.output):
        table.add_row(
            row.trait, f"{row.low:.2g} to {row.high:.2g}",
            f"{row.total:.3f} [{row.total_low:.3f}, {row.total_high:.3f}]",
            f"{row.first:.3f} [{row.first_low:.3f}, {row.first_high:.3f}]",
            f"{row.effect:+.3f}",
        )  # fmt: skip
    return table


def in_words(findings: Sequence[Finding], level: Level) -> str:
    """The traits that move an output most, and whether their intervals set them apart from the next one."""
    rows = [f for f in findings if f.output == level.output]
    if not level.spread:
        return f"{level.output}: no trait moves it."
    first = ", ".join(f"{row.trait} {row.total:.2f}" for row in rows[:NAMED])
    apart = len(rows) > NAMED and rows[NAMED - 1].total_low > rows[NAMED].total_high
    clear = "set apart from the rest" if apart else "the next is within their intervals"
    alone = sum(row.first for row in rows)
    return f"{level.output}: {first} (total indices; {clear}). Traits by themselves: {alone:.0%} of the variance."
