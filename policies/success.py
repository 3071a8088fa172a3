"""The head that predicts success: P(this user will complete the journey), read off the observation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from journeys.compiled import compiled


@compiled
def predict_rows(weight: Any, bias: float, observations: Any, out: Any) -> None:
    """Logistic function of `bias + observation . weight` for every row, summed in order in float64."""
    for row in range(len(observations)):
        total = bias
        for d in range(len(weight)):
            total += weight[d] * np.float64(observations[row, d])
        out[row] = 1.0 / (1.0 + math.exp(-total))


class SuccessHead:
    """A logistic regression: `weight` `(D,)` float64, and `bias` for the observation that is all zero.

    Raises `ValueError` where a number is not finite or `weight` is not one row of numbers.
    """

    def __init__(self, weight: np.ndarray, bias: float) -> None:
        self.weight, self.bias = np.ascontiguousarray(weight, np.float64), float(bias)
        if self.weight.ndim != 1 or not (np.isfinite(self.weight).all() and math.isfinite(self.bias)):
            raise ValueError("a success head is one row of finite weights and a finite bias")

    def predict(self, observations: np.ndarray) -> np.ndarray:
        """P(the journey will be completed), `(n,)` float64, of `observations` `(n, D)` float32.

        Every row is summed by itself, so a user served alone gets the same bits as one served among thousands.
        """
        out = np.empty(len(observations))
        predict_rows(self.weight, self.bias, np.ascontiguousarray(observations, np.float32), out)
        return out
