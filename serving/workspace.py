"""Arrays in which a batch is folded and decided: the events as records, and a row for every decision that is due."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from journeys.actions import n_actions
from journeys.events import EVENT
from journeys.observation import observation_size
from journeys.plan import Plan

EVENT_RECORD = np.dtype((np.record, EVENT))  # items with attributes, in a plain array: cheaper to hand to Numba
CODES = {"u8": "Q", "i8": "q", "f8": "d", "i4": "i", "i2": "h", "u1": "B", "i1": "b"}


def layout_of(dtype: np.dtype) -> struct.Struct:
    """The layout of a packed-to-be record of `dtype`: five times as fast as assigning a tuple to the array's item."""
    codes = [CODES[dtype[name].str[1:]] for name in dtype.names or ()]
    layout = struct.Struct("@" + "".join(codes))
    if layout.size > dtype.itemsize:
        raise ValueError("the fields of a record are to be aligned, as C aligns them")
    return layout


WRITE_EVENT = layout_of(EVENT).pack_into
EVENT_SIZE = EVENT.itemsize


class Seen(NamedTuple):
    """`m` decisions that are due: numbers of the events they answer, moments, and what the policy sees and chooses.

    `due`, `moments`, `keys` (of the events) and `answered` (of the decisions) `(m,)`; `observations` `(m, D)` float32,
    `masks` `(m, A)` bool; `actions` and `propensities` `(m,)`; `sound` `(m,)` says which choices hold.
    """

    due: np.ndarray
    moments: np.ndarray
    keys: np.ndarray
    answered: np.ndarray
    observations: np.ndarray
    masks: np.ndarray
    actions: np.ndarray
    propensities: np.ndarray
    sound: np.ndarray


class Workspace:
    """Room for a batch of up to `room` events."""

    def __init__(self, plan: Plan, room: int) -> None:
        n_steps, n_skills = len(plan.steps), len(plan.prior)
        self.room, actions = room, n_actions(n_steps)
        self.events = np.zeros(room, EVENT_RECORD)
        self.raw = memoryview(self.events.view(np.uint8).data).cast("B")
        self.rows = np.zeros(room, np.int64)
        self.through, self.suspect, self.late = np.zeros(room, bool), np.zeros(room, bool), np.zeros(room, np.int64)
        self.seen = Seen(
            np.zeros(room, np.int64), np.zeros(room, np.uint8), np.zeros(room, np.uint64), np.zeros(room, np.uint64),
            np.zeros((room, observation_size(n_steps, n_skills)), np.float32), np.zeros((room, actions), bool),
            np.zeros(room, np.int64), np.zeros(room), np.zeros(room, bool),
        )  # fmt: skip
        self.legal, self.edges = np.zeros(room * actions, np.int64), np.zeros(room + 1, np.int64)
        self.told = np.zeros(1, EVENT_RECORD)
        self.reached, self.count = np.zeros(4, np.int64), np.zeros(1, np.int64)
        self._firsts: dict[int, tuple[np.ndarray, ...]] = {}
        self._seen: dict[int, Seen] = {}

    def views(self, n: int) -> tuple[np.ndarray, ...]:
        """`events`, `rows`, `through`, `suspect` and `late` of the first `n` events."""
        views = self._firsts.get(n)
        if views is None:
            whole = self.events, self.rows, self.through, self.suspect, self.late
            views = self._firsts[n] = tuple(part[:n] for part in whole)
        return views

    def first(self, n: int) -> tuple[np.ndarray, ...]:
        """The same, with none of them through and none late yet."""
        views = self.views(n)
        views[2].fill(False)
        views[4].fill(0)
        return views

    def due(self, m: int) -> Seen:
        """The first `m` decisions."""
        seen = self._seen.get(m)
        if seen is None:
            seen = self._seen[m] = Seen(*(part[:m] for part in self.seen))
        return seen
