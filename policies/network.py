"""A network of two hidden layers (ReLU) and a masked softmax, evaluated without torch and identically at any batch.

Each row is computed by the same fixed sequence of float32 operations, so one user served alone gets the same
probabilities, bit for bit, as the same user in a batch of thousands; a BLAS product would not promise that.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled
from policies.protocol import Choices, draw


class Weights(NamedTuple):
    """Layer weights, inputs first: `w1 (D, H)`, `b1 (H,)`, `w2 (H, H)`, `b2 (H,)`, `w3 (H, A)`, `b3 (A,)`, float32."""

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray


@compiled
def layer(inputs: Any, weights: Any, biases: Any, outputs: Any, rectify: bool) -> None:
    """`outputs (m,) = inputs (n,) @ weights (n, m) + biases (m,)`, optionally `max(0, .)`; zero inputs are skipped."""
    for j in range(len(biases)):
        outputs[j] = biases[j]
    for i in range(len(inputs)):
        x = inputs[i]
        if x != 0.0:
            for j in range(len(biases)):
                outputs[j] += x * weights[i, j]
    if rectify:
        for j in range(len(biases)):
            outputs[j] = max(outputs[j], np.float32(0.0))


@compiled
def masked_softmax(logits: Any, mask: Any, temperature: float, out: Any) -> None:
    """Softmax of `logits / temperature` over the legal actions; 0 elsewhere. Float64 out."""
    top = -math.inf
    for a in range(len(mask)):
        if mask[a]:
            top = max(top, float(logits[a]))
    total = 0.0
    for a in range(len(mask)):
        out[a] = math.exp((float(logits[a]) - top) / temperature) if mask[a] else 0.0
        total += out[a]
    for a in range(len(mask)):
        out[a] /= total


@compiled
def probabilities_of_rows(
    weights: Weights, temperature: float, observations: Any, masks: Any, one: Any, two: Any, logits: Any, out: Any
) -> None:
    """Forward pass per row; `one`, `two` `(H,)` and `logits` `(A,)` float32 are room to work in."""
    for row in range(len(observations)):
        layer(observations[row], weights.w1, weights.b1, one, True)
        layer(one, weights.w2, weights.b2, two, True)
        layer(two, weights.w3, weights.b3, logits, False)
        masked_softmax(logits, masks[row], temperature, out[row])


class NetworkPolicy:
    """A trained network as a policy."""

    def __init__(self, name: str, weights: Weights, temperature: float = 1.0) -> None:
        if temperature <= 0.0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self.name, self.temperature = name, temperature
        self.weights = Weights(*(np.ascontiguousarray(array, np.float32) for array in weights))

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Masked softmax of the network's logits, shape `(n, A)`."""
        out = np.empty(masks.shape)
        one, two = np.empty(len(self.weights.b1), np.float32), np.empty(len(self.weights.b2), np.float32)
        logits = np.empty(masks.shape[1], np.float32)
        probabilities_of_rows(self.weights, self.temperature, observations, masks, one, two, logits, out)
        return out

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        return draw(self.probabilities(observations, masks), keys)

    def attributions(self, observation: np.ndarray, mask: np.ndarray, action: int, usual: np.ndarray) -> np.ndarray:
        """What each entry contributed to `action` rather than the other legal ones, shape `(D,)`.

        Gradient of (logit of `action` - mean logit of the other legal actions) times (entry - usual entry).
        """
        w = self.weights
        one = np.maximum(observation @ w.w1 + w.b1, 0.0)
        two = np.maximum(one @ w.w2 + w.b2, 0.0)
        others = mask.copy()
        others[action] = False
        direction = w.w3[:, action] - (w.w3[:, others].mean(axis=1) if others.any() else 0.0)
        gradient = w.w1 @ ((w.w2 @ (direction * (two > 0.0))) * (one > 0.0))
        return np.asarray(gradient * (observation - usual))
