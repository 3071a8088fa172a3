"""A teacher whose advice kills the process that asks for it, a number of times."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np

from policies.greedy_belief import greedy_belief
from policies.protocol import Choices


class DeadlyTeacher:
    """Greedy, but for the first `deaths` processes other than the one that made it."""

    name = "greedy"

    def __init__(self, folder: Path, deaths: int) -> None:
        self.folder, self.deaths, self.home = folder, deaths, os.getpid()
        self.greedy = greedy_belief()

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        return self.greedy.probabilities(observations, masks)

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        died = len(list(self.folder.iterdir()))
        if os.getpid() != self.home and died < self.deaths:
            (self.folder / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.greedy.decide(observations, masks, keys)
