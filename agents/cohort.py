"""A cohort on Mesa's clock: users who sign up on the same day and see each other's progress.

The model's agents are handles on rows of the kernel's arrays. A step is compiled code over those arrays, not a call per
agent; the agents are there to be looked at, selected and grouped as in any Mesa model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import mesa  # type: ignore[import-untyped]
import numpy as np

from agents.birth import ARRIVAL_MS
from agents.cohort_clock import NO_ACTION, begin_tick, blank_book, live_round
from agents.cohort_tables import collect, make_collector
from agents.kernel import enter_all, make_world
from agents.learners import BINARY_MASTERY, Learner, journey_under
from agents.peers import Influence, peers_of, see_peers
from journeys.compiled import entry_point
from journeys.mask import first_illegal
from journeys.plan import compile_plan
from journeys.spec import Journey
from journeys.state import COMPLETED, ENDINGS, ONGOING
from personas.persona import Population

HOUR_MS = 3_600_000
TICK_HOURS = 1.0  # our choice: nine in ten absences in EdNet are longer, so a return sees its peers as they are
GROUP = 8  # our choice: a seminar group or a small team; also how many others are seen in a graph


class Guide(Protocol):
    """Who decides: any `policies.protocol.Policy` is one."""

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Actions `(m,)` and their propensities `(m,)` for `m` users.

        `observations` `(m, D)` float32, `masks` `(m, A)` bool, `keys` `(m,)` uint64: all that the draw may depend on.
        """


@dataclass(frozen=True)
class Setting:
    """What a cohort goes through, who its members are, who guides them and how they learn.

    One object, because `mesa.batch_run` takes every parameter that can be iterated over apart.
    """

    journey: Journey
    population: Population
    policy: Guide
    learner: Learner = BINARY_MASTERY


class Numbers:
    """Where an agent gets its number: from its model.

    Mesa 3.3 counts in a dictionary of its class `Agent`, whose keys keep every model that ever was, and its arrays.
    """

    def __getitem__(self, model: Cohort) -> Iterator[int]:
        return model.numbers


class Member(mesa.Agent):  # type: ignore[misc]
    """One user of the cohort, as a handle on row `row` of the model's arrays."""

    model: Cohort

    _ids: ClassVar[Numbers] = Numbers()

    @property
    def row(self) -> int:
        """The user's row and number."""
        return self.unique_id - 1

    @property
    def persona(self) -> str:
        """Name of the user's persona."""
        return self.model.personas[self.model.world.minds["persona"][self.row]]

    @property
    def progress(self) -> float:
        """Share of the required steps done, by the cohort's clock."""
        return float(self.model.book.progress[self.row])

    @property
    def seen(self) -> float:
        """Mean progress of the peers at the beginning of the last tick; -1 where there are none."""
        return float(self.model.world.minds["peers"][self.row])

    @property
    def standing(self) -> str:
        """How the onboarding stands by the cohort's clock: one of `journeys.state.ENDINGS`."""
        user = self.model.world.users[self.row]
        return ENDINGS[user["ended"] if user["last_time"] < self.model.now else ONGOING]

    @property
    def peers(self) -> np.ndarray:
        """Rows of those whose progress the user sees."""
        starts, members = self.model.peers
        return members[starts[self.row] : starts[self.row + 1]]


