"""The users of a world who are alive at the moment, in rows of the kernel's arrays that are used again and again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.kernel import World, make_world, share_traits
from agents.learners import Learner, journey_under
from agents.mind import REASONS
from journeys.actions import HUMAN, N_VARIANTS
from journeys.compiled import entry_point
from journeys.plan import MS, compile_plan
from journeys.spec import Journey
from journeys.state import ENDINGS, LAPSED
from personas.persona import Population
from simulator.decider import Decider
from simulator.emission import Emission
from simulator.lives import DUE, OVER, QUEUES, ROOM, decide_rows, enter_rows, patience_ms

FREE, ALIVE, AT_THE_DESK = range(3)
FIRST_ROWS = 4_096
BATCH = 2_048  # rows decided at once: their observations, some 2 MB, stay in a processor's cache
NOBODY_QUEUES = -1


class Request(NamedTuple):
    """Somebody takes up a human at `time` (ms), and will wait for `patience` ms. Sorted by time and user.

    `propensity` is that with which the human was offered.
    """

    time: int
    user: int
    row: int
    patience: int
    propensity: float


class Left(NamedTuple):
    """Somebody has left the desk: how long the answer took (ms), and the next decision's time where due before long."""

    taken: int
    due: int | None


class Crowd:
    """Rows of users. `policy` decides for them, their events go to `emission`.

    `endings` `(4,)` counts how onboardings ended within the world, by `journeys.state.ENDINGS`; `reasons` `(5,)`
    counts why those who were lost had left last, by `agents.mind.REASONS`; `born` is the number of the next user.
    """

    def __init__(
        self,
        journey: Journey,
        learner: Learner,
        population: Population,
        policy: Decider,
        seed: int,
        emission: Emission,
        with_desk: bool,
    ) -> None:
        self.journey, self.learner, self.people = journey_under(journey, learner), learner, population.people
        self.policy, self.seed, self.emission = policy, seed, emission
        self.plan = compile_plan(self.journey)
        self.human = N_VARIANTS * len(journey.steps) + HUMAN
        self.queueing = self.human if with_desk else NOBODY_QUEUES
        self.born = 0
        self.endings = np.zeros(len(ENDINGS), np.int64)
        self.reasons = np.zeros(len(REASONS), np.int64)
        self.status = np.empty(0, np.uint8)
        self.free: list[int] = []
        self.world = self._rows(0)
        self._grow(FIRST_ROWS)
        self._bind()

    def _rows(self, n: int) -> World:
        return make_world(self.plan, self.journey, self.learner, n, keep_log=False)

    def _grow(self, n: int) -> None:
        """Make room for `n` rows; those there are stay where they are."""
        old, new, had = self.world, self._rows(n), len(self.status)
        for before, after in zip(old, new, strict=True):
            if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
                after[: len(before)] = before
        self.world = share_traits(new)
        self.status = np.concatenate([self.status, np.full(n - had, FREE, np.uint8)])
        self.free += range(n - 1, had - 1, -1)

    def _bind(self) -> None:
        """Machine code for one row at a time would spend its time on finding out the arrays' types."""
        rows, reals, room = np.empty(0, np.int64), np.empty(0), self.emission.room(ROOM)
        self._enter = entry_point(enter_rows, self.plan, self.people, self.world, self.seed, rows, 0, rows, room)
        self._decide = entry_point(decide_rows, self.plan, self.world, rows, rows, reals, 0, 0, rows, room)
        self._patience = entry_point(patience_ms, self.world, 0)

    @property
    def alive(self) -> int:
        """How many users are in rows."""
        return len(self.status) - len(self.free)

    def arrive(self, times: np.ndarray) -> None:
        """Let one user sign up at each of `times` `(m,)` ms."""
        while len(self.free) < len(times):
            self._grow(2 * len(self.status))
        rows = np.array([self.free.pop() for _ in range(len(times))], np.int64)
        out = self.emission.room(ROOM * len(rows))
        first = self.born
        self.emission.took(self._enter(self.plan, self.people, self.world, self.seed, rows, first, times, out))
        self.status[rows] = ALIVE
        self.born += len(rows)

    def due(self, until: int) -> np.ndarray:
        """Rows whose next decision is due before `until` (ms), those at the desk left out."""
        return np.flatnonzero((self.status == ALIVE) & (self.world.users["last_time"] < until))

    def advance(self, rows: np.ndarray, until: int) -> list[Request]:
        """Let users in `rows` `(m,)` live until each one's next decision is due at `until` or later, or a human is
        taken up: those requests are returned.
        """
        requests: list[Request] = []
        while len(rows):
            fates = np.concatenate(
                [self._decide_for(rows[i : i + BATCH], until, requests) for i in range(0, len(rows), BATCH)]
            )
            self._retire(rows[fates == OVER])
            rows = rows[fates == DUE]
        return requests

    def _decide_for(self, rows: np.ndarray, until: int, requests: list[Request]) -> np.ndarray:
        """One decision for each of `rows`; returns what becomes of them."""
        world = self.world
        choices = self.policy.decide(world.observations[rows], world.masks[rows], world.keys[rows])
        actions = np.ascontiguousarray(choices.actions, np.int64)
        propensities = np.ascontiguousarray(choices.propensities, np.float64)
        fates, out = np.empty(len(rows), np.int64), self.emission.room(ROOM * len(rows))
        self.emission.took(
            self._decide(self.plan, world, rows, actions, propensities, self.queueing, until, fates, out)
        )
        for i in np.flatnonzero(fates == QUEUES).tolist():
            requests.append(self._request(int(rows[i]), float(propensities[i])))
        return fates

    def _request(self, row: int, propensity: float) -> Request:
        self.status[row] = AT_THE_DESK
        time, user = int(self.world.users["last_time"][row]), int(self.world.minds["user"][row])
        return Request(time, user, row, int(self._patience(self.world, row)), propensity)

    def leave_desk(self, row: int, propensity: float, waited: int, reneges: bool, until: int) -> Left:
        """Let `row` take its turn, or give up, after `waited` ms, and live until the next decision is due."""
        world, rows, fates = self.world, np.array([row]), np.empty(1, np.int64)
        world.minds["wait"][row], world.minds["reneges"][row] = waited / MS, reneges
        asked = int(world.users["last_time"][row])
        out = self.emission.room(ROOM)
        arguments = (rows, np.array([self.human]), np.array([propensity]), NOBODY_QUEUES, until, fates, out)
        count = self._decide(self.plan, world, *arguments)
        out[: count - 1] = np.array(out[1:count])  # the decision was written when it was made
        self.emission.took(count - 1)
        self.status[row] = ALIVE
        self._retire(rows[fates == OVER])
        taken = int(out["time"][0]) - asked - waited
        return Left(taken, int(world.users["last_time"][row]) if fates[0] == DUE else None)

    def _retire(self, rows: np.ndarray) -> None:
        """Free the rows of those who are through, and count how it ended where that lies within the world."""
        if not len(rows):
            return
        ended, last_time = self.world.users["ended"][rows], self.world.users["last_time"][rows]
        within = last_time < self.emission.end
        self.endings += np.bincount(ended[within], minlength=len(ENDINGS))
        lost = rows[within & (ended == LAPSED)]
        self.reasons += np.bincount(self.world.minds["reason"][lost], minlength=len(REASONS))
        self.status[rows] = FREE
        self.free += rows.tolist()
