"""Hidden state as numbers: the critic's, and nobody else's."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners import load_learner
from envs.hidden import FEELINGS, HIDDEN_SIZE, N_TRAITS
from envs.vector import OnboardingVectorEnv
from journeys.loading import load_journey
from personas.persona import load_population
from personas.traits import TRAIT_NAMES
from policies.training.exact.kinds import calm_population


def env_of(learner: str = "bkt", steps: int = 30) -> OnboardingVectorEnv:
    env = OnboardingVectorEnv(load_journey("saas"), load_population("mixed"), 50, learner=load_learner(learner))
    env.reset(seed=2)
    for _ in range(steps):
        env.step(env.action_masks().argmax(axis=1))
    return env


@pytest.mark.parametrize("learner", ["bkt", "bkt_forgetting", "afm", "irt_forgetting"])
def test_it_is_finite_and_holds_what_the_mind_holds(learner: str) -> None:
    env = env_of(learner)
    hidden, minds = env.hidden(), env.world.minds
    assert hidden.shape == (50, HIDDEN_SIZE + len(env.plan.prior))
    assert np.isfinite(hidden).all()
    at = N_TRAITS + FEELINGS.index("motivation")
    np.testing.assert_allclose(hidden[:, at], minds["motivation"], rtol=1e-6)
    np.testing.assert_allclose(hidden[:, N_TRAITS + FEELINGS.index("skill")], minds["skill"], rtol=1e-6)
    pace = TRAIT_NAMES.index("pace")
    np.testing.assert_allclose(hidden[:, pace], np.log(env.world.traits["pace"]), rtol=1e-5)


def test_binary_mastery_without_forgetting_shows_the_skills_themselves() -> None:
    env = env_of()
    skills = env.hidden()[:, HIDDEN_SIZE:]
    known = env.world.minds["known"][:, None] >> np.arange(skills.shape[1], dtype=np.uint64) & np.uint64(1)
    np.testing.assert_array_equal(skills, known)


def test_some_rows_are_the_rows_of_all() -> None:
    env = env_of()
    rows = np.array([3, 0, 17])
    np.testing.assert_array_equal(env.hidden(rows), env.hidden()[rows])


def test_endless_traits_stay_finite() -> None:
    env = OnboardingVectorEnv(load_journey("tiny"), calm_population(), 20)
    env.reset(seed=0)
    assert np.isfinite(env.hidden()).all()


def test_a_snapshot_goes_on_to_the_same_life() -> None:
    env, other = env_of(steps=10), env_of(steps=3)
    other.restore(env.snapshot(), env.seed)
    for _ in range(40):
        actions = env.action_masks().argmax(axis=1)
        one, two = env.step(actions), other.step(actions)
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])


def test_a_snapshot_of_another_environment_is_refused() -> None:
    small = OnboardingVectorEnv(load_journey("tiny"), load_population("mixed"), 5)
    with pytest.raises(ValueError, match=r"bytes, not.*Mend"):
        env_of(steps=1).restore(small.snapshot(), 0)
