"""The programming tutorial's visits and attempts as event records, one student's life after the other.

A student signs up at the first visit and agrees to personalisation alone: the tutorial personalised for everybody and
sent no messages. A session ends where the next sign of life is more than half an hour later or names another session;
`leave` is written at the last sign of life, then the `away` events that the timer would have written. All tasks are of
standard difficulty. Where a student left a visit open, nothing says how long they worked on it: no time is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import Literal, NamedTuple

from experiments.tutorial.data import Oddities, Tutorial, Visit
from experiments.tutorial.journey import step_names
from journeys.events import Event
from journeys.plan import HOUR_MS, MS
from journeys.spec import Journey

LONGEST_PAUSE_MS = HOUR_MS // 2
Kind = Literal["start", "succeed", "fail", "give_up"]


class Sign(NamedTuple):
    """A sign of life: what a student did in a visit, in ms; `name` makes the event's id."""

    time: int
    kind: Kind
    visit: Visit
    name: str


def events_of(tutorial: Tutorial, journey: Journey) -> tuple[list[Event], Oddities]:
    """All events by time, each student's in order, and what is odd about the way there (ids of visits)."""
    clerk = Clerk(journey, step_names(tutorial.tasks), last_time(tutorial.visits), usual_attempt(tutorial.visits))
    events: list[Event] = []
    for _, visits in groupby(tutorial.visits, key=lambda visit: visit.student):
        events += clerk.life(list(visits))
    return sorted(events, key=lambda event: event.time), clerk.oddities  # stable: simultaneous events keep their order


def last_time(visits: Sequence[Visit]) -> int:
    """When the record ends: the timer writes nothing later."""
    return max((sign.time for visit in visits for sign in signs_of(visit)), default=0)


def usual_attempt(visits: Sequence[Visit]) -> int:
    """Median time of an attempt, ms: what a student who came back inside a visit is taken to have worked."""
    times = [
        later.time - sign.time
        for visit in visits
        for sign, later in zip(signs_of(visit), signs_of(visit)[1:], strict=False)
    ]
    return round(median(times)) if times else 0


def signs_of(visit: Visit) -> list[Sign]:
    """The signs of life of one visit, in order."""
    times = [attempt.time for attempt in visit.attempts]
    signs = [Sign(min([visit.start, *times]), "start", visit, "start")]
    for number, attempt in enumerate(visit.attempts, 1):
        signs.append(Sign(attempt.time, "succeed" if attempt.success else "fail", visit, f"attempt{number}"))
    end = max([visit.start, *times, visit.end or visit.start])
    if not any(attempt.success for attempt in visit.attempts):
        if visit.solved:
            signs.append(Sign(end, "succeed", visit, "solved"))
        elif visit.given_up:
            signs.append(Sign(end, "give_up", visit, "gave-up"))
    return signs


class Clerk:
    """Writes students' lives down; collects what is odd about them."""

    def __init__(self, journey: Journey, names: dict[int, str], until: int, usual_attempt_ms: int) -> None:
        self.journey, self.names, self.until, self.usual = journey, names, until, usual_attempt_ms
        self.oddities: Oddities = {}

    def life(self, visits: list[Visit]) -> Iterator[Event]:
        """One student's events, in order."""
        signs = sorted((sign for visit in visits for sign in signs_of(visit)), key=lambda sign: sign.time)
        self._note_order(signs)
        student = visits[0].student
        yield self._event(student, "signup", signs[0].time, "signup", consent=("personalise",))
        before, since, session = signs[0], signs[0].time, signs[0].visit.session
        for number, sign in enumerate(signs):
            if self._pauses(before, sign, session):
                yield from self._absence(student, before.time, sign.time, f"{number}")
                since = self._return_time(before, sign)
                yield self._event(student, "enter", since, f"enter{number}")
            active = 0 if sign.kind == "start" else sign.time - max(before.time, since)
            step, name = self.names[sign.visit.task], f"visit{sign.visit.id}-{sign.name}"
            yield self._event(student, sign.kind, sign.time, name, step=step, duration=active / MS)
            before = sign
            session = session if sign.visit.session is None else sign.visit.session
        yield from self._absence(student, before.time, self.until, "last")

    def _pauses(self, before: Sign, sign: Sign, session: int | None) -> bool:
        """Whether a session ended between two signs of life."""
        if sign.time - before.time > LONGEST_PAUSE_MS:
            return True
        named = sign.visit.session
        return sign.kind == "start" and None not in (session, named) and session != named

    def _return_time(self, before: Sign, sign: Sign) -> int:
        """When a session begins: with its first start, or the time of a usual attempt before it goes on in a visit."""
        if sign.kind == "start":
            return sign.time
        self._note("absence of over half an hour inside a visit (a usual attempt's time is counted)", sign.visit)
        return max(before.time, sign.time - self.usual)

    def _absence(self, student: int, left: int, until: int, name: str) -> Iterator[Event]:
        """`leave`, and the timer's `away` events before `until`."""
        yield self._event(student, "leave", left, f"leave-{name}")
        rules = self.journey.rules
        for hours in (*rules.away_checks_hours, rules.lapse_hours):
            due = left + round(hours * HOUR_MS)
            if due < until:
                yield self._event(student, "away", due, f"away-{name}-{hours:g}h")

    def _note_order(self, signs: list[Sign]) -> None:
        """Note visits that overlap, revisits, and starts that the journey's prerequisites would not have allowed."""
        after = {step.name: step.after for step in self.journey.steps}
        done: set[str] = set()
        opened: Visit = signs[0].visit
        for sign in signs:
            step = self.names[sign.visit.task]
            if sign.kind == "start":
                if step in done:
                    self._note("a task begun again after it was solved (kept)", sign.visit)
                if not done.issuperset(after[step]):
                    self._note("begun before the journey's prerequisites were done (kept)", sign.visit)
                opened = sign.visit
            elif sign.visit is not opened:
                self._note("work in a visit after another was opened (kept, by time)", sign.visit)
            if sign.kind == "succeed":
                done.add(step)

    def _note(self, what: str, visit: Visit) -> None:
        noted = self.oddities.setdefault(what, [])
        if visit.id not in noted:
            noted.append(visit.id)

    def _event(
        self, student: int, kind: str, time: int, name: str, step: str | None = None, duration: float = 0.0,
        consent: tuple[str, ...] | None = None,
    ) -> Event:  # fmt: skip
        return Event(
            id=f"student{student}-{name}", user=f"student{student}", journey=self.journey.name, time=time,
            kind=kind, step=step, duration=duration, consent=consent,  # type: ignore[arg-type]
        )  # fmt: skip
