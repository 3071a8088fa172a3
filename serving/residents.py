"""States of the users who are active, kept in memory between batches: a row each, the longest idle make room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from journeys.fold import blank_states
from journeys.plan import Plan
from journeys.state import SKILL, STEP, USER, State, pack

FIRST_ROOM = 256  # rows to begin with; room doubles as it is needed


class Residents:
    """Up to `most` users' packed states as rows of one block `(rows, state_size)`, and `versions` as they were loaded.

    What is here is a copy of what a store holds, or is just about to: a commit that fails means `forget`.
    """

    def __init__(self, plan: Plan, most: int) -> None:
        self._blank = pack(blank_states(plan, 1), 0)
        self._shape = len(plan.steps), len(plan.prior)
        self.most, self.state_size = most, len(self._blank)
        self._row_of: dict[str, int] = {}  # in the order of use, the longest idle first
        self._free: list[int] = []
        self.versions: list[int] = []
        self._block = np.zeros((0, self.state_size), np.uint8)
        self.waiting, self.newest = np.zeros(0, bool), np.zeros(0, np.int64)  # room for `fold_batch`, by row
        self._make_room(min(FIRST_ROOM, most))

    def __len__(self) -> int:
        return len(self._row_of)

    def _make_room(self, rows: int) -> None:
        block = np.zeros((rows, self.state_size), np.uint8)
        before = len(self.versions)
        block[:before] = self._block
        self._block, self._bytes = block, memoryview(block.data).cast("B")
        self.state = views(block, *self._shape)
        self.waiting, self.newest = np.zeros(rows, bool), np.zeros(rows, np.int64)
        self.versions += [0] * (rows - before)
        self._free += range(rows - 1, before - 1, -1)

    def find(self, users: Iterable[str]) -> tuple[list[int], list[str]]:
        """The row of each user, -1 for those who are not here, and the names of those."""
        row_of, rows, missing = self._row_of, list[int](), list[str]()
        for user in users:
            row = row_of.pop(user, -1)
            if row < 0:
                missing.append(user)
            else:
                row_of[user] = row
            rows.append(row)
        return rows, missing

    def find_one(self, user: str) -> int:
        """The row of a user, -1 for one who is not here."""
        row = self._row_of.pop(user, -1)
        if row >= 0:
            self._row_of[user] = row
        return row

    def reserve(self, users: int) -> None:
        """Have room for a batch of so many users, whatever `most` says: nobody of a batch makes room for another."""
        self.most = max(self.most, users)

    def admit(self, states: Mapping[str, tuple[int, bytes | None]]) -> None:
        """Take users in, each with a version and a packed state; None is a user of whom nothing is known.

        Raises `ValueError` where a state has not the length of this journey's.
        """
        for user, (version, state) in states.items():
            data = self._blank if state is None else state
            if len(data) != self.state_size:
                raise ValueError(
                    f"a packed state of this journey has {self.state_size} bytes, this one has {len(data)}"
                )
            row = self._row_of[user] = self._free_row()
            self.versions[row] = version
            self.put(row, data)

    def _free_row(self) -> int:
        if not self._free and len(self.versions) < self.most:
            self._make_room(min(2 * len(self.versions), self.most))
        if not self._free:
            idle = next(iter(self._row_of))
            self._free.append(self._row_of.pop(idle))
        return self._free.pop()

    def put(self, row: int, state: bytes) -> None:
        """Write a packed state into a row."""
        self._bytes[row * self.state_size : (row + 1) * self.state_size] = state

    def packed(self, row: int) -> bytes:
        """The packed state in a row, as `journeys.state.pack` gives it."""
        return bytes(self._bytes[row * self.state_size : (row + 1) * self.state_size])

    def stored(self, user: str, version: int) -> None:
        """Note that the state in memory is the store's of this version, unless the user had to make room."""
        row = self._row_of.get(user)
        if row is not None:
            self.versions[row] = version

    def forget(self, users: Iterable[str]) -> None:
        """Drop users, who will be loaded again."""
        for user in users:
            row = self._row_of.pop(user, None)
            if row is not None:
                self.waiting[row] = False
                self._free.append(row)


def views(block: np.ndarray, n_steps: int, n_skills: int) -> State:
    """The records in a block of packed states: `users` `(n,)`, `steps` `(n, S)`, `skills` `(n, K)`."""
    first = USER.itemsize
    second = first + n_steps * STEP.itemsize
    third = second + n_skills * SKILL.itemsize
    parts = ((block[:, :first], USER), (block[:, first:second], STEP), (block[:, second:third], SKILL))
    users, steps, skills = (part.view(np.dtype((np.record, dtype))) for part, dtype in parts)
    return State(users[:, 0], steps, skills)
