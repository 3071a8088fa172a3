"""A support desk on the SimPy clock: staff by shifts, one queue, and people who do not wait for ever.

The clock counts whole milliseconds since the Unix epoch. Who asks first is served first; a conversation that has
begun is finished, even past the end of a shift; outside all shifts requests wait for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import simpy

from simulator.arrivals import MONDAY_OF_EPOCH
from simulator.scenario import DAY_MS, DAYS, HOUR_MS, Desk

ABSENT, CALLER = -1, 0  # priorities: a place that nobody staffs is taken before any caller gets it
NEVER_MS = 2**62
Process = Generator[simpy.Event, Any, None]


class Guest(Protocol):
    """Somebody who comes to the desk: `patience` (ms) is how long they wait."""

    @property
    def patience(self) -> int:
        """In ms; `NEVER_MS` and more waits without end."""


Leaves = Callable[[Any, int, bool], int]  # guest, ms waited, gives up: lets a guest go, who takes so many ms


@dataclass
class Account:
    """What the desk has done: counts of requests, and sums in ms."""

    asked: int = 0
    answered: int = 0
    abandoned: int = 0
    answered_at_once: int = 0
    outside_hours: int = 0  # asked while nobody was on duty
    queued: int = 0  # asked while somebody was, and all were busy
    waited: int = 0  # by those who were answered
    longest: int = 0
    busy: int = 0  # of all staff together
    on_duty: int = 0


class Change(NamedTuple):
    """From `time` (ms) on, `staff` people are there."""

    time: int
    staff: int


def staffing(desk: Desk, begin: int, end: int) -> list[Change]:
    """Staff from `begin` (a midnight, ms) to `end`: the first entry is for `begin`, the others are changes."""
    marks = {0, *(round(h * HOUR_MS) for shift in desk.shifts for h in (shift.starts, shift.ends))}
    changes: list[Change] = []
    for midnight in range(begin, end, DAY_MS):
        for mark in sorted(marks - {DAY_MS}):
            staff = staff_at(desk, midnight, mark)
            if midnight + mark < end and (not changes or changes[-1].staff != staff):
                changes.append(Change(midnight + mark, staff))
    return changes


def staff_at(desk: Desk, midnight: int, mark: int) -> int:
    """People at the desk `mark` ms after `midnight`."""
    day = DAYS[(midnight // DAY_MS + MONDAY_OF_EPOCH) % len(DAYS)]
    return sum(s.staff for s in desk.shifts if day in s.days and s.starts * HOUR_MS <= mark < s.ends * HOUR_MS)


@dataclass
class SupportDesk:
    """The desk at work. `ask` lets a guest queue up; `leaves` is told when its turn has come or its patience ended.

    It answers how many ms the guest takes up of a person's time, from then on.
    """

    env: simpy.Environment
    plan: list[Change]
    end: int
    leaves: Leaves
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        self.places = max(change.staff for change in self.plan)
        self.staff = simpy.PriorityResource(self.env, max(1, self.places))
        self.empty_places: list[Any] = []
        self.env.process(self._shifts())

    def _shifts(self) -> Process:
        """Empty places are requests of their own: at the end of a shift they are first in the queue."""
        ends = [change.time for change in self.plan[1:]] + [self.end]
        for (begin, staff), end in zip(self.plan, ends, strict=True):
            yield self.env.timeout(begin - self.env.now)
            self._set(staff)
            self.account.on_duty += staff * (end - begin)

    def _set(self, staff: int) -> None:
        absent = self.staff.capacity - staff
        while len(self.empty_places) > absent:
            place = self.empty_places.pop()
            place.cancel()  # where nobody has left it yet
            self.staff.release(place)
        while len(self.empty_places) < absent:
            self.empty_places.append(self.staff.request(priority=ABSENT))

    @property
    def on_duty(self) -> int:
        """How many people are there at the moment, busy or free."""
        return int(self.staff.capacity) - len(self.empty_places)

    def ask(self, guest: Guest) -> None:
        """Let `guest` queue up now."""
        self.account.asked += 1
        self.env.process(self._visit(guest))

    def _visit(self, guest: Guest) -> Process:
        asked = int(self.env.now)
        with self.staff.request(priority=CALLER) as turn:
            self._receive(turn.triggered)
            if not turn.triggered:
                yield turn if guest.patience >= NEVER_MS else turn | self.env.timeout(guest.patience)
            waited = int(self.env.now) - asked
            if not turn.triggered:
                self.account.abandoned += 1
                self.leaves(guest, waited, True)
                return
            self._note(waited)
            taken = self.leaves(guest, waited, False)
            self.account.busy += taken
            yield self.env.timeout(taken)

    def _receive(self, at_once: bool) -> None:
        """Count somebody who comes, in one of three ways."""
        account = self.account
        account.answered_at_once += at_once
        account.queued += not at_once and self.on_duty > 0
        account.outside_hours += not at_once and self.on_duty == 0

    def _note(self, waited: int) -> None:
        account = self.account
        account.answered += 1
        account.waited += waited
        account.longest = max(account.longest, waited)
