"""What every policy is: legal actions' probabilities from what the fold knows, and a draw seeded by the event."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from journeys.compiled import compiled
from journeys.draws import PURPOSE_POLICY, uniform


class Choices(NamedTuple):
    """Decisions for `n` users: `actions` `(n,)` int64, `propensities` `(n,)` float64, P(action) under the policy."""

    actions: np.ndarray
    propensities: np.ndarray


@runtime_checkable
class Policy(Protocol):
    """Decides for `n` users at once. Rows are independent: a row's result does not depend on the others.

    `observations` `(n, D)` float32, `masks` `(n, A)` bool with at least one legal action a row, `keys` `(n,)` uint64
    event keys. The same observation, mask and key give the same action and propensity, bit for bit.
    """

    name: str

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """P(action | observation), `(n, A)` float64: rows sum to 1 and are 0 where the mask is False."""

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""


@compiled
def draw_rows(probabilities: Any, keys: Any, actions: Any, propensities: Any) -> None:
    """Inverse-transform draws: the first action at which the cumulated probability exceeds the key's uniform."""
    for row in range(len(keys)):
        u = uniform(keys[row], PURPOSE_POLICY)
        total, chosen = 0.0, -1
        for a in range(probabilities.shape[1]):
            p = probabilities[row, a]
            if p > 0.0 and (chosen < 0 or total <= u):
                chosen = a
            total += p
        actions[row] = chosen
        propensities[row] = probabilities[row, chosen]


def draw(probabilities: np.ndarray, keys: np.ndarray) -> Choices:
    """One action per row of `probabilities` `(n, A)`, seeded by the event keys `(n,)`."""
    choices = Choices(np.empty(len(keys), np.int64), np.empty(len(keys)))
    draw_rows(probabilities, keys, *choices)
    return choices
