"""Beliefs after whole sequences of attempts at several skills: the fold against tracing from the journey file.

The factor tables are the one thing shared; a test below pins what they come to at each difficulty and rung.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import ACCEPT, EVENT, FAIL, START, SUCCEED
from journeys.fold import blank_states, fold
from journeys.loading import journey_from, load_journey, shipped
from journeys.plan import compile_plan
from journeys.spec import Journey
from tests.journeys.random_logs import HELP, START_MS
from tests.journeys.textbook_tracing import Attempt, guess_of, learn_of, slip_of, traced

chances = st.floats(0.02, 0.98)


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    """Two to four skills, each with its own four numbers, and up to four steps over any of them."""
    names = [f"skill-{k}" for k in range(draw(st.integers(2, 4)))]
    skills = [
        {
            "name": name,
            "prior": draw(chances),
            "learn": draw(chances),
            "slip": draw(st.floats(0.01, 0.3)),
            "guess": draw(st.floats(0.01, 0.5)),
        }
        for name in names
    ]
    some = st.sets(st.sampled_from(names), min_size=1).map(sorted)
    steps = [{"name": "all", "help": HELP, "needs": names[1:], "teaches": names[:1]}]
    for s in range(draw(st.integers(1, 3))):
        needs, teaches = draw(st.just([]) | some), draw(some)
        steps.append({"name": f"step-{s}", "help": HELP, "needs": needs, "teaches": teaches})
    return journey_from({"name": "several", "skills": skills, "steps": steps}, "several")


def attempts_at(n_steps: int) -> st.SearchStrategy[list[Attempt]]:
    """Sequences of attempts at any of `n_steps` steps, with any difficulty, help and outcome."""
    one = st.builds(Attempt, st.integers(0, n_steps - 1), st.integers(0, 2), st.integers(0, 4), st.booleans())
    return st.lists(one, min_size=1, max_size=12)


def folded(journey: Journey, attempts: list[Attempt]) -> dict[str, float]:
    """Beliefs that the fold holds after the events of the attempts."""
    plan = compile_plan(journey)
    state, event = blank_states(plan, 1), np.zeros(1, EVENT).view(np.recarray)[0]
    event.time = START_MS
    for attempt in attempts:
        event.step, event.variant, event.rung = attempt.step, attempt.difficulty, attempt.rung
        for kind in (START, *([ACCEPT] if attempt.rung else []), SUCCEED if attempt.success else FAIL):
            event.kind = kind
            fold(plan, state.users[0], state.steps[0], state.skills[0], event)
    return dict(zip([skill.name for skill in journey.skills], state.skills["belief"][0].tolist(), strict=True))


@given(journeys(), st.data())
def test_sequences_at_several_skills_are_traced_as_the_textbook_does(journey: Journey, data: st.DataObject) -> None:
    attempts = data.draw(attempts_at(len(journey.steps)))
    assert folded(journey, attempts) == pytest.approx(traced(journey, attempts), rel=1e-9)


@pytest.mark.parametrize("name", shipped())
@given(st.data())
def test_shipped_journeys_are_traced_as_the_textbook_does(name: str, data: st.DataObject) -> None:
    journey = load_journey(name)
    attempts = data.draw(attempts_at(len(journey.steps)))
    assert folded(journey, attempts) == pytest.approx(traced(journey, attempts), rel=1e-9)


@pytest.mark.parametrize(
    ("difficulty", "rung", "slip", "guess", "learn"),
    [  # of slip .1 (odds 1/9), guess .2 (odds 1/4), learn .2
        (0, 0, 0.6 / 9.6, 0.5 / 1.5, 0.15),
        (1, 0, 0.1, 0.2, 0.2),
        (2, 0, 1.6 / 10.6, 0.125 / 1.125, 0.25),
        (1, 1, 0.1, 0.5 / 1.5, 0.25),
        (1, 2, 0.1, 1.125 / 2.125, 0.28),
        (1, 3, 0.1, 6.0 / 7.0, 0.14),
        (1, 4, 0.1, 8.0 / 9.0, 0.24),
        (2, 3, 1.6 / 10.6, 3.0 / 4.0, 0.175),
    ],
)
def test_what_difficulty_and_help_come_to(difficulty: int, rung: int, slip: float, guess: float, learn: float) -> None:
    """Worked out by hand, so that a factor changed by mistake shows; in the tracing above and in the plan alike."""
    skill = {"name": "skill", "prior": 0.3, "learn": 0.2, "slip": 0.1, "guess": 0.2}
    step = {"name": "practice", "help": HELP, "teaches": ["skill"]}
    journey = journey_from({"name": "one", "skills": [skill], "steps": [step]}, "one")
    attempt, plan = Attempt(0, difficulty, rung, True), compile_plan(journey)
    expected = pytest.approx((slip, guess, learn))
    assert (slip_of(journey, attempt), guess_of(journey, attempt), learn_of(journey.skills[0], attempt)) == expected
    assert (plan.slip[0, difficulty], plan.guess[0, difficulty, rung], plan.learn[0, difficulty, rung]) == expected
