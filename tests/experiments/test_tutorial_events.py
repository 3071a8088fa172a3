"""Students' lives as events: what is written when, and that the fold understands it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.tutorial.data import Oddities, read_tutorial
from experiments.tutorial.events import events_of
from experiments.tutorial.fit import log_of
from experiments.tutorial.journey import journey_of
from journeys.events import Event
from journeys.fold import blank_states, fold_log
from journeys.plan import compile_plan
from journeys.state import DONE, GIVEN_UP, LAPSED, STARTED
from tests.experiments.tutorial_tables import Tables, lively, ms

DAY = 24 * 60.0  # minutes


def lives(tables: Tables, folder: Path) -> tuple[list[Event], Oddities]:
    tutorial = read_tutorial(tables.write(folder))
    return events_of(tutorial, journey_of(tutorial))


def told(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.kind, event.time) for event in events]


def test_one_session_from_sign_up_to_leaving(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "-+")
    tables.visit(1, 22, 5, "-", given_up=True, time_end="2020-03-02 08:07:00.250")
    events, _ = lives(tables, tmp_path)
    assert told(events) == [
        ("signup", ms(0)), ("start", ms(0)), ("fail", ms(1)), ("succeed", ms(2)),
        ("start", ms(5)), ("fail", ms(6)), ("give_up", ms(7)), ("leave", ms(7)),
    ]  # fmt: skip
    assert events[0].consent == ("personalise",)
    assert [event.duration for event in events] == [0.0, 0.0, 60.0, 60.0, 0.0, 60.0, 60.0, 0.0]


def test_absences_have_the_timers_events_and_an_end(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "+")
    tables.visit(1, 22, 4 * DAY, "+")
    tables.visit(1, 32, 40 * DAY, "+")
    events, _ = lives(tables, tmp_path)
    left = 4 * DAY + 1
    assert told(events)[3:8] == [
        ("leave", ms(1)), ("away", ms(1 + DAY)), ("away", ms(1 + 3 * DAY)),
        ("enter", ms(4 * DAY)), ("start", ms(4 * DAY)),
    ]  # fmt: skip
    assert [e.time for e in events if e.kind == "away"][2:] == [ms(left + days * DAY) for days in (1, 3, 7, 14)]


def test_the_timer_writes_nothing_after_the_record_ends(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "+")
    tables.visit(2, 11, 2 * DAY, "+")
    events, _ = lives(tables, tmp_path)
    assert [(event.user, event.time) for event in events if event.kind == "away"] == [("student1", ms(1 + DAY))]


def test_a_session_ends_by_name_or_by_half_an_hour(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "+", session=1)
    tables.visit(1, 12, 3, "+", session=2)  # another name
    tables.visit(1, 21, 6, "+", session=None)  # no name says nothing
    tables.visit(1, 22, 9, "+", session=2)
    tables.visit(1, 31, 41, "+", session=2)  # 31 minutes after the last sign of life
    events, _ = lives(tables, tmp_path)
    assert [event.time for event in events if event.kind == "enter"] == [ms(3), ms(41)]
    assert [event.time for event in events if event.kind == "leave"] == [ms(1), ms(10), ms(42)]


def test_whoever_comes_back_inside_a_visit_worked_a_usual_attempt(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "--+")
    tables.attempts[-1]["time"] = "2020-03-02 10:00:00.250"
    events, oddities = lives(tables, tmp_path)
    assert told(events)[4:7] == [("leave", ms(2)), ("enter", ms(119)), ("succeed", ms(120))]
    assert events[6].duration == 60.0  # the median of 60, 60 and 118 minutes
    assert [ids for what, ids in oddities.items() if what.startswith("absence of over half an hour")] == [[1]]


def test_revisits_overlaps_and_unmet_prerequisites_are_told_of(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "+")
    tables.visit(1, 11, 5, "+")
    tables.visit(1, 31, 10, "-+")
    tables.visit(1, 22, 10.5, "")
    _, oddities = lives(tables, tmp_path)
    found = {what.split(" (")[0]: ids for what, ids in oddities.items()}
    assert found["a task begun again after it was solved"] == [2]
    assert found["begun before the journey's prerequisites were done"] == [3]
    assert found["work in a visit after another was opened"] == [3]


def test_every_life_folds_to_what_was_done(tmp_path: Path) -> None:
    tutorial = read_tutorial(lively(40).write(tmp_path))
    journey = journey_of(tutorial)
    events, _ = events_of(tutorial, journey)
    assert len({event.id for event in events}) == len(events)
    assert [event.time for event in events] == sorted(event.time for event in events)
    log, plan = log_of(journey, events), compile_plan(journey)
    users, steps, skills = blank_states(plan, len(log.students))
    names = {step.name: s for s, step in enumerate(journey.steps)}
    for row, student in enumerate(log.students):
        fold_log(plan, users[row], steps[row], skills[row], log.events[log.rows == row])
        own = [event for event in events if event.user == student]
        last = {event.step: event.kind for event in own if event.step is not None}
        for name, kind in last.items():
            status = {"succeed": DONE, "give_up": GIVEN_UP}.get(kind, STARTED)
            assert steps["status"][row, names[name]] == status
        assert users["fails"][row] == sum(event.kind == "fail" for event in own)
        assert users["sessions"][row] == sum(event.kind in {"signup", "enter"} for event in own)
        assert users["active_seconds"][row] == sum(event.duration for event in own)
        assert users["present"][row] == 0


def test_a_student_gone_for_good_has_lapsed(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "-")
    tables.visit(2, 11, 20 * DAY, "-")
    tutorial = read_tutorial(tables.write(tmp_path))
    journey = journey_of(tutorial)
    log, plan = log_of(journey, events_of(tutorial, journey)[0]), compile_plan(journey)
    users, steps, skills = blank_states(plan, 2)
    for row in range(2):
        fold_log(plan, users[row], steps[row], skills[row], log.events[log.rows == row])
    np.testing.assert_array_equal(users["ended"] == LAPSED, [True, False])
