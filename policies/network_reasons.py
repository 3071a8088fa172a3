"""Why a network decided as it did, compiled: the entries that moved it most and its next best action, at any batch."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled, entry_point
from policies.network import NetworkPolicy, Room, Weights, room_of, score_legal
from policies.vector import add_products, aligned, dot, gather

NO_ENTRY, NO_ACTION = -1, -1


class Explained(NamedTuple):
    """Reasons of `n` decisions, largest first: `entries` `(n, k)` (-1: none), their `values` and `contributions`.

    `others` `(n,)` are the next best actions, -1 where nothing else was legal.
    """

    entries: np.ndarray
    values: np.ndarray
    contributions: np.ndarray
    others: np.ndarray


@compiled
def keep_largest(entry: int, contribution: float, entries: Any, contributions: Any) -> None:
    """Put `contribution` among the largest `(k,)` by absolute value; of equals the earlier entry comes first."""
    k = len(entries)
    if not abs(contributions[k - 1]) < abs(contribution) < np.inf:  # what is no number is no reason
        return
    at = k - 1
    while at > 0 and abs(contribution) > abs(contributions[at - 1]):
        entries[at], contributions[at] = entries[at - 1], contributions[at - 1]
        at -= 1
    entries[at], contributions[at] = entry, contribution


@compiled
def push_back(weights: Weights, two: Any, legal: Any, count: int, action: int, down: Any, one: Any, up: Any) -> None:
    """Gradient of (logit of `action` - mean logit of the other legal actions) by the inputs of each layer.

    `down` `(H2,)` and `up` `(H1,)` are filled; `one` and `two` are the hidden layers after their ReLUs.
    """
    share = np.float32(1.0) / np.float32(count - 1)
    down[:] = np.float32(0.0)
    for n in range(count):
        if legal[n] != action:
            for j in range(len(down)):
                down[j] += weights.w3[legal[n], j]
    for j in range(len(down)):
        down[j] = weights.w3[action, j] - down[j] * share if two[j] > 0.0 else np.float32(0.0)
    for i in range(len(one)):
        up[i] = dot(weights.w2[i], down) if one[i] > 0.0 else np.float32(0.0)


@compiled
def explain_rows(
    weights: Weights,
    observations: Any,
    masks: Any,
    actions: Any,
    usual: Any,
    by_unit: Any,
    room: Room,
    down: Any,
    up: Any,
    gradient: Any,
    entries: Any,
    values: Any,
    contributions: Any,
    others: Any,
) -> None:
    """Gradient times (entry - usual entry) of every entry, the largest kept; and the likeliest of the other actions.

    `by_unit` `(H1, D)` is the first layer with a unit a row: the gradient is a sum of the rows of units that count.
    """
    n_actions = masks.shape[1]
    logits, middle = room.values[:n_actions], n_actions + len(weights.b1)
    for row in range(len(actions)):
        entries[row, :], contributions[row, :], others[row] = NO_ENTRY, 0.0, NO_ACTION
        count = score_legal(weights, observations[row], masks[row], room, logits)
        if count <= 1:  # nothing was weighed
            continue
        best = np.float32(-np.inf)
        for n in range(count):
            if room.legal[n] != actions[row] and (others[row] == NO_ACTION or logits[n] > best):
                others[row], best = room.legal[n], logits[n]
        if entries.shape[1] == 0:
            continue
        one, two = room.values[n_actions:middle], room.values[middle : middle + len(weights.b2)]
        push_back(weights, two, room.legal, count, actions[row], down, one, up)
        spare = room.values[middle + len(weights.b2) :]
        gradient[:] = np.float32(0.0)
        add_products(gradient, room.which, spare, gather(up, room.which, spare), by_unit, gradient)
        for d in range(len(usual)):
            keep_largest(d, float(gradient[d] * (observations[row, d] - usual[d])), entries[row], contributions[row])
        for k in range(entries.shape[1]):
            values[row, k] = observations[row, entries[row, k]] if entries[row, k] >= 0 else 0.0


@cache
def machine_code() -> Any:
    """The loop compiled for the only types that it is called with."""
    line, plane, masks = np.zeros(1, np.float32), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    numbers, doubles = np.zeros(1, np.int64), np.zeros((1, 1))
    weights, seen = Weights(plane, line, plane, line, plane, line), (plane, masks, numbers, line)
    out = np.zeros((1, 1), np.int64), doubles, doubles, numbers
    return entry_point(explain_rows, weights, *seen, plane, room_of(1, 1, 1), line, line, line, *out)


class NetworkReasons:
    """Explains a network's decisions against the `usual` `(D,)` user, naming `k` entries; one caller at a time."""

    def __init__(self, policy: NetworkPolicy, usual: np.ndarray, k: int) -> None:
        self._k, self._usual = k, np.ascontiguousarray(usual, np.float32)
        self._weights, self._room = policy.ready, policy.room()
        self._by_unit = aligned(policy.weights.w1.T, 0, 1)
        self._gradient = aligned(np.zeros(len(policy.weights.w1), np.float32), 0)
        self._down, self._up = np.zeros_like(self._weights.b2), np.zeros_like(self._weights.b1)

    def explain(self, observations: np.ndarray, masks: np.ndarray, actions: np.ndarray) -> Explained:
        """Reasons for `actions` `(n,)` at `observations` `(n, D)` float32 and `masks` `(n, A)` bool, in C order."""
        n = len(actions)
        shape = n, self._k
        out = Explained(np.empty(shape, np.int64), np.empty(shape), np.empty(shape), np.empty(n, np.int64))
        machine_code()(
            self._weights, observations, masks, actions, self._usual, self._by_unit, self._room,
            self._down, self._up, self._gradient, *out,
        )  # fmt: skip
        return out
