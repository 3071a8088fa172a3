"""The desk by itself: shifts, patience, order, and waits that follow Erlang."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pytest
import simpy

from simulator.desk import NEVER_MS, Change, SupportDesk, staffing
from simulator.scenario import DAY_MS, HOUR_MS, Arrivals, Desk, Scenario, Shift

MONDAY = Scenario("test", "", 1.0, Arrivals(1.0), start=date(2026, 1, 5)).start_ms
MINUTE_MS = 60_000


@dataclass
class Caller:
    number: int
    time: int
    service: int
    patience: int = NEVER_MS


@dataclass
class Day:
    """Callers at a desk; `left` tells of each: number, when, how long it waited, whether it gave up."""

    plan: list[Change]
    callers: list[Caller]
    end: int
    left: list[tuple[int, int, int, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.env = simpy.Environment(self.plan[0].time)
        self.desk = SupportDesk(self.env, self.plan, self.end, self.leave)
        self.env.process(self.come())
        self.env.run(until=self.end)

    def come(self) -> Any:
        for caller in self.callers:
            yield self.env.timeout(caller.time - self.env.now)
            self.desk.ask(caller)

    def leave(self, caller: Caller, waited: int, reneges: bool) -> int:
        self.left.append((caller.number, int(self.env.now), waited, reneges))
        return 0 if reneges else caller.service


def erlang_c_wait(rate: float, service: float, servers: int) -> float:
    """Mean wait in M/M/c (Erlang 1917): P(wait) / (c / service - rate)."""
    load = rate * service
    blocked = load**servers / math.factorial(servers) / (1.0 - load / servers)
    waits = blocked / (sum(load**k / math.factorial(k) for k in range(servers)) + blocked)
    return waits / (servers / service - rate)


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "busy"), [(1, 0.7), (3, 0.8), (8, 0.75)])
def test_mean_wait_is_erlangs(servers: int, busy: float) -> None:
    """Poisson callers, exponential answers; waits of one day depend on each other, so days are the samples."""
    rng, service_ms, days, a_day = np.random.default_rng(5), 5.0 * MINUTE_MS, 40, 1_500
    rate = busy * servers / service_ms
    means = []
    for _ in range(days):
        times = MONDAY + np.cumsum(rng.exponential(1.0 / rate, a_day)).astype(np.int64)
        services = rng.exponential(service_ms, a_day).astype(np.int64)
        callers = [Caller(i, int(t), int(s)) for i, (t, s) in enumerate(zip(times, services, strict=True))]
        day = Day([Change(MONDAY, servers)], callers, int(times[-1]) + 30 * DAY_MS)
        assert day.desk.account.answered == a_day
        waits = {number: waited for number, _, waited, _ in day.left}
        means.append(np.mean([waits[i] for i in range(a_day // 5, a_day)]))  # the first fifth fills the queue
    expected, error = erlang_c_wait(rate, service_ms, servers), np.std(means, ddof=1) / math.sqrt(days)
    assert abs(np.mean(means) - expected) < 3.0 * error
    assert error < 0.15 * expected, "else the comparison says little"


def test_who_asks_first_is_served_first() -> None:
    callers = [Caller(i, MONDAY + 1_000 * i, 10_000) for i in range(5)]
    day = Day([Change(MONDAY, 1)], callers, MONDAY + DAY_MS)
    assert [(number, waited) for number, _, waited, _ in day.left] == [(i, 9_000 * i) for i in range(5)]
    assert day.desk.account.answered_at_once == 1
    assert day.desk.account.longest == 36_000
    assert day.desk.account.busy == 50_000


def test_requests_outside_hours_wait_for_the_next_shift() -> None:
    desk = Desk((Shift(2, 9, 17, ("mon", "tue")),))
    plan = staffing(desk, MONDAY, MONDAY + 3 * DAY_MS)
    evening = MONDAY + 20 * HOUR_MS
    day = Day(plan, [Caller(0, evening, 1_000), Caller(1, evening + 5, 1_000)], MONDAY + 3 * DAY_MS)
    opens = MONDAY + DAY_MS + 9 * HOUR_MS
    assert day.left == [(0, opens, opens - evening, False), (1, opens, opens - evening - 5, False)]


def test_who_queues_is_told_apart_from_who_comes_outside_hours() -> None:
    """Three come in hours, of whom the second finds the desk busy; one comes as it closes, and one in the evening."""
    desk, noon = Desk((Shift(1, 9, 17),)), MONDAY + 12 * HOUR_MS
    times = [noon, noon + 5, noon + HOUR_MS, MONDAY + 17 * HOUR_MS, MONDAY + 20 * HOUR_MS]
    callers = [Caller(i, time, MINUTE_MS, HOUR_MS) for i, time in enumerate(times)]
    account = Day(staffing(desk, MONDAY, MONDAY + 2 * DAY_MS), callers, MONDAY + 2 * DAY_MS).desk.account
    assert (account.answered_at_once, account.queued, account.outside_hours) == (2, 1, 2)
    assert (account.asked, account.abandoned) == (5, 2)


def test_an_answer_that_has_begun_is_finished_and_nothing_is_begun_after_hours() -> None:
    desk = Desk((Shift(1, 9, 10, ("mon",)),))
    end = MONDAY + DAY_MS
    last_minute = MONDAY + 10 * HOUR_MS - 1_000
    callers = [Caller(0, last_minute, 60_000), Caller(1, last_minute + 10, 1_000, 3 * HOUR_MS)]
    day = Day(staffing(desk, MONDAY, end), callers, end)
    assert day.left == [(0, last_minute, 0, False), (1, last_minute + 10 + 3 * HOUR_MS, 3 * HOUR_MS, True)]
    assert day.desk.account.busy == 60_000


def test_who_waits_too_long_gives_up_and_holds_nobody_up() -> None:
    callers = [Caller(0, MONDAY, 60_000), Caller(1, MONDAY + 1, 60_000, 30_000), Caller(2, MONDAY + 2, 1_000)]
    day = Day([Change(MONDAY, 1)], callers, MONDAY + DAY_MS)
    assert day.left == [
        (0, MONDAY, 0, False), (1, MONDAY + 30_001, 30_000, True), (2, MONDAY + 60_000, 59_998, False)
    ]  # fmt: skip
    assert (day.desk.account.asked, day.desk.account.answered, day.desk.account.abandoned) == (3, 2, 1)


def test_every_request_is_answered_or_abandoned_or_still_waits() -> None:
    rng = np.random.default_rng(3)
    desk = Desk((Shift(2, 8, 18, ("mon", "tue", "wed")), Shift(1, 12, 14), Shift(1, 20, 24), Shift(1, 0, 3)))
    end = MONDAY + 4 * DAY_MS
    times = np.sort(rng.integers(MONDAY, end - 1, 800))
    callers = [
        Caller(i, int(t), int(rng.exponential(600_000)), int(rng.exponential(HOUR_MS))) for i, t in enumerate(times)
    ]
    day = Day(staffing(desk, MONDAY, end), callers, end)
    account = day.desk.account
    assert account.asked == 800
    assert len(day.left) == account.answered + account.abandoned
    assert len({number for number, *_ in day.left}) == len(day.left), "nobody leaves twice"
    assert account.abandoned > 50
    assert account.answered > 50
    waiting = {caller.number for caller in callers} - {number for number, *_ in day.left}
    assert len(waiting) == account.asked - account.answered - account.abandoned
    for number, time, waited, reneges in day.left:
        assert time - waited == callers[number].time
        assert waited <= callers[number].patience
        assert reneges == (waited == callers[number].patience)
    hours = 3 * 2 * 10 + 4 * (2 + 4 + 3)
    assert account.on_duty == hours * HOUR_MS


def test_no_more_are_served_at_once_than_there_are_staff() -> None:
    desk = Desk((Shift(3, 8, 12), Shift(2, 10, 18)))
    end, rng = MONDAY + DAY_MS, np.random.default_rng(4)
    callers = [Caller(i, MONDAY + 7 * HOUR_MS + 20_000 * i, int(rng.exponential(300_000))) for i in range(1_500)]
    day = Day(staffing(desk, MONDAY, end), callers, end)
    begins = [(time, callers[number].service) for number, time, _, _ in day.left]
    for time, _ in begins:
        hour = (time - MONDAY) / HOUR_MS
        staff = 3 * (8 <= hour < 12) + 2 * (10 <= hour < 18)
        assert sum(begin <= time < begin + service for begin, service in begins) <= staff
    assert len(begins) > 300


def test_staffing_adds_up_shifts_and_skips_what_does_not_change() -> None:
    desk = Desk((Shift(2, 9, 17, ("mon", "wed")), Shift(1, 12, 24, ("mon",)), Shift(1, 0, 2, ("tue",))))
    plan = staffing(desk, MONDAY, MONDAY + 2 * DAY_MS + 10 * HOUR_MS)
    hours = [((change.time - MONDAY) / HOUR_MS, change.staff) for change in plan]
    assert hours == [(0, 0), (9, 2), (12, 3), (17, 1), (26, 0), (57, 2)]
