"""A linear bandit on contexts of any kind: the same regressions and rules, without an onboarding around them.

Each of `K` arms has a regression of its own on the context. It is what theory speaks of and what other libraries offer,
so it is here that bounds are tested and peers are compared with; and it serves who has a decision of their own to make.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled, entry_point
from policies.bandits.exploration import Promise, Rule, asks_for_widths, explore, promise_of
from policies.bandits.regression import Sums, add_rows, nothing_seen, posterior, renew
from policies.bandits.tables import enter, rated, table_of
from policies.compiled_policy import MachineCode, checked
from policies.masked_softmax import draw_legal, list_legal, spread
from policies.protocol import Choices
from policies.vector import gather
from policies.vector_code import LANES


class Room(NamedTuple):
    """Room to decide in, for one context."""

    legal: np.ndarray
    promise: Promise
    chances: np.ndarray
    nothing: np.ndarray
    out: np.ndarray
    which: np.ndarray
    values: np.ndarray


def room_of(table: np.ndarray) -> Room:
    """Room for a table `(K, d, W)`."""
    n_arms, size, width = table.shape
    return Room(
        np.empty(n_arms, np.int64),
        promise_of(n_arms),
        np.empty(n_arms),
        np.zeros(width, np.float32),
        np.empty(width, np.float32),
        np.empty(size + LANES, np.int32),
        np.empty(size + LANES, np.float32),
    )


@compiled
def weigh(table: Any, rule: Rule, context: Any, mask: Any, room: Room) -> int:
    """Write the legal arms and their chances into `room`; returns how many there are."""
    count = list_legal(mask, room.legal)
    n = gather(context, room.which, room.values)
    for k in range(count):
        mean, width = rated(table[room.legal[k]], room.nothing, room.which, room.values, n, room.out)
        room.promise.means[k], room.promise.widths[k] = mean, width
    explore(rule, room.promise, count, room.chances)
    return count


@compiled
def probabilities_of_rows(table: Any, rule: Rule, contexts: Any, masks: Any, room: Room, out: Any) -> None:
    """Probabilities `(n, K)`."""
    for row in range(len(contexts)):
        count = weigh(table, rule, contexts[row], masks[row], room)
        spread(room.legal, room.chances, count, out[row])


@compiled
def decide_rows(
    table: Any, rule: Rule, contexts: Any, masks: Any, keys: Any, room: Room, actions: Any, propensities: Any
) -> None:
    """Draw an arm per row."""
    for row in range(len(contexts)):
        count = weigh(table, rule, contexts[row], masks[row], room)
        draw_legal(room.legal, room.chances, count, keys[row], actions[row : row + 1], propensities[row : row + 1])


@cache
def machine_code() -> MachineCode:
    """The loops compiled for the only types that they are called with."""
    table, rule, keys = np.zeros((1, 1, LANES), np.float32), Rule(0, 0.0, 0.0), np.zeros(1, np.uint64)
    fixed = table, rule, np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    return MachineCode(
        entry_point(probabilities_of_rows, *fixed, room_of(table), np.zeros((1, 1))),
        entry_point(decide_rows, *fixed, keys, room_of(table), np.zeros(1, np.int64), np.zeros(1)),
    )


class ContextBandit:
    """A bandit of `n_arms` on contexts of `size` numbers. It decides by all that it has learned."""

    def __init__(
        self, name: str, n_arms: int, size: int, rule: Rule, ridge: float = 1.0, discount: float = 1.0
    ) -> None:
        self.name, self.rule, self.ridge, self.discount = name, rule, ridge, discount
        self.sums: Sums = nothing_seen(n_arms, size, discount < 1.0)
        self._shape = size, n_arms
        self._found = posterior(self.sums, ridge, discount)
        self._table = table_of(self._found, asks_for_widths(rule))

    def learn(self, contexts: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None:
        """Learn from `n` rounds in order: `contexts` `(n, d)`, `arms` `(n,)` and their `rewards` `(n,)`."""
        rounds = np.ascontiguousarray(arms, np.int64), np.ascontiguousarray(contexts, np.float64)
        add_rows(self.sums, *rounds, np.ascontiguousarray(rewards, np.float64), self.discount)
        changed = np.arange(self._shape[1]) if self.discount < 1.0 else np.unique(rounds[0])
        renew(self._found, self.sums, changed, self.ridge, self.discount)
        enter(self._table, self._found, changed)

    def probabilities(self, contexts: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Chances of every arm, shape `(n, K)`."""
        seen, out = checked(self._shape, contexts, masks), np.empty(masks.shape)
        machine_code().probabilities(self._table, self.rule, *seen, room_of(self._table), out)
        return out

    def decide(self, contexts: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an arm per row."""
        seen, keys = checked(self._shape, contexts, masks), np.ascontiguousarray(keys, np.uint64)
        choices = Choices(np.empty(len(keys), np.int64), np.empty(len(keys)))
        machine_code().decide(self._table, self.rule, *seen, keys, room_of(self._table), *choices)
        return choices
