"""The fold's belief is the exact posterior, computed here by enumeration over everything that may be hidden."""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import ACCEPT, EVENT, FAIL, START, SUCCEED
from journeys.fold import blank_states, fold
from journeys.knowledge import scale_odds
from journeys.loading import journey_from, load_journey, shipped
from journeys.plan import Plan, compile_plan
from tests.journeys.random_logs import HELP, START_MS

attempts = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 4), st.booleans()), max_size=9)
chances = st.floats(0.01, 0.99)


def plan_of(skills: list[dict[str, object]], steps: list[dict[str, object]]) -> Plan:
    """Compiled journey of these skills and steps."""
    raw = {"name": "exact", "skills": skills, "steps": [{"help": HELP, **step} for step in steps]}
    return compile_plan(journey_from(raw, "exact"))


def beliefs_after(plan: Plan, tries: list[tuple[int, int, int, bool]]) -> np.ndarray:
    """Beliefs after attempts (step, variant, rung of help taken, success), shape `(K,)`."""
    state = blank_states(plan, 1)
    event = np.zeros(1, EVENT).view(np.recarray)[0]
    event.time = START_MS
    for step, variant, rung, success in tries:
        event.step, event.variant, event.rung = step, variant, rung
        for kind in (START, *([ACCEPT] if rung else []), SUCCEED if success else FAIL):
            event.kind = kind
            fold(plan, state.users[0], state.steps[0], state.skills[0], event)
    return np.array(state.skills["belief"][0])


def enumerated(plan: Plan, tries: list[tuple[int, int, int, bool]]) -> float:
    """P(known at the end | outcomes), summed over the practice (or birth, or never) at which it came to be known."""
    teaches = [plan.steps["taught"][step] == 1 for step, *_ in tries]
    joint = {True: 0.0, False: 0.0}
    for learned_at in range(-1, len(tries) + 1):  # -1: known from the start; len(tries): never learned
        p = plan.prior[0] if learned_at == -1 else 1.0 - plan.prior[0]
        for i, (step, variant, rung, success) in enumerate(tries):
            known = learned_at < i
            fails = plan.slip[step, variant] if known else 1.0 - plan.guess[step, variant, rung]
            p *= 1.0 - fails if success else fails
            if not known:
                learn = plan.learn[0, variant, rung] if teaches[i] else 0.0
                p *= learn if learned_at == i else 1.0 - learn
        joint[learned_at < len(tries)] += p
    return joint[True] / (joint[True] + joint[False])


@given(attempts, chances, chances, st.floats(0.01, 0.1), st.floats(0.01, 0.3))
def test_one_skill_is_traced_exactly(
    tries: list[tuple[int, int, int, bool]], prior: float, learn: float, slip: float, guess: float
) -> None:
    """Bayesian knowledge tracing with difficulty, help and a step that tests without teaching."""
    skill = {"name": "skill", "prior": prior, "learn": learn, "slip": slip, "guess": guess}
    plan = plan_of([skill], [{"name": "practice", "teaches": ["skill"]}, {"name": "test", "needs": ["skill"]}])
    assert beliefs_after(plan, tries)[0] == pytest.approx(enumerated(plan, tries), rel=1e-9)


@given(st.lists(chances, min_size=2, max_size=5), st.integers(0, 2), st.integers(0, 4), st.booleans(), st.data())
def test_marginals_after_one_attempt_at_several_skills_are_exact(
    priors: list[float], variant: int, rung: int, success: bool, data: st.DataObject
) -> None:
    names = [f"skill-{k}" for k in range(len(priors))]
    taught = data.draw(st.lists(st.sampled_from(names), unique=True))
    skills = [{"name": name, "prior": prior} for name, prior in zip(names, priors, strict=True)]
    plan = plan_of(skills, [{"name": "joint", "needs": names, "teaches": taught}])
    slip, guess = plan.slip[0, variant], plan.guess[0, variant, rung]
    total, marginals = 0.0, np.zeros(len(priors))
    for known in product([True, False], repeat=len(priors)):
        p = prod(prior if k else 1.0 - prior for prior, k in zip(priors, known, strict=True))
        p *= ((1.0 - slip) if success else slip) if all(known) else (guess if success else 1.0 - guess)
        total, marginals = total + p, marginals + p * np.array(known)
    marginals /= total
    learn = np.where([name in taught for name in names], plan.learn[:, variant, rung], 0.0)
    expected = marginals + (1.0 - marginals) * learn
    assert beliefs_after(plan, [(0, variant, rung, success)]) == pytest.approx(expected, rel=1e-9)


def test_textbook_numbers() -> None:
    """Corbett and Anderson's update at prior .3, learn .2, slip .1, guess .2."""
    skill = {"name": "skill", "prior": 0.3, "learn": 0.2, "slip": 0.1, "guess": 0.2}
    plan = plan_of([skill], [{"name": "practice", "teaches": ["skill"]}])
    assert beliefs_after(plan, [(0, 1, 0, True)])[0] == pytest.approx((27 / 41) + (14 / 41) * 0.2)
    assert beliefs_after(plan, [(0, 1, 0, False)])[0] == pytest.approx((3 / 59) + (56 / 59) * 0.2)


@given(chances, st.floats(1e-3, 1e3))
def test_scaling_odds(p: float, factor: float) -> None:
    scaled = scale_odds(p, factor)
    assert scaled / (1.0 - scaled) == pytest.approx(factor * p / (1.0 - p), rel=1e-6)
    assert scale_odds(scaled, 1.0 / factor) == pytest.approx(p, rel=1e-6)


@given(st.integers(0, 4))
def test_harder_means_less_guessing_more_slipping_more_learning(rung: int) -> None:
    plan = plan_of([{"name": "skill"}], [{"name": "practice", "teaches": ["skill"]}])
    assert (np.diff(plan.guess[0, :, rung]) < 0).all()
    assert (np.diff(plan.slip[0]) > 0).all()
    assert (np.diff(plan.learn[0, :, rung]) > 0).all()
    assert (np.diff(plan.guess[0], axis=1) > 0).all()  # and more help, more success


@pytest.mark.parametrize("name", shipped())
def test_no_success_speaks_against_knowing(name: str) -> None:
    """Whatever the difficulty and the help: an unknown skill never makes success likelier than a known one."""
    plan = compile_plan(load_journey(name))
    assert (plan.guess <= 1.0 - plan.slip[:, :, None]).all()
