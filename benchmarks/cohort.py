"""A cohort of 10,000 on Mesa's clock, beside a plain Mesa model of the same size with Python agents.

Both live the same hours, with peers in groups of eight, and collect every tick; making the models is not timed. The
first day is the busy one (everybody signs up and most of all that happens happens); the rest of the month is mostly
absence, which the plain model still walks through agent by agent. The plain model does less for an event (see
`benchmarks.plain_mesa`) and about as many events in the same hours; the ratio is taken per event. Seconds are those
in which this thread had the core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from agents.cohort import Cohort, Setting
from benchmarks.measure import Contender, Row, beside, take_turns
from benchmarks.plain_mesa import GROUP, PlainCohort
from benchmarks.settings import Settings
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules

JOURNEY = "saas"
USERS = 10_000
BUSY_HOURS = 24
ALL_HOURS = 30 * 24


class Done(NamedTuple):
    """What some ticks of a cohort came to."""

    seconds: float
    events: int
    decisions: int


def ours(hours: int) -> Done:
    """The first `hours` of a new cohort."""
    setting = Setting(load_journey(JOURNEY), load_population("mixed"), expert_rules())
    cohort = Cohort(setting, USERS, influence="groups", peers=GROUP, seed=1)
    seconds = timed(cohort.step, hours)
    series = cohort.datacollector.model_vars
    return Done(seconds, sum(series["events"]), sum(series["decisions"]))


def plain(hours: int) -> Done:
    """The first `hours` of a new plain cohort."""
    cohort = PlainCohort(USERS, seed=1)
    return Done(timed(cohort.step, hours), cohort.datacollector.model_vars["events"][-1], 0)


def timed(step: Callable[[], None], times: int) -> float:
    """Seconds that so many steps took."""
    begin = time.thread_time()
    for _ in range(times):
        step()
    return time.thread_time() - begin


def scaled(row: Row, unit: str, factor: float) -> Row:
    """The same samples counted in another unit: both counts of a cohort are the same in every sample."""
    return row._replace(unit=unit, median=factor * row.median, low=factor * row.low, high=factor * row.high)


def period(label: str, hours: int, settings: Settings) -> list[Row]:
    """Both models over the first `hours`."""
    last: dict[str, Done] = {}

    def contender(name: str, live: Callable[[int], Done]) -> Contender:
        def sample() -> tuple[float, float]:
            last[name] = live(hours)
            return last[name].events, last[name].seconds

        return Contender(name, "user-events/s", sample)

    section = f"{JOURNEY}, cohort of {USERS:,}, {label}"
    rows = take_turns(section, [contender("cohort", ours), contender("plain Mesa", plain)], settings.rounds)
    mine, theirs, done = rows["cohort"], rows["plain Mesa"], last["cohort"]
    both = zip((mine, theirs), (done, last["plain Mesa"]), strict=True)
    steps, plain_steps = (scaled(row, "model steps/s", hours / of.events) for row, of in both)
    return [
        beside(mine, theirs),
        theirs,
        scaled(mine, "user-decisions/s", done.decisions / done.events),
        beside(steps, plain_steps),
        plain_steps,
    ]


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    return [
        *period(f"first {BUSY_HOURS} hours", BUSY_HOURS, settings),
        *period(f"{ALL_HOURS // 24} days of hours", ALL_HOURS, settings),
    ]
