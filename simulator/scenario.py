"""A scenario: how long the world is watched, when users sign up, and who is there to help them. From YAML, checked.

Hours and days are UTC. docs/world.md explains every key.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from journeys.faults import exponent_as_text, fault_from, nearest, split
from journeys.source import Source, SourceError, read_source

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[str, ...] = get_args(Day)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000

Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
HourOfDay = Annotated[float, Meta(ge=0.0, le=24.0)]
Users = Annotated[float, Meta(ge=0.0, le=1e8)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
EARLIEST, LATEST = date(2000, 1, 1), date(2090, 1, 1)  # event times lie between the years 2000 and 2100


class ScenarioError(ValueError):
    """A scenario that cannot be played: where it is wrong and how to mend it."""


class Wave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day's wave: arrivals times 1 + `depth` cos(2 pi (hour - `peak`) / 24), whose mean over a day is 1."""

    peak: HourOfDay = 14.0
    depth: Share = 0.0


class Spike(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A launch: `users` more in expectation, all from `day` (0 is the first) and `hour` on, fading by half-lives."""

    day: Annotated[int, Meta(ge=0)]
    users: Users
    half_life_hours: Annotated[float, Meta(gt=0.0, le=10_000.0)]
    hour: HourOfDay = 0.0


class Arrivals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When users sign up: a Poisson process of this rate, and at most `most_users` in all."""

    users_per_day: Users
    wave: Wave = Wave()
    weekend: Annotated[float, Meta(ge=0.0, le=100.0)] = 1.0
    spikes: tuple[Spike, ...] = ()
    most_users: Annotated[int, Meta(ge=1)] | None = None


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`staff` people answer on these weekdays from `starts` to `ends`. Shifts that overlap add up."""

    staff: Annotated[int, Meta(ge=1, le=100_000)]
    starts: HourOfDay = 0.0
    ends: HourOfDay = 24.0
    days: tuple[Day, ...] = DAYS  # type: ignore[assignment]


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers when a user takes up a human. How long users wait is theirs, `agents.offers.queue_patience`."""

    shifts: Annotated[tuple[Shift, ...], Meta(min_length=1)]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One world to play. Without a `desk` a human is always free, as in the environments."""

    name: Name
    summary: str
    days: Annotated[float, Meta(gt=0.0, le=3_650.0)]
    arrivals: Arrivals
    start: date = date(2026, 1, 1)
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    desk: Desk | None = None

    @property
    def start_ms(self) -> int:
        """When the world begins, ms since the Unix epoch."""
        return round(datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC).timestamp()) * 1000

    @property
    def end_ms(self) -> int:
        """When it ends: the first moment that is no longer part of it."""
        return self.start_ms + round(self.days * DAY_MS)


PARTS: dict[str, type[msgspec.Struct]] = {
    "": Scenario, "arrivals": Arrivals, "arrivals.wave": Wave, "arrivals.spikes[]": Spike,
    "desk": Desk, "desk.shifts[]": Shift,
}  # fmt: skip


def shipped_scenarios() -> list[str]:
    """Names of the scenarios that come with Handrail."""
    folder = resources.files("conf").joinpath("scenario")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_scenario(name_or_path: str) -> Scenario:
    """Load and validate a shipped scenario, or a path ending in .yaml. Raises `ScenarioError`."""
    path = Path(name_or_path)
    try:
        if path.suffix in {".yaml", ".yml"}:
            return scenario_of(read_source(path.read_bytes(), str(path)))
        if name_or_path not in shipped_scenarios():
            mend = nearest(name_or_path, shipped_scenarios())
            raise ScenarioError(f"no scenario called {name_or_path!r}. Mend: {mend}")
        text = resources.files("conf").joinpath("scenario", f"{name_or_path}.yaml").read_bytes()
        return scenario_of(read_source(text, f"conf/scenario/{name_or_path}.yaml"))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}. Mend: give the path of a scenario") from None
    except SourceError as error:
        raise ScenarioError(str(error)) from None


def scenario_from(raw: Any, where: str) -> Scenario:
    """Validate plain data that was not read from a file, but is the setting `where`. Raises `ScenarioError`."""
    return scenario_of(Source(where, raw, {}))


def scenario_of(source: Source) -> Scenario:
    """Validate a source into a scenario. Raises `ScenarioError` that names file, line, key and mend."""
    if not isinstance(source.data, dict):
        keys = ", ".join(Scenario.__struct_fields__)
        raise ScenarioError(f"{source.where}: not a mapping of keys to values. Mend: write its {keys}")
    try:
        scenario = msgspec.convert(source.data, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(complaint(str(error), source)) from None
    for path, fault in contradictions(scenario):
        raise ScenarioError(f"{place_of(source, path, path)}: {fault}")
    return scenario


def place_of(source: Source, path: str, at: str) -> str:
    """File, line (of `at`) and key `path`; of plain data the full name of the setting, as in `scenario.days`."""
    if not source.lines:
        return f"{source.where}.{path}" if path else source.where
    return f"{source.place(at)}: in {path!r}" if path else source.place(at)


def complaint(message: str, source: Source) -> str:
    """A `msgspec.ValidationError` in words."""
    path = split(message)[1]
    part = PARTS.get(re.sub(r"\[\d+\]", "[]", path), Scenario)
    fault = fault_from(message, part.__struct_fields__, DAYS)
    told = exponent_as_text(value_at(source.data, path)) or fault.complaint
    if path == "start":
        told = "must be a date. Mend: write it as 2026-01-31"
    return f"{place_of(source, path, fault.path)}: {told}"


def value_at(data: Any, path: str) -> Any:
    """What stands at `path` (`arrivals.spikes[0].users`) of plain data."""
    for key in re.findall(r"[^.\[\]]+", path):
        data = data[int(key)] if isinstance(data, list | tuple) else data[key]
    return data


def contradictions(scenario: Scenario) -> list[tuple[str, str]]:
    """What is wrong although each value by itself is possible: path and complaint."""
    found = []
    if not EARLIEST <= scenario.start <= LATEST:
        found.append(("start", f"{scenario.start} is too far off. Mend: a date between {EARLIEST} and {LATEST}"))
    for i, spike in enumerate(scenario.arrivals.spikes):
        if spike.day >= scenario.days:
            mend = f"days count from 0; this scenario has {scenario.days:g}"
            found.append((f"arrivals.spikes[{i}].day", f"day {spike.day} is never reached. Mend: {mend}"))
    if not scenario.arrivals.users_per_day and not any(spike.users for spike in scenario.arrivals.spikes):
        found.append(("arrivals", "nobody ever comes. Mend: give users_per_day or a spike"))
    for i, shift in enumerate(scenario.desk.shifts if scenario.desk else ()):
        if shift.ends <= shift.starts:
            mend = "write a shift over midnight as two: until 24, and from 0"
            found.append((f"desk.shifts[{i}]", f"ends at {shift.ends:g}, before it starts. Mend: {mend}"))
        if not shift.days:
            found.append((f"desk.shifts[{i}].days", "is empty. Mend: name at least one of " + ", ".join(DAYS)))
    return found
