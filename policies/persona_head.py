"""The head that tells kinds of users apart: P(behaves like this persona), read off the observation.

Personas are known in simulation only. Of a real user it says which *simulated* kind their behaviour is most like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from journeys.compiled import compiled
from policies.masked_softmax import softmax


@compiled
def predict_personas(weight: Any, bias: Any, observations: Any, out: Any) -> None:
    """Softmax over personas of `bias + observation . weight` for every row, summed in order in float64."""
    n_personas = len(bias)
    for row in range(len(observations)):
        totals = out[row]
        for p in range(n_personas):
            totals[p] = bias[p]
        for d in range(len(weight)):
            value = np.float64(observations[row, d])
            for p in range(n_personas):
                totals[p] += weight[d, p] * value
        softmax(totals, n_personas, 1.0, totals)


class PersonaHead:
    """A multinomial logistic regression: `weight` `(D, P)` and `bias` `(P,)` float64, a column per name of `names`.

    Raises `ValueError` where a number is not finite, shapes do not fit, or a name is empty or there twice.
    """

    def __init__(self, names: Sequence[str], weight: np.ndarray, bias: np.ndarray) -> None:
        self.names = tuple(names)
        self.weight, self.bias = np.ascontiguousarray(weight, np.float64), np.ascontiguousarray(bias, np.float64)
        if not self.names or not all(self.names) or len(set(self.names)) < len(self.names):
            raise ValueError("a persona head has one name or more, none of them empty and none twice")
        columns = (len(self.names),)
        if self.weight.ndim != 2 or self.weight.shape[1:] != columns or self.bias.shape != columns:
            raise ValueError("a persona head has a column of weights and a bias for each of its names")
        if not (np.isfinite(self.weight).all() and np.isfinite(self.bias).all()):
            raise ValueError("a persona head has finite weights and biases")

    def predict(self, observations: np.ndarray) -> np.ndarray:
        """P(persona) in the order of `names`, `(n, P)` float64, of `observations` `(n, D)` float32.

        Every row is summed by itself, so a user served alone gets the same bits as one served among thousands.
        """
        out = np.empty((len(observations), len(self.names)))
        predict_personas(self.weight, self.bias, np.ascontiguousarray(observations, np.float32), out)
        return out
