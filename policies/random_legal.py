"""Any legal action, all equally likely: the floor, and the logger whose propensities are easiest to trust."""

from __future__ import annotations

import numpy as np

from policies.protocol import Choices, draw


class RandomLegal:
    """Uniform over the legal actions."""

    name = "random"

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """`1 / number of legal actions`, shape `(n, A)`."""
        return masks / masks.sum(axis=1, keepdims=True)

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        return draw(self.probabilities(observations, masks), keys)
