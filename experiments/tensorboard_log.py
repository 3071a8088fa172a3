"""The learning curve for TensorBoard: `tensorboard --logdir RUN_FOLDER`."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from policies.training.progress import Progress

SHOWN = ("mean_return", "completion", "episodes")


class TensorBoardLog:
    """Writes each `Progress` that it is given, by the number of decisions."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, progress: Progress) -> None:
        """One point of each curve; what no episode has ended for yet is left out."""
        figures = {name: float(getattr(progress, name)) for name in SHOWN}
        figures["decisions_per_second"] = progress.steps / max(progress.seconds, 1e-9)
        for name, value in figures.items():
            if not math.isnan(value):
                self._writer.add_scalar(f"training/{name}", value, progress.steps)
