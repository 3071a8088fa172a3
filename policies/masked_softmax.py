"""A masked softmax and the draw from it, worked on as the list of legal actions: most actions are not legal."""

from __future__ import annotations

import math
from typing import Any

from journeys.compiled import compiled
from journeys.draws import PURPOSE_POLICY, uniform


@compiled
def list_legal(mask: Any, legal: Any) -> int:
    """Write the legal actions of `mask` `(A,)` into `legal` `(A,)`, in order; returns how many there are."""
    count = 0
    for a in range(len(mask)):
        legal[count] = a
        count += mask[a]
    return count


@compiled
def softmax(logits: Any, count: int, temperature: float, out: Any) -> None:
    """Softmax of `logits[:count] / temperature` in float64; the largest is taken off first, so nothing overflows."""
    top = -math.inf
    for k in range(count):
        top = max(top, float(logits[k]))
    total = 0.0
    for k in range(count):
        out[k] = math.exp((float(logits[k]) - top) / temperature)
        total += out[k]
    for k in range(count):
        out[k] /= total


@compiled
def spread(legal: Any, chances: Any, count: int, out: Any) -> None:
    """The legal actions' probabilities in their places of `out` `(A,)`; 0 elsewhere."""
    for a in range(len(out)):
        out[a] = 0.0
    for k in range(count):
        out[legal[k]] = chances[k]


@compiled
def draw_legal(legal: Any, chances: Any, count: int, key: Any, action: Any, propensity: Any) -> None:
    """Draw with the event key `key` as `protocol.draw` does, into `action` `(1,)` and `propensity` `(1,)`.

    Where no probability is above 0 (numbers that are none) there is no action: -1, of propensity 0.
    """
    u = uniform(key, PURPOSE_POLICY)
    total, chosen = 0.0, -1
    for k in range(count):
        if chances[k] > 0.0 and (chosen < 0 or total <= u):
            chosen = k
        total += chances[k]
    action[0] = legal[chosen] if chosen >= 0 else -1
    propensity[0] = chances[chosen] if chosen >= 0 else 0.0
