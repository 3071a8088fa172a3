"""Scenario files: those that ship, and what is said of those that cannot be played."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from journeys.source import read_source
from simulator.scenario import Scenario, ScenarioError, load_scenario, scenario_from, scenario_of, shipped_scenarios

FILE = """\
name: mine
summary: A scenario.
start: 2026-01-05
days: 3
arrivals:
  users_per_day: 100
  wave: {peak: 14, depth: 0.5}
  spikes:
    - {day: 1, hour: 9, users: 300, half_life_hours: 6}
desk:
  shifts:
    - {staff: 2, starts: 9, ends: 17, days: [mon]}
"""

# What is changed in the file, to what, and what must then be said.
FAULTS = [
    ("days: 3", "dais: 3", "line 4: key 'dais' is unknown. Mend: did you mean 'days'?"),
    ("days: 3\n", "", "key 'days' is missing"),
    ("days: 3", "days: no", "line 4: in 'days': must be a number, not true or false"),
    ("days: 3", "days: 0", "line 4: in 'days': must be above 0"),
    ("name: mine", "name: My own", "line 1: in 'name': is not a name"),
    ("2026-01-05", "soon", "line 3: in 'start': must be a date. Mend: write it as 2026-01-31"),
    ("2026-01-05", "1926-01-05", "line 3: in 'start': 1926-01-05 is too far off"),
    ("users: 300", "users: 3e2", "line 9: in 'arrivals.spikes[0].users': must be a number, but YAML reads 3e2 as text"),
    ("day: 1", "day: 7", "line 9: in 'arrivals.spikes[0].day': day 7 is never reached"),
    ("half_life_hours: 6", "half_life: 6", "line 9: in 'arrivals.spikes[0]': key 'half_life' is unknown"),
    ("depth: 0.5", "depth: 1.5", "line 7: in 'arrivals.wave.depth': must be at most 1"),
    ("users_per_day: 100", "users_per_day: -1", "line 6: in 'arrivals.users_per_day': must be at least 0"),
    ("staff: 2", "staff: 0", "line 12: in 'desk.shifts[0].staff': must be at least 1"),
    ("ends: 17", "ends: 8", "line 12: in 'desk.shifts[0]': ends at 8, before it starts"),
    ("ends: 17", "ends: 25", "line 12: in 'desk.shifts[0].ends': must be at most 24"),
    ("[mon]", "[mnd]", "line 12: in 'desk.shifts[0].days[0]': 'mnd' is not possible. Mend: did you mean 'mon'?"),
    ("[mon]", "[]", "line 12: in 'desk.shifts[0].days': is empty"),
    ("desk:", "desk: {shifts: []}\nother:", "line 10: in 'desk.shifts': must have at least 1 entries"),
]


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_can_be_played(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.desk is not None
    assert scenario.end_ms > scenario.start_ms


def test_the_four_scenarios_ship() -> None:
    assert {"steady", "weekday", "launch", "understaffed"} <= set(shipped_scenarios())
    arrivals = load_scenario("launch").arrivals
    assert arrivals == load_scenario("understaffed").arrivals, "they differ in the desk alone"


@pytest.mark.parametrize(("old", "new", "said"), FAULTS)
def test_a_fault_is_told_with_its_line_its_key_and_the_mend(old: str, new: str, said: str) -> None:
    assert old in FILE
    with pytest.raises(ScenarioError) as error:
        scenario_of(read_source(FILE.replace(old, new), "mine.yaml"))
    assert said in str(error.value)
    assert str(error.value).startswith("mine.yaml, line ")
    assert str(error.value).count("Mend: ") == 1


def test_nobody_ever_coming_is_an_error() -> None:
    raw = {"name": "empty", "summary": "", "days": 1, "arrivals": {"users_per_day": 0}}
    with pytest.raises(ScenarioError, match=r"^scenario\.arrivals: nobody ever comes\. Mend: "):
        scenario_from(raw, "scenario")


def test_files_and_names_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no scenario called 'lunch'\. Mend: did you mean 'launch'\?"):
        load_scenario("lunch")
    with pytest.raises(ScenarioError, match=r"cannot be read: .* Mend: "):
        load_scenario(str(tmp_path / "gone.yaml"))
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(ScenarioError, match=r"not a mapping of keys to values\. Mend: "):
        load_scenario(str(tmp_path / "list.yaml"))
    (tmp_path / "broken.yaml").write_text("a: [\n")
    with pytest.raises(ScenarioError, match="not valid YAML"):
        load_scenario(str(tmp_path / "broken.yaml"))


def test_a_file_is_read_in_full(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(FILE)
    scenario = load_scenario(str(tmp_path / "mine.yaml"))
    assert isinstance(scenario, Scenario)
    assert scenario.start == date(2026, 1, 5)
    assert scenario.arrivals.spikes[0].users == 300.0
    assert scenario.end_ms - scenario.start_ms == 3 * 86_400_000
