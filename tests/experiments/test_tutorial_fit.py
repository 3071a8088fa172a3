"""The belief's forecasts are the fold's own, and the fit finds the parameters that made the data."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import numpy as np
import pytest

from experiments.tutorial.data import read_tutorial
from experiments.tutorial.events import events_of
from experiments.tutorial.fit import Log, chances_of, fit, log_likelihood, log_of
from experiments.tutorial.forecasts import GLOBAL, RUNNING, TASK, forecasts, halves, running_rate, task_rate
from experiments.tutorial.journey import journey_of
from journeys.actions import n_actions
from journeys.events import FAIL, SUCCEED, Event
from journeys.fold import blank_states, fold
from journeys.loading import load_journey
from journeys.observation import USER_INDEX, look, observation_size
from journeys.plan import compile_plan
from journeys.spec import Journey
from tests.experiments.tutorial_tables import lively


@pytest.fixture
def made(tmp_path: Path) -> tuple[Journey, Log]:
    tutorial = read_tutorial(lively(30).write(tmp_path))
    journey = journey_of(tutorial)
    return journey, log_of(journey, events_of(tutorial, journey)[0])


def test_the_forecast_is_what_a_policy_would_have_seen(made: tuple[Journey, Log]) -> None:
    journey, log = made
    plan, n_steps = compile_plan(journey), len(journey.steps)
    users, steps, skills = state = blank_states(plan, len(log.students))
    seen = np.zeros((1, observation_size(n_steps, len(journey.skills))), np.float32)
    mask = np.zeros((1, n_actions(n_steps)), bool)
    chances = chances_of(journey, log)
    compared = 0
    for i, row in enumerate(log.rows):
        if log.events["kind"][i] in (SUCCEED, FAIL):
            assert users["current"][row] == log.events["step"][i]
            look(plan, *state, np.array([row]), seen, mask)
            assert seen[0, USER_INDEX["success_now"]] == np.float32(chances[i])
            compared += 1
        else:
            assert np.isnan(chances[i])
        fold(plan, users[row], steps[row], skills[row], log.events[i])
    assert compared > 100


def attempts_at(step: str, outcomes: tuple[bool, ...]) -> list[Event]:
    """One user's log of attempts at one step of `tiny`."""
    kinds = ["start", *("succeed" if outcome else "fail" for outcome in outcomes)]
    signup = Event("a", "u", "tiny", 10**12, "signup", consent=())
    return [signup, *(Event(f"e{i}", "u", "tiny", 10**12 + i, k, step=step) for i, k in enumerate(kinds, 1))]  # type: ignore[arg-type]


@pytest.mark.parametrize("outcomes", list(itertools.product([False, True], repeat=4)))
def test_the_likelihood_is_that_of_the_hidden_chain(outcomes: tuple[bool, ...]) -> None:
    journey = load_journey("tiny")
    skill = journey.skills[0]
    total = 0.0
    for learned_at in range(len(outcomes) + 1):  # known before attempt number `learned_at`; the last: never
        if learned_at == 0:
            path = skill.prior
        else:
            path = (1 - skill.prior) * (1 - skill.learn) ** (learned_at - 1)
            path *= skill.learn if learned_at < len(outcomes) else 1.0
        for i, outcome in enumerate(outcomes):
            right = 1 - skill.slip if i >= learned_at else skill.guess
            path *= right if outcome else 1 - right
        total += path
    log = log_of(journey, attempts_at("first-note", outcomes))
    assert log_likelihood(journey, log) == pytest.approx(np.log(total), abs=1e-9)


def test_the_first_attempt_of_every_visit_is_marked(made: tuple[Journey, Log]) -> None:
    _, log = made
    tried = np.isin(log.events["kind"], (SUCCEED, FAIL))
    assert not log.first[~tried].any()
    for row in range(len(log.students)):
        own = log.rows == row
        fresh = False
        for tries, first, start in zip(tried[own], log.first[own], log.events["kind"][own] == 3, strict=True):
            fresh = fresh or bool(start)
            assert first == (tries and fresh)
            fresh = fresh and not tries


def learners(journey: Journey, n: int, truth: dict[str, float]) -> list[Event]:
    """Logs of `n` people who learn the first skill of `tiny` by practising `first-note`, six attempts each."""
    luck = np.random.default_rng(11)
    events: list[Event] = []
    for user in range(n):
        known, outcomes = luck.random() < truth["prior"], []
        for _ in range(6):
            outcomes.append(bool(luck.random() < (1 - truth["slip"] if known else truth["guess"])))
            known = known or luck.random() < truth["learn"]
        events += [
            msgspec.structs.replace(event, id=f"{user}-{event.id}", user=f"u{user}")
            for event in attempts_at(journey.steps[0].name, tuple(outcomes))
        ]
    return events


@pytest.mark.slow
def test_the_fit_finds_the_parameters_that_made_the_data() -> None:
    journey = load_journey("tiny")
    truth = {"prior": 0.35, "learn": 0.25, "slip": 0.08, "guess": 0.2}
    log = log_of(journey, learners(journey, 1200, truth))
    found = fit(journey, log)
    for name, value in truth.items():
        assert found.values[name] == pytest.approx(value, abs=0.06), name
    assert found.log_likelihood == pytest.approx(log_likelihood(found.journey, log))
    assert found.log_likelihood > log_likelihood(journey, log)
    assert found.journey.version == 2
    assert {skill.prior for skill in found.journey.skills} == {found.values["prior"]}


def test_the_halves_are_disjoint_and_hold_everybody_who_tried(made: tuple[Journey, Log]) -> None:
    _, log = made
    training, held_out = halves(log, 0)
    assert not set(training) & set(held_out)
    assert {*training, *held_out} == set(log.rows[log.attempts].tolist())
    assert abs(len(training) - len(held_out)) <= 1
    assert halves(log, 0) == (training, held_out)
    assert halves(log, 1) != (training, held_out)


def test_held_out_outcomes_do_not_move_the_training_rates(made: tuple[Journey, Log]) -> None:
    _, log = made
    training, held_out = halves(log, 0)
    before = forecasts({}, log, training, held_out, first_only=False)
    events = log.events.copy()
    flipped = np.isin(log.rows, held_out) & np.isin(events["kind"], (SUCCEED, FAIL))
    events["kind"][flipped] = np.where(events["kind"][flipped] == SUCCEED, FAIL, SUCCEED)
    after = forecasts({}, log._replace(events=events), training, held_out, first_only=False)
    np.testing.assert_array_equal(after.outcomes, ~before.outcomes)
    for name in (GLOBAL, TASK):
        np.testing.assert_array_equal(after.chances[name], before.chances[name])
    assert (after.chances[RUNNING] != before.chances[RUNNING]).any()


def test_the_running_rate_knows_the_past_alone() -> None:
    outcomes, rows = np.array([True, False, False, True]), np.array([0, 1, 0, 0])
    expected = [0.6, 0.6, (1 + 2 * 0.6) / 3, (1 + 2 * 0.6) / 4]
    np.testing.assert_allclose(running_rate(outcomes, rows, 0.6), expected)


def test_a_tasks_rate_is_its_training_share_pulled_to_the_usual() -> None:
    outcomes, tasks = np.array([True, True, False, True, False]), np.array([0, 0, 0, 1, 2])
    train = np.array([True, True, True, True, False])
    expected = [(2 + 5 * 0.5) / 8] * 3 + [(1 + 5 * 0.5) / 6, 0.5]
    np.testing.assert_allclose(task_rate(outcomes, tasks, train, 0.5), expected)
