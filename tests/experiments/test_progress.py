"""Progress: plain where nobody watches, with time left."""

from __future__ import annotations

import io
import math
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console

from experiments import progress, training_board
from experiments.evaluation import Evaluation
from experiments.progress import in_words, tracking
from experiments.training_board import TrainingBoard, board


class Standing(NamedTuple):
    steps: int
    total_steps: int
    seconds: float
    episodes: int
    mean_return: float
    completion: float


def plain() -> Console:
    return Console(file=io.StringIO(), width=100)


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3725, "1:02:05")])
def test_durations(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_lines_without_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    console = plain()
    with tracking(console, "playing", 100) as tell:
        tell(25)
        tell(50)
    assert console.file.getvalue().splitlines() == ["playing: 50%, 0:20 left"], "the first call only starts the clock"


def test_training_lines_tell_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_board, "SECONDS_BETWEEN_LINES", 0.0)
    console = plain()
    with TrainingBoard(console, "ppo", []) as shown:
        shown.update(Standing(1000, 4000, 0.1, 10, 1.5, 0.5))
        shown.update(Standing(2000, 4000, 2.1, 10, 1.6, 0.6))
        shown.update(Standing(4000, 4000, 6.1, 0, math.nan, math.nan))
    first, second, last = console.file.getvalue().splitlines()
    assert first == "ppo: 1,000 decisions (25%)  return 1.50, completion 50%"
    assert second == "ppo: 2,000 decisions (50%), 500/s, 0:04 left  return 1.60, completion 60%"
    assert last == "ppo: 4,000 decisions (100%), 500/s, 0:00 left  return -, completion -"


def test_live_table_ranks_by_return() -> None:
    console = plain()
    low, high = (Evaluation(n, np.full((4, 7), v), *[np.zeros(1)] * 4) for n, v in (("low", 1.0), ("high", 2.0)))
    now = Standing(1000, 4000, 2.0, 10, 1.5, 0.5)
    console.print(board("ppo", now, now, [low, high]))
    said = console.file.getvalue()
    assert said.index("high") < said.index("1.50") < said.index("low")
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    with TrainingBoard(terminal, "ppo", []) as shown:
        shown.update(Standing(1000, 4000, 0.0, 10, 1.5, 0.5))
        shown.update(Standing(2000, 4000, 2.0, 10, 1.5, 0.5))
    assert "0:04 left" in terminal.file.getvalue()
