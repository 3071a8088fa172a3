"""What the kernel refreshes in place is what would be written afresh, whoever lives how, and on any sound journey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.learners import load_learner
from envs.vector import OnboardingVectorEnv
from journeys.observation import entry_names, look
from journeys.spec import Journey
from journeys.state import NOWHERE
from personas.persona import shipped
from tests.envs.lives import legal_picks
from tests.journeys.random_logs import journeys
from tests.journeys.studio import STUDIO
from tests.personas.typical import RESTLESS

LEARNERS = shipped("learner")


def check_views(env: OnboardingVectorEnv, seed: int, steps: int) -> int:
    """Step and compare every row's observation and mask; returns how often somebody began another step than offered."""
    _, info = env.reset(seed=seed)
    world, rows = env.world, np.arange(env.num_envs)
    fresh, masks = np.empty_like(world.observations), np.empty_like(world.masks)
    names = entry_names(env.journey.step_names(), tuple(skill.name for skill in env.journey.skills))
    strayed = 0
    for _ in range(steps):
        info = env.step(legal_picks(info["action_mask"], info["event_key"]))[-1]
        look(env.plan, world.users, world.steps, world.skills, rows, fresh, masks)
        differ = {names[entry] for entry in np.flatnonzero((fresh != world.observations).any(axis=0))}
        assert not differ
        np.testing.assert_array_equal(masks, world.masks)
        np.testing.assert_array_equal(world.minds["done"], world.users["done"])
        current = world.users["current"]
        np.testing.assert_array_equal(np.where(world.minds["started"], world.minds["step"], NOWHERE), current)
        strayed += int(((current != NOWHERE) & (current != world.users["offered"])).sum())
    return strayed


@pytest.mark.parametrize("learner", LEARNERS)
def test_views_are_as_if_written_afresh_though_users_stray(learner: str) -> None:
    assert check_views(OnboardingVectorEnv(STUDIO, RESTLESS, 96, learner=load_learner(learner)), 8, 120) > 96


@settings(max_examples=40)
@given(journeys(), st.sampled_from(LEARNERS), st.integers(0, 1000))
def test_views_are_as_if_written_afresh_on_any_journey(journey: Journey, learner: str, seed: int) -> None:
    check_views(OnboardingVectorEnv(journey, RESTLESS, 24, learner=load_learner(learner)), seed, 40)
