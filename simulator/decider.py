"""Who decides in a world, seen from the simulator: a policy is given to it and never imported."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Decisions(Protocol):
    """For `n` users: `actions` `(n,)` int64 and `propensities` `(n,)` float64."""

    @property
    def actions(self) -> np.ndarray:
        """Flat actions."""

    @property
    def propensities(self) -> np.ndarray:
        """P(action) under the policy."""


class Decider(Protocol):
    """Decides for `n` users at once; rows are independent of each other.

    `observations` `(n, D)` float32, `masks` `(n, A)` bool with at least one legal action a row, `keys` `(n,)` uint64
    event keys, which seed the draws.
    """

    @property
    def name(self) -> str:
        """What decisions are signed with."""

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Decisions:
        """An action per row."""
