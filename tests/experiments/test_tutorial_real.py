"""The real tables, read from `HANDRAIL_DATA` or beside the repository: counts, and that nothing is lost on the way."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.prediction import auc, log_loss
from experiments.tutorial.data import Tutorial, read_tutorial
from experiments.tutorial.events import events_of
from experiments.tutorial.fit import fit, log_of
from experiments.tutorial.forecasts import BELIEF, FITTED, GLOBAL, RUNNING, forecasts, halves
from experiments.tutorial.journey import journey_of
from journeys.fold import blank_states, fold_log
from journeys.plan import compile_plan
from journeys.state import DONE
from tests.experiments.tutorial_tables import real_data


@pytest.fixture(scope="module")
def tutorial() -> Tutorial:
    return read_tutorial(real_data())


def test_everything_is_there(tutorial: Tutorial) -> None:
    assert len(tutorial.tasks) == 50
    assert len(tutorial.visits) == 549
    assert len({visit.student for visit in tutorial.visits}) == 129
    assert sum(len(visit.attempts) for visit in tutorial.visits) == 626


def test_the_oddities_are_counted(tutorial: Tutorial) -> None:
    found = {what.split(" (")[0]: len(visits) for what, visits in tutorial.oddities.items()}
    assert found == {
        "left open without an attempt": 182,
        "left open with attempts": 15,
        "given up without an attempt": 12,
        "no session named": 27,
        "time spent differs from end - start by over a minute": 24,
        "more or fewer attempts than the row claims": 5,
        "attempts not numbered 1, 2, 3, ...": 5,
    }


def test_the_journey_has_a_step_per_task_and_a_skill_per_group_of_concepts(tutorial: Tutorial) -> None:
    journey = journey_of(tutorial)
    assert (len(journey.steps), len(journey.skills)) == (50, 13)
    assert sum(step.required for step in journey.steps) == 9  # one a level
    assert all(0.25 <= step.minutes <= 10.0 for step in journey.steps)
    assert all(step.teaches for step in journey.steps)


def test_every_event_folds_and_every_outcome_arrives(tutorial: Tutorial) -> None:
    journey = journey_of(tutorial)
    events, oddities = events_of(tutorial, journey)
    log, plan = log_of(journey, events), compile_plan(journey)
    users, steps, skills = blank_states(plan, len(log.students))
    for row in range(len(log.students)):
        fold_log(plan, users[row], steps[row], skills[row], log.events[log.rows == row])
    assert users["fails"].sum() == sum(not a.success for visit in tutorial.visits for a in visit.attempts)
    solved = {(visit.student, visit.task) for visit in tutorial.visits if visit.solved}
    assert (steps["status"] == DONE).sum() == len(solved)
    assert len(log.attempts) == 626
    assert users["present"].sum() == 0
    assert max(event.duration for event in events) <= 30 * 60
    found = {what.split(" (")[0]: len(visits) for what, visits in oddities.items()}
    assert found["a task begun again after it was solved"] == 62
    assert found["begun before the journey's prerequisites were done"] == 187
    assert found["work in a visit after another was opened"] == 1


@pytest.mark.slow
def test_the_figures_of_the_page_hold(tutorial: Tutorial) -> None:
    """docs/experiments/tutorial.md: fitted on one half of the students, measured on the other."""
    journey = journey_of(tutorial)
    log = log_of(journey, events_of(tutorial, journey)[0])
    training, held_out = halves(log, 0)
    fitted = fit(journey, log.of(training))
    assert fitted.values == pytest.approx({"prior": 0.765, "learn": 0.097, "slip": 0.129, "guess": 0.228}, abs=0.02)
    made = forecasts({BELIEF: journey, FITTED: fitted.journey}, log, training, held_out, first_only=False)
    assert len(made.outcomes) == 215
    assert len(np.unique(made.persons)) == 29
    figures = {name: (auc(made.outcomes, c), log_loss(made.outcomes, c)) for name, c in made.chances.items()}
    assert figures[BELIEF] == pytest.approx((0.584, 0.739), abs=0.01)
    assert figures[FITTED] == pytest.approx((0.629, 0.661), abs=0.01)
    assert figures[RUNNING] == pytest.approx((0.585, 0.676), abs=0.01)
    assert figures[GLOBAL] == pytest.approx((0.5, 0.694), abs=0.01)
