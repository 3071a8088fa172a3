"""How a training tells how it goes, whatever the algorithm."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """Where a training stands after a rollout; `mean_return` and `completion` are of episodes ended in it."""

    steps: int
    total_steps: int
    seconds: float
    episodes: int
    mean_return: float
    completion: float
