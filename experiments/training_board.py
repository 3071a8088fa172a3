"""The live table of a training: where it stands, beside the baselines that it is to beat."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.evaluation import Evaluation
from experiments.progress import SECONDS_BETWEEN_LINES, in_words

if TYPE_CHECKING:  # a board needs no torch
    from policies.training.progress import Progress


BOARD_WIDTH = 64  # of the table, so that its title stays on one line


class TrainingBoard:
    """Shows each `Progress` that it is given: a live table on a terminal, otherwise a line every few seconds."""

    def __init__(self, console: Console, algorithm: str, baselines: Sequence[Evaluation]) -> None:
        self.console, self.algorithm, self.baselines = console, algorithm, baselines
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._last = -math.inf
        self._first: Progress | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        elif self.baselines:
            lines = (f"{name} {number(reward)} ({share(done)})" for name, reward, done in levels(self.baselines))
            self.console.print("return (completion) to beat: " + ", ".join(lines))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, progress: Progress) -> None:
        """Show where the training stands now."""
        self._first = self._first or progress
        if self._live:
            self._live.update(board(self.algorithm, progress, self._first, self.baselines))
        elif time.monotonic() - self._last >= SECONDS_BETWEEN_LINES or progress.steps >= progress.total_steps:
            self._last = time.monotonic()
            self.console.print(
                f"{caption(self.algorithm, progress, self._first)}  return {number(progress.mean_return)}, "
                f"completion {share(progress.completion)}"
            )


def caption(algorithm: str, progress: Progress, first: Progress) -> str:
    """Steps, speed and time left. Both are counted from the `first` rollout on, after which learning began."""
    done = f"{algorithm}: {progress.steps:,} decisions ({min(1.0, progress.steps / progress.total_steps):.0%})"
    if progress.seconds <= first.seconds:
        return done
    speed = (progress.steps - first.steps) / (progress.seconds - first.seconds)
    left = max(0, progress.total_steps - progress.steps) / speed
    return f"{done}, {speed:,.0f}/s, {in_words(left)} left"


def board(algorithm: str, progress: Progress, first: Progress, baselines: Sequence[Evaluation]) -> Table:
    """The policy in training among the baselines, best return first."""
    rows = levels(baselines)
    rows.append((algorithm, progress.mean_return, progress.completion))
    table = Table(title=caption(algorithm, progress, first), min_width=BOARD_WIDTH, title_justify="left")
    table.add_column("policy")
    table.add_column("return", justify="right")
    table.add_column("completion", justify="right")
    for name, reward, completed in sorted(rows, key=lambda row: -math.inf if math.isnan(row[1]) else row[1])[::-1]:
        style = "bold" if name == algorithm else ""
        table.add_row(name, number(reward), share(completed), style=style)
    return table


def levels(evaluations: Sequence[Evaluation]) -> list[tuple[str, float, float]]:
    """Name, mean return and share completed of each."""
    return [(e.policy, float(e.of("return").mean()), float(e.of("completion").mean())) for e in evaluations]


def number(value: float) -> str:
    """Two decimals, or a dash where no episode has ended yet."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def share(value: float) -> str:
    """Whole per cent, or a dash where no episode has ended yet."""
    return "-" if math.isnan(value) else f"{value:.0%}"
