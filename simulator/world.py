"""A world on the SimPy clock: users arrive and live, and meet where they are coupled, at the support desk.

Users do not influence each other except through the queue, so SimPy keeps only what is coupled: stretches of arrivals,
shifts, requests and the patience of those who wait. In between, the kernel advances users many at a time, ahead of the
clock, up to the end of the stretch or until a user takes up a human (conservative parallel simulation with lookahead,
Chandy and Misra 1979). Everything before the clock is final, and is handed to the sink in order of time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import simpy
from simpy.events import EventPriority

from agents.learners import BINARY_MASTERY, Learner
from journeys.spec import Journey
from personas.persona import Population
from simulator.arrivals import arrivals_between, rate_of
from simulator.crowd import Crowd, Request
from simulator.decider import Decider
from simulator.desk import Account, Process, SupportDesk, staffing
from simulator.emission import Emission
from simulator.scenario import DAY_MS, HOUR_MS, Scenario
from simulator.sinks import Sink

# What happens in the same millisecond, in this order: everything else, then users catch up, then requests come in.
CATCHING_UP, OPENING = EventPriority(2), EventPriority(3)  # SimPy's own are 0 and 1
USERS_A_STRETCH = 4_096  # enough rows a batch that the cost of a call no longer counts

OnTime = Callable[[float], None]  # hears the days played so far


class Later(simpy.Event):
    """Happens after `delay` ms, behind all that happens in the same millisecond with a smaller `priority`."""

    def __init__(self, env: simpy.Environment, delay: int, priority: EventPriority) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, priority, delay)


class Summary(NamedTuple):
    """What a world came to. `events` `(kinds,)` and `endings` `(4,)` are counts by kind and by ending.

    `reasons` `(5,)` counts why those who lapsed had left last, by `agents.mind.REASONS`: the simulator's own truth.
    """

    users: int
    still_there: int  # alive in their onboarding when the world ended
    endings: np.ndarray
    reasons: np.ndarray
    events: np.ndarray
    desk: Account | None
    waiting: int  # at the desk when the world ended
    most_rows: int  # users alive at once, at most


@dataclass
class Play:
    """One playing of a scenario. `stretch` ms of arrivals are played at a time; results do not depend on it."""

    scenario: Scenario
    crowd: Crowd
    emission: Emission
    stretch: int
    on_time: OnTime | None
    until: int = 0
    most_rows: int = 0
    coming: list[Request] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)  # rows that have left the desk and have not caught up

    def __post_init__(self) -> None:
        begin, end = self.scenario.start_ms, self.scenario.end_ms
        self.env = simpy.Environment(begin)
        self.env.process(self._stretches(begin, end))
        self.desk: SupportDesk | None = None
        if self.scenario.desk is not None:
            self.desk = SupportDesk(self.env, staffing(self.scenario.desk, begin, end), end, self._leave)

    def run(self) -> Summary:
        """Play to the end."""
        self.env.run(until=self.scenario.end_ms)
        self.emission.release(self.scenario.end_ms)
        account = self.desk.account if self.desk else None
        waiting = account.asked - account.answered - account.abandoned if account else 0
        crowd, endings = self.crowd, self.crowd.endings
        still_there = crowd.born - int(endings.sum())
        counts = self.emission.counts
        return Summary(crowd.born, still_there, endings, crowd.reasons, counts, account, waiting, self.most_rows)

    def _stretches(self, begin: int, end: int) -> Process:
        """Let users sign up, and everybody live up to the end of the stretch."""
        rate, most = rate_of(self.scenario), self.scenario.arrivals.most_users
        for start in range(begin, end, self.stretch):
            self.until = min(start + self.stretch, end)
            self.emission.release(start)
            times = arrivals_between(rate, self.scenario.seed, start, self.until)
            self.crowd.arrive(times if most is None else times[: most - self.crowd.born])
            self.most_rows = max(self.most_rows, self.crowd.alive)
            self._advance(self.crowd.due(self.until))
            if self.on_time is not None:
                self.on_time((start - begin) / DAY_MS)
            yield self.env.timeout(self.until - start)

    def _advance(self, rows: np.ndarray) -> None:
        """Let users live; whoever takes up a human comes to the desk in due time."""
        for request in self.crowd.advance(rows, self.until):
            heapq.heappush(self.coming, request)
            self._later(request.time, OPENING, self._open)

    def _later(self, time: int, priority: EventPriority, what: Callable[[simpy.Event], None]) -> None:
        event = Later(self.env, time - int(self.env.now), priority)
        assert event.callbacks is not None
        event.callbacks.append(what)

    def _open(self, _event: simpy.Event) -> None:
        """Let those come in whose time it is, in the order of their numbers where it is the same."""
        while self.coming and self.coming[0].time <= self.env.now:
            assert self.desk is not None
            self.desk.ask(heapq.heappop(self.coming))

    def _leave(self, request: Request, waited: int, reneges: bool) -> int:
        """The turn has come, or the patience ended: the user lives on. Returns how many ms the answer takes."""
        left = self.crowd.leave_desk(request.row, request.propensity, waited, reneges, self.until)
        if left.due is not None:
            self.behind.append(request.row)
            self._later(left.due, CATCHING_UP, self._catch_up)
        return left.taken

    def _catch_up(self, _event: simpy.Event) -> None:
        """The first of those behind is due, so all of them are advanced: in a batch, and ahead of the clock."""
        rows, self.behind = self.behind, []
        self._advance(np.array(rows, np.int64))


def stretch_of(scenario: Scenario) -> int:
    """A stretch (ms) in which some `USERS_A_STRETCH` sign up, from an hour to a day."""
    spikes = sum(spike.users for spike in scenario.arrivals.spikes)
    a_day = max(1.0, scenario.arrivals.users_per_day + spikes / scenario.days)
    hours = round(24.0 * USERS_A_STRETCH / a_day)
    return HOUR_MS * min(24, max(1, hours))


def play(
    scenario: Scenario,
    journey: Journey,
    population: Population,
    policy: Decider,
    sink: Sink,
    learner: Learner = BINARY_MASTERY,
    stretch: int | None = None,
    on_time: OnTime | None = None,
) -> Summary:
    """Play `scenario` to its end; its events go to `sink`, which is left open.

    User `u` of a seed is the same person with the same luck in every scenario. `stretch` (ms) is how much is played at
    a time; it changes speed and memory, and nothing else.
    """
    emission = Emission(sink, scenario.end_ms)
    with_desk = scenario.desk is not None
    crowd = Crowd(journey, learner, population, policy, scenario.seed, emission, with_desk)
    return Play(scenario, crowd, emission, stretch or stretch_of(scenario), on_time).run()
