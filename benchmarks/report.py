"""The figures as a table to read and as JSON to keep."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Row

LIBRARIES = (
    *("numpy", "numba", "gymnasium", "mesa", "torch", "stable-baselines3", "sb3-contrib", "msgspec", "deap", "ray"),
    *("vowpalwabbit", "mabwiser"),
)


def figure(value: float) -> str:
    """A number with three digits that count: 12.3 M, 456 k, 7.89."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def table(rows: Sequence[Row]) -> Table:
    """A rich table, one line a row."""
    lines = Table(title="Handrail benchmarks: one core, medians of interleaved samples")
    for heading in ("measured", "what", "median", "least to greatest", "ratio", "target"):
        lines.add_column(heading, justify="right" if heading in {"median", "ratio"} else "left")
    section = ""
    for row in rows:
        lines.add_row(
            row.section if row.section != section else "",
            row.name,
            f"{figure(row.median)} {row.unit}",
            f"{figure(row.low)} to {figure(row.high)}" if row.samples > 1 else "",
            f"{row.ratio:.3g} x {row.ratio_to}" if row.ratio is not None else "",
            f"{row.target}: {'met' if row.met else 'missed'}" if row.target else "",
            end_section=row is rows[-1] or rows[rows.index(row) + 1].section != row.section,
        )
        section = row.section
    return lines


def document(rows: Sequence[Row], quick: bool) -> dict[str, object]:
    """Everything that is needed to read the figures later."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {"cores": os.cpu_count(), "architecture": platform.machine(), "system": platform.system()},
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "rows": [row._asdict() for row in rows],
    }


def publish(rows: Sequence[Row], quick: bool, path: Path | None) -> None:
    """Print the table, and write the JSON where a path is given."""
    Console(width=None if Console().is_terminal else 170).print(table(rows))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document(rows, quick), indent=2) + "\n")
        print(f"The same as JSON: {path}")
