"""The reward: a weighted sum of six published terms, each also reported by itself."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from agents.kernel import TERMS


@dataclass(frozen=True)
class RewardWeights:
    """Weight of each term per decision; the unit of reward is our choice: half an onboarding completed.

    completion: 1 when the journey is completed. skill: share of the journey's skills that came to be mastered since
    the last decision; its sum is what the user learned, however the onboarding ends. time: active hours. annoyance:
    hidden annoyance added by offers and messages. support: times a human helped (7 to 35 dollars an answer; four are
    worth a completion). churn: 1 when the user is lost.
    """

    completion: float = 2.0
    skill: float = 2.0
    time: float = -0.5
    annoyance: float = -0.1
    support: float = -0.5
    churn: float = -0.5

    def array(self) -> np.ndarray:
        """Weights `(6,)` float64 in the order of `agents.kernel.TERMS`."""
        return np.array(astuple(self), np.float64)


assert tuple(RewardWeights.__dataclass_fields__) == TERMS
