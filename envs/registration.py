"""Gymnasium ids: `gym.make("Handrail/Onboarding-v0")` and `gym.make_vec` of the same id."""

from __future__ import annotations

import gymnasium as gym

from agents.learners import load_learner
from envs.vector import OnboardingVectorEnv
from journeys.loading import load_journey
from personas.persona import load_population

ENV_ID = "Handrail/Onboarding-v0"


def make_vector(
    num_envs: int = 1, journey: str = "tiny", population: str = "mixed", learner: str = "bkt", **rest: object
) -> gym.vector.VectorEnv:
    """Vector entry point of `gym.make_vec(ENV_ID, num_envs, vectorization_mode="vector_entry_point")`."""
    people, model = load_population(population), load_learner(learner)
    return OnboardingVectorEnv(load_journey(journey), people, num_envs, learner=model, **rest)  # type: ignore[arg-type]


def register() -> None:
    """Register the environment once."""
    if ENV_ID not in gym.registry:
        gym.register(ENV_ID, entry_point="envs.onboarding:OnboardingEnv", vector_entry_point=make_vector)
