"""How far the cells are, and how long the rest will take: each policy's cells take their own time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from experiments.matrix.cell import Cell, Result
from experiments.progress import in_words
from experiments.scale.board import in_one_line
from experiments.scale.report import Report


class Outlook:
    """Hears of every cell and says a line for each that is done."""

    def __init__(self, console: Console, cells: Sequence[Cell]) -> None:
        self.console, self.cells = console, cells
        self._spent: dict[str, float] = {}  # CPU seconds of the last cell of a policy: the first one compiled code
        self._left = set(range(len(cells)))
        self._report: Report | None = None

    def hear(self, report: Report) -> None:
        """What the backend tells: of a cell that is through, or of one that was lost with its worker."""
        if self._report is not None and report.lost > self._report.lost:
            self.console.print("a worker died; its cell is done again")
        self._report = report
        if report.finished is not None and report.use is not None:
            self._spent[self.cells[report.finished].policy] = report.use.cpu_seconds
            self._left.discard(report.finished)

    def say(self, result: Result) -> None:
        """A line for a cell that is done and kept."""
        cell = result.cell
        done, seconds = len(self.cells) - len(self._left), self._spent[cell.policy]
        self.console.print(
            f"{done} of {len(self.cells)}: {cell.journey} {cell.learner} {cell.policy}, seed {cell.seed}: "
            f"return {result.means['return']:.3f}, {seconds:.0f} CPU-s{self.forecast()}"
        )

    def conclude(self) -> None:
        """What all of it took, where anything was done."""
        if self._report is not None:
            self.console.print(f"cells: {in_one_line(self._report)}")

    def forecast(self) -> str:
        """The time left by what each policy's last cell took; nothing until every policy was met."""
        waiting = [self.cells[i].policy for i in self._left]
        if not waiting or self._report is None or not self._spent.keys() >= set(waiting):
            return ""
        return f"; {in_words(sum(self._spent[policy] for policy in waiting) / self._report.workers)} left"
