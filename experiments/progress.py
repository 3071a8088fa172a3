"""Progress and time left: live where somebody watches, plain lines where the output goes to a file or a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

PLAIN_WIDTH = 110  # of tables that go to a file or a pipe
SECONDS_BETWEEN_LINES = 5.0
SHARE_FOR_FORECAST = 0.1  # below it the speed so far, compilation included, says nothing of the rest

Tell = Callable[[int], None]  # how many are done


def open_console(stderr: bool = False) -> Console:
    """Where a command reports: as wide as the terminal, or without control characters where there is none."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def in_words(seconds: float) -> str:
    """A duration as `1:05`, or `1:02:05` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def tracking(console: Console, what: str, total: int) -> Iterator[Tell]:
    """Show how much of `total` is done and how long the rest will take."""
    if not console.is_terminal:
        yield plain_lines(console, what, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.update(task, completed=done)


def plain_lines(console: Console, what: str, total: int) -> Tell:
    """A line now and then: nothing at all for what is quickly done."""
    last = began = time.monotonic()
    done_at_first: int | None = None

    def tell(done: int) -> None:
        nonlocal last, began, done_at_first
        now = time.monotonic()
        if done_at_first is None:  # the first call compiled code: the forecast is counted from its end
            began, done_at_first = now, done
        since = done - done_at_first
        if now - last >= SECONDS_BETWEEN_LINES and SHARE_FOR_FORECAST * total < since < total - done_at_first:
            last = now
            left = in_words((now - began) * (total - done) / since)
            console.print(f"{what}: {done / total:.0%}, {left} left")

    return tell
