"""Random journeys are sound, wide enough for the shipped ones to look like draws, and can be lived in."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.vector import OnboardingVectorEnv
from journeys.checks import counts, faults_of
from journeys.loading import load_journey, shipped
from journeys.observation import observation_size
from journeys.plan import compile_plan
from journeys.spec import Journey
from personas.persona import load_population
from policies.protocol import draw
from policies.training.random_journeys import GUESS, LEARN, PRIOR, SLIP, random_journey

DRAWS = 500
seeds = st.integers(0, 2**63 - 1)


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_every_draw_is_sound_and_the_same_again(seed: int) -> None:
    journey = random_journey(seed)
    assert faults_of(journey) == []
    assert random_journey(seed).hash() == journey.hash()
    plan = compile_plan(journey)
    assert 4 <= len(plan.steps) <= 16
    assert 2 <= len(plan.prior) <= 8
    for name, (low, high) in {"prior": PRIOR, "learn": LEARN, "slip": SLIP, "guess": GUESS}.items():
        assert all(low <= getattr(skill, name) <= high for skill in journey.skills)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_draw_can_be_lived_in(seed: int) -> None:
    """Fifty random legal decisions of eight users: something is always legal, and every observation is in its range."""
    journey = random_journey(seed)
    env = OnboardingVectorEnv(journey, load_population("mixed"), 8)
    observations, info = env.reset(seed=seed % 2**31)
    assert observations.shape == (8, observation_size(len(journey.steps), len(journey.skills)))
    for _ in range(50):
        legal = info["action_mask"]
        assert legal.any(axis=1).all()
        actions = draw(legal / legal.sum(axis=1, keepdims=True), info["event_key"]).actions
        observations, rewards, _, _, info = env.step(actions)
        assert np.isfinite(rewards).all()
        assert ((observations >= 0.0) & (observations <= 1.0)).all()


def figures(journey: Journey) -> dict[str, float]:
    """What one would say of a journey in a line."""
    return {
        "steps": len(journey.steps),
        "skills": len(journey.skills),
        "minutes": sum(step.minutes for step in journey.steps),
        "share required": sum(counts(journey)) / len(journey.steps),
        "mean prior": float(np.mean([skill.prior for skill in journey.skills])),
        "mean learn": float(np.mean([skill.learn for skill in journey.skills])),
        "prerequisites of a step": sum(len(step.after) for step in journey.steps) / len(journey.steps),
        "skills needed by a step": sum(len(step.needs) for step in journey.steps) / len(journey.steps),
        "share teaching": sum(bool(step.teaches) for step in journey.steps) / len(journey.steps),
        "share watched": sum(step.kind == "video" for step in journey.steps) / len(journey.steps),
    }


@cache
def drawn() -> list[Journey]:
    return [random_journey(seed) for seed in range(DRAWS)]


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_journey_looks_like_a_draw_and_is_none(name: str) -> None:
    journey = load_journey(name)
    for what, value in figures(journey).items():
        low, high = np.quantile([figures(other)[what] for other in drawn()], [0.01, 0.99])
        assert low <= value <= high, f"{what}: {value} is outside {low:.3g} to {high:.3g}"
    assert journey.hash() not in {other.hash() for other in drawn()}


def test_draws_differ_in_everything() -> None:
    journeys = drawn()
    assert len({msg.hash() for msg in journeys}) == DRAWS
    assert {len(journey.steps) for journey in journeys} == set(range(4, 17))
    assert {step.kind for journey in journeys for step in journey.steps} == {
        "task", "form", "video", "quiz", "integration"
    }  # fmt: skip
    assert {step.difficulties for journey in journeys for step in journey.steps} >= {("standard",), ("easy", "hard")}
    for what in ("forgetting", "human_support"):
        assert 0.4 < np.mean([getattr(journey.rules, what) for journey in journeys]) < 0.95
    assert {len(journey.goals) for journey in journeys} == {0, 1, 2, 3, 4}
    assert 0.05 < np.mean([journey.completed_when == "all" for journey in journeys]) < 0.15
