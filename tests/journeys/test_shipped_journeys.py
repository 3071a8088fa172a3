"""What the shipped journeys promise: they can be gone through in order, and are as hard as their files say."""

from __future__ import annotations

from math import log, prod

import numpy as np
import pytest

from journeys.checks import counts
from journeys.knowledge import LEARN_OF_WATCHING
from journeys.loading import load_journey, shipped
from journeys.plan import MINUTE_S, compile_plan
from journeys.spec import Journey, Skill

N_USERS = 20_000  # standard error of a share below 0.004
STANDARD, UNAIDED = 1, 0


def first_attempts(journey: Journey) -> dict[str, float]:
    """P(first attempt succeeds) at each required quiz and task, for typical users in file order, unaided, in one go.

    Written with the plan's tables and nothing of the kernel.
    """
    plan, luck = compile_plan(journey), np.random.default_rng(20)
    number = {skill.name: k for k, skill in enumerate(journey.skills)}
    known = luck.random((N_USERS, len(number))) < plan.prior
    shares = {}
    for s, (step, needed) in enumerate(zip(journey.steps, counts(journey), strict=True)):
        exercised = [number[name] for name in {*step.needs, *step.teaches}]
        busy, attempts = np.full(N_USERS, needed), 0
        while busy.any():
            chance = np.where(
                known[:, exercised].all(axis=1), 1 - plan.slip[s, STANDARD], plan.guess[s, STANDARD, UNAIDED]
            )
            passed = (luck.random(N_USERS) < chance) | (step.kind == "video")
            for k in (number[name] for name in step.teaches):
                learn = plan.learn[k, STANDARD, UNAIDED] * (LEARN_OF_WATCHING if step.kind == "video" else 1.0)
                known[:, k] |= busy & (luck.random(N_USERS) < learn)
            if attempts == 0 and step.kind != "video":
                shares[step.name] = float(passed.mean())
            busy &= ~passed
            attempts += 1
    return shares


def log_odds(p: float) -> float:
    return log(p / (1.0 - p))


def gain_of_one_practice(skill: Skill) -> float:
    """How much a practice adds to the log-odds of success of users of whom the prior share has the skill."""
    after = skill.prior + (1.0 - skill.prior) * skill.learn
    before_it, after_it = (p * (1.0 - skill.slip) + (1.0 - p) * skill.guess for p in (skill.prior, after))
    return log_odds(after_it) - log_odds(before_it)


@pytest.mark.parametrize("name", shipped())
def test_steps_stand_in_an_order_in_which_they_can_be_done(name: str) -> None:
    """Those without consent get the first open step: the file's order has to be one that an author means."""
    done: set[str] = set()
    for step in load_journey(name).steps:
        assert set(step.after) <= done
        done.add(step.name)


@pytest.mark.parametrize("name", shipped())
def test_what_a_step_needs_some_earlier_step_teaches(name: str) -> None:
    taught: set[str] = set()
    for step in load_journey(name).steps:
        assert set(step.needs) <= taught
        taught |= set(step.teaches)


@pytest.mark.parametrize("name", ["creator", "course"])
def test_the_new_journeys_are_rich(name: str) -> None:
    journey = load_journey(name)
    assert 10 <= len(journey.steps) <= 14
    assert 5 <= len(journey.skills) <= 7
    assert 2 <= len(journey.goals) <= 4
    assert any(step.kind == "video" for step in journey.steps)
    assert not all(counts(journey))
    needed = {skill for step in journey.steps for skill in step.needs}
    optional = [step for step, count in zip(journey.steps, counts(journey), strict=True) if not count]
    assert {skill for step in optional for skill in step.teaches} & needed
    words = [text for step in journey.steps for text in (step.help.hint, step.help.guidance, step.help.full)]
    assert len(set(words)) == len(words)
    served = [set(goal.steps) for goal in journey.goals]
    assert all(goal - set().union(*(other for other in served if other is not goal)) for goal in served), "each its own"
    assert all(skill.slip <= 0.1 and skill.guess <= 0.3 for skill in journey.skills)


def test_only_the_course_is_forgotten() -> None:
    assert {name for name in shipped() if load_journey(name).rules.forgetting} == {"course"}


def test_the_first_attempt_in_the_course_succeeds_in_65_percent() -> None:
    shares = first_attempts(load_journey("course"))
    assert np.mean(list(shares.values())) == pytest.approx(0.65, abs=0.02)
    assert all(0.5 < share < 0.8 for share in shares.values()), shares


def test_a_practice_in_the_course_adds_what_two_or_three_items_add() -> None:
    gains = {skill.name: gain_of_one_practice(skill) for skill in load_journey("course").skills}
    assert all(0.2 <= gain <= 0.35 for gain in gains.values()), gains


def test_the_course_takes_several_sessions() -> None:
    """The median newcomer plans 22 minutes: the required steps alone are four times that."""
    journey = load_journey("course")
    plan = compile_plan(journey)
    seconds = plan.steps["seconds"][plan.steps["required"] == 1].sum()
    assert seconds > 3.5 * 22 * MINUTE_S
    assert seconds < journey.rules.time_budget_minutes * MINUTE_S


def test_the_simulation_of_first_attempts_agrees_with_a_closed_form() -> None:
    """The very first step of `saas` is met with the prior alone."""
    journey = load_journey("saas")
    plan, step = compile_plan(journey), journey.steps[0]
    known = prod(skill.prior for skill in journey.skills if skill.name in {*step.needs, *step.teaches})
    expected = known * (1 - plan.slip[0, STANDARD]) + (1 - known) * plan.guess[0, STANDARD, UNAIDED]
    assert first_attempts(journey)[step.name] == pytest.approx(expected, abs=0.02)