class Cohort(mesa.Model):  # type: ignore[misc]
    """`users` users of `setting`, advanced by ticks of `tick_hours`.

    In every tick users first see the mean progress of their `peers` (`influence`: nobody, groups or graph; see
    `agents.peers`), then live until their own clock passes the tick. Without influence their events are those of the
    decision clock, whatever the length of the tick. `keep_log` keeps all events in memory, for `events`.

    `datacollector` holds the series and tables of `agents.cohort_tables`. `running` turns False when the last user's
    onboarding is over. Raises `ValueError` for a tick or peers that cannot be.
    """

    def __init__(
        self,
        setting: Setting,
        users: int = 1_000,
        influence: Influence = "nobody",
        peers: int = GROUP,
        tick_hours: float = TICK_HOURS,
        seed: int = 0,
        keep_log: bool = False,
    ) -> None:
        super().__init__(seed=seed)
        if round(tick_hours * HOUR_MS) < 1:
            raise ValueError(f"tick_hours: {tick_hours} is no time at all. Mend: a positive number of hours")
        self.setting, self.n_users, self.influence = setting, users, influence
        self.personas = setting.population.personas
        self.tick_ms = round(tick_hours * HOUR_MS)
        self.journey = journey_under(setting.journey, setting.learner)
        self.plan = compile_plan(self.journey)
        # The log is kept because it holds what has been lived but not been counted.
        self.world = make_world(self.plan, self.journey, setting.learner, users, keep_log=True)
        people = setting.population.people
        enter_all(self.plan, people, self.world, seed, 0, self.world.log[0], 0, users)
        self.peers = peers_of(influence, users, peers, seed)
        self.book = blank_book(self.plan, self.world.minds["persona"], len(self.personas))
        self.numbers = itertools.count(1)
        Member.create_agents(self, users)
        self._kept: list[np.ndarray] | None = [] if keep_log else None
        self._bind()
        self.datacollector = make_collector(self.personas)

    def _bind(self) -> None:
        """Fetch the machine code: finding the types of these arrays anew would cost more than a small tick."""
        self._due, self._waking = np.zeros(self.n_users, np.int64), np.zeros(self.n_users, np.int64)
        self._nothing = np.full(self.n_users, NO_ACTION), np.ones(self.n_users)
        actions, propensities, end = np.zeros(1, np.int64), np.zeros(1), ARRIVAL_MS
        plan, world, book, due = self.plan, self.world, self.book, self._due
        self._see_peers = entry_point(see_peers, self.peers, book.progress, world.minds)
        self._begin_tick = entry_point(begin_tick, plan, world, book, end, 1, due, due)
        self._first_illegal = entry_point(first_illegal, world.masks, actions)
        self._live_round = entry_point(live_round, plan, world, book, due, 1, actions, propensities, end, 1)

    @property
    def now(self) -> int:
        """The end of the last tick, ms since the Unix epoch."""
        return ARRIVAL_MS + self.steps * self.tick_ms

    @property
    def hours(self) -> float:
        """The same in hours since the cohort began."""
        return self.steps * self.tick_ms / HOUR_MS

    def step(self) -> None:
        """One tick. Raises `ValueError` where the policy chooses an action that is not legal."""
        end, tick = self.now, self.steps
        self._see_peers(self.peers, self.book.progress, self.world.minds)
        due, waking = self._begin_tick(self.plan, self.world, self.book, end, tick, self._due, self._waking)
        awake = self._live(self._waking, waking, *self._nothing)
        self._due[due : due + awake] = self._waking[:awake]
        due += awake
        while due:
            due = self._live(self._due, due, *self._decide(due))
        self.running = self.through() < self.n_users
        collect(self, self.datacollector)

    def _decide(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Actions and propensities of the `count` users who are due."""
        world, rows = self.world, self._due[:count]
        masks = world.masks[rows]
        actions, propensities = self.setting.policy.decide(world.observations[rows], masks, world.keys[rows])
        self._check(masks, actions)
        if self._kept is not None:
            self._kept.append(written(world.log, world.n_events, rows))
        return actions, propensities

    def _live(self, rows: np.ndarray, count: int, actions: np.ndarray, propensities: np.ndarray) -> int:
        """The first `count` of `rows` live on; returns how many want a decision, first in `rows` then."""
        arguments = (rows, count, actions, propensities, self.now, self.steps)
        return int(self._live_round(self.plan, self.world, self.book, *arguments))

    def _check(self, masks: np.ndarray, actions: np.ndarray) -> None:
        at = self._first_illegal(masks, actions)
        if at >= 0:
            legal = np.flatnonzero(masks[at]).tolist()
            raise ValueError(
                f"action {int(actions[at])} of user {int(self._due[at])} is illegal here. Mend: one of {legal}"
            )

    def completed(self) -> np.ndarray:
        """Who has completed the journey, `(n,)` bool."""
        return np.asarray((self.world.users["ended"] == COMPLETED) & (self.world.users["last_time"] < self.now))

    def through(self) -> int:
        """How many users' onboarding is over, however it ended."""
        return int(self.n_users - self.book.endings[:, ONGOING].sum())

    def events(self) -> np.ndarray:
        """All events so far, EVENT records, by time; a user's own keep their order. Needs `keep_log=True`."""
        if self._kept is None:
            raise ValueError("no events were kept. Mend: make the cohort with keep_log=True")
        everyone = np.arange(self.n_users)
        records = np.concatenate([*self._kept, written(self.world.log, self.world.n_events, everyone)])
        records = records[records["time"] < self.now]
        return records[np.argsort(records["time"], kind="stable")]


def written(log: np.ndarray, n_events: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The events of `rows` since their last decisions, one user's after another's."""
    return np.array(log[rows][np.arange(log.shape[1]) < n_events[rows, None]])
