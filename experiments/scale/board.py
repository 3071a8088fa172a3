"""Progress of work on many items, and at its end what it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from experiments.progress import tracking
from experiments.scale.report import Report

MEGABYTE = 2**20


@contextmanager
def showing(console: Console, what: str, total: int) -> Iterator[Callable[[Report], None]]:
    """Show reports on `total` items as they come, each lost worker, and at the end what it took."""
    last: Report | None = None
    with tracking(console, what, total) as tell_done:

        def tell(report: Report) -> None:
            nonlocal last
            if report.lost > (last.lost if last else 0):
                console.print(f"{what}: a worker died; its item is done again")
            last = report
            tell_done(report.done)

        yield tell
    if last is not None:
        console.print(f"{what}: {in_one_line(last)}")


def in_one_line(report: Report) -> str:
    """How many items are done and what they took."""
    items = f"{report.done} of {report.total} items by {report.workers} worker{'s' if report.workers > 1 else ''}"
    lost = f", {report.lost} lost with a worker and done again" if report.lost else ""
    memory = f"{report.peak_bytes / MEGABYTE:,.0f} MB at most in one process"
    return f"{items}{lost}; {report.cpu_seconds:.1f} s of CPU, {memory}"
