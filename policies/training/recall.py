"""Memory beside the fold's: what a policy could be shown of a user's past that the observation does not hold.

The fold is a memory already, and the one that serving has. These are trials of whether more would pay: traces of how
the user block moved, and the hidden state itself. A policy that recalls can be played, not exported.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from agents.kernel import World
from envs.hidden import HIDDEN_SIZE, write_hidden_of_rows
from journeys.observation import USER_SIZE
from journeys.plan import Plan
from policies.protocol import Choices, Policy

RATES = (0.5, 0.1)  # of moving averages: over some two decisions and some ten


class Recall(Protocol):
    """What is recalled of `n` users: `size` numbers each."""

    size: int

    def begin(self, n: int) -> None:
        """Room for `n` users of whom nothing is recalled."""

    def look(self, world: World, rows: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """What is recalled of the users in `rows` `(m,)` after their last events, `(m, size)`; `fresh` rows are new."""


class Traces:
    """Moving averages of the user block."""

    def __init__(self, plan: Plan) -> None:
        self.size = len(RATES) * USER_SIZE

    def begin(self, n: int) -> None:
        """No averages yet."""
        self._means = np.zeros((len(RATES), n, USER_SIZE), np.float32)

    def look(self, world: World, rows: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """The averages, moved; those of new users begin at what is seen first."""
        self._means[:, fresh] = world.observations[fresh, :USER_SIZE]
        now = world.observations[rows, :USER_SIZE]
        for mean, rate in zip(self._means, RATES, strict=True):
            mean[rows] += np.float32(rate) * (now - mean[rows])
        return np.concatenate([mean[rows] for mean in self._means], axis=1)


class Everything:
    """Not a memory: the user's hidden state itself. What could be reached if who the user is were known."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.size = plan, HIDDEN_SIZE + len(plan.prior)

    def begin(self, n: int) -> None:
        """Nothing is kept."""

    def look(self, world: World, rows: np.ndarray, fresh: np.ndarray) -> np.ndarray:
        """The truth."""
        hidden = np.empty((len(rows), self.size), np.float32)
        write_hidden_of_rows(self.plan, world, rows, hidden)
        return hidden


class Recalling:
    """A policy whose observations are followed by what is recalled. To be played, never served."""

    def __init__(self, name: str, policy: Policy, recall: Recall) -> None:
        self.name, self.policy, self.recall = name, policy, recall
        self._world: World | None = None
        self._recalled = np.empty((0, recall.size), np.float32)

    def look_into(self, world: World, rows: np.ndarray) -> None:
        """Recall what came before of the users in `rows`."""
        fresh = rows[:0]
        if world is not self._world:
            self.recall.begin(len(world.users))
            self._world, fresh = world, rows
        self._recalled = self.recall.look(world, rows, fresh)

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """The policy's, `(n, A)`, of the users that were looked into."""
        return self.policy.probabilities(np.concatenate([observations, self._recalled], axis=1), masks)

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """The policy's draw for the users that were looked into."""
        return self.policy.decide(np.concatenate([observations, self._recalled], axis=1), masks, keys)
