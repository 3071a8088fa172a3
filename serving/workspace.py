"""Arrays in which a batch is folded: rows of users, filled from packed states and packed again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journeys.actions import n_actions
from journeys.events import EVENT
from journeys.fold import blank_states
from journeys.observation import observation_size
from journeys.plan import Plan
from journeys.state import State, pack


class Workspace:
    """Room for a batch of up to `room` events of as many users."""

    def __init__(self, plan: Plan, room: int) -> None:
        n_steps, n_skills = len(plan.steps), len(plan.prior)
        self.room = room
        self.state = State(*(part.view(np.ndarray) for part in blank_states(plan, room)))  # cheaper to hand to Numba
        self._bytes = [part.view(np.uint8).reshape(room, -1) for part in self.state]
        self._edges = np.cumsum([0, *(part.shape[1] for part in self._bytes)])
        blank = blank_states(plan, 1)
        self._blank = pack(blank, 0)
        self.state_size = len(self._blank)
        self.waiting = np.zeros(room, bool)
        self.through, self.late = np.zeros(room, bool), np.zeros(room, bool)
        self.due, self.moments = np.zeros(room, np.int64), np.zeros(room, np.uint8)
        self.observations = np.zeros((room, observation_size(n_steps, n_skills)), np.float32)
        self.masks = np.zeros((room, n_actions(n_steps)), bool)
        self.told = np.zeros(1, np.dtype((np.record, EVENT)))
        self.reached = np.zeros(2, np.int64)

    def fill(self, states: Sequence[bytes | None]) -> None:
        """Put packed states into the first rows; None is a user of whom nothing is known.

        Raises `ValueError` where a state has not the length of this journey's.
        """
        packed = b"".join([self._blank if state is None else state for state in states])
        if len(packed) != len(states) * self.state_size:
            raise ValueError(f"a packed state of this journey has {self.state_size} bytes")
        table = np.frombuffer(packed, np.uint8).reshape(len(states), self.state_size)
        for part, low, high in zip(self._bytes, self._edges[:-1], self._edges[1:], strict=True):
            part[: len(states)] = table[:, low:high]
        self.waiting[:] = self.through[:] = self.late[:] = False

    def packed(self, n: int) -> list[bytes]:
        """The first `n` users' states as bytes, as `journeys.state.pack` gives them."""
        data = np.concatenate([part[:n] for part in self._bytes], axis=1).tobytes()
        return [data[i * self.state_size : (i + 1) * self.state_size] for i in range(n)]
