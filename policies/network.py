"""A network of two hidden layers (ReLU) and a masked softmax, evaluated without torch and identically at any batch.

Each row is computed by the same fixed sequence of float32 operations, so one user served alone gets the same
probabilities, bit for bit, as the same user in a batch of thousands; a BLAS product would not promise that. It need
not be slow: inputs of zero are left out, of the last layer only what is legal is computed, and where one action alone
is legal there is nothing to compute.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled, entry_point
from policies.compiled_policy import CompiledPolicy, MachineCode
from policies.masked_softmax import draw_legal, list_legal, softmax, spread
from policies.vector import add_products, aligned, dot, gather, gather_above
from policies.vector_code import LANES


class Weights(NamedTuple):
    """Layer weights, inputs first: `w1 (D, H)`, `b1 (H,)`, `w2 (H, H)`, `b2 (H,)`, `w3 (H, A)`, `b3 (A,)`, float32."""

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray


class Room(NamedTuple):
    """Room to work in, for one row: numbers of inputs, legal actions `(A,)`, numbers of all sorts, `(A,)` chances."""

    which: np.ndarray
    legal: np.ndarray
    values: np.ndarray
    chances: np.ndarray


def room_of(n_actions: int, n_inputs: int, n_values: int) -> Room:
    """Room for so many actions, inputs of a layer, and numbers besides; what is in it is not defined."""
    inputs = n_inputs + LANES
    return Room(
        np.empty(inputs, np.int32),
        np.empty(n_actions, np.int64),
        np.empty(n_actions + inputs + n_values, np.float32),
        np.empty(n_actions),
    )


def made_ready(weights: Weights) -> Weights:
    """The same network on whole vectors, with the last layer transposed: `w3 (A, H)`."""
    w1, b1, w2, b2, w3, b3 = weights
    return Weights(aligned(w1, 1), aligned(b1, 0), aligned(w2, 0, 1), aligned(b2, 0), aligned(w3.T, 1), aligned(b3))


@compiled
def second_layer(weights: Weights, one: Any, which: Any, values: Any, two: Any) -> None:
    """The second hidden layer `two`, after its ReLU, of the first `one` before it."""
    add_products(weights.b2, which, values, gather_above(one, which, values), weights.w2, two)
    for j in range(len(two)):
        two[j] = max(two[j], np.float32(0.0))


@compiled
def score_legal(weights: Weights, observation: Any, mask: Any, room: Room, logits: Any) -> int:
    """Write the legal actions and their logits into `room.legal` and `logits`; returns how many there are."""
    count = list_legal(mask, room.legal)
    if count <= 1:
        logits[0] = 0.0
        return count
    begin, middle = len(mask), len(mask) + len(weights.b1)
    one, two = room.values[begin:middle], room.values[middle : middle + len(weights.b2)]
    values = room.values[middle + len(weights.b2) :]
    add_products(weights.b1, room.which, values, gather(observation, room.which, values), weights.w1, one)
    second_layer(weights, one, room.which, values, two)
    for k in range(count):
        a = room.legal[k]
        logits[k] = weights.b3[a] + dot(two, weights.w3[a])
    return count


@compiled
def probabilities_of_rows(
    weights: Weights, temperature: float, observations: Any, masks: Any, room: Room, out: Any
) -> None:
    """Probabilities `(n, A)` of `n` users."""
    logits = room.values[: masks.shape[1]]
    for row in range(len(observations)):
        count = score_legal(weights, observations[row], masks[row], room, logits)
        softmax(logits, count, temperature, room.chances)
        spread(room.legal, room.chances, count, out[row])


@compiled
def decide_rows(
    weights: Weights,
    temperature: float,
    observations: Any,
    masks: Any,
    keys: Any,
    room: Room,
    actions: Any,
    propensities: Any,
) -> None:
    """Draw an action per row from the same probabilities."""
    logits = room.values[: masks.shape[1]]
    for row in range(len(observations)):
        count = score_legal(weights, observations[row], masks[row], room, logits)
        softmax(logits, count, temperature, room.chances)
        draw_legal(room.legal, room.chances, count, keys[row], actions[row : row + 1], propensities[row : row + 1])


@cache
def machine_code() -> MachineCode:
    """The loops compiled for the only types that they are called with."""
    line, plane, masks = np.zeros(1, np.float32), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    fixed, keys = (Weights(plane, line, plane, line, plane, line), 1.0, plane, masks), np.zeros(1, np.uint64)
    room, choices = room_of(1, 1, 1), (np.zeros(1, np.int64), np.zeros(1))
    return MachineCode(
        entry_point(probabilities_of_rows, *fixed, room, np.zeros((1, 1))),
        entry_point(decide_rows, *fixed, keys, room, *choices),
    )


class NetworkPolicy(CompiledPolicy):
    """A trained network as a policy."""

    machine_code = staticmethod(machine_code)

    def __init__(self, name: str, weights: Weights, temperature: float = 1.0) -> None:
        if temperature <= 0.0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self.temperature = temperature
        self.weights = Weights(*(np.ascontiguousarray(array, np.float32) for array in weights))
        self.ready, shape = made_ready(self.weights), (len(weights.w1), len(weights.b3))
        one, two = len(self.ready.b1), len(self.ready.b2)
        self._room = len(weights.b3), max(len(weights.w1), one), one + two
        super().__init__(name, (self.ready, temperature), shape)

    def room(self) -> Room:
        """Room for one user."""
        return room_of(*self._room)

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
