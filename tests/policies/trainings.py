"""Small trainings to test with."""

from __future__ import annotations

from typing import Any

from agents.learners import load_learner
from envs.reward import RewardWeights
from journeys.loading import load_journey
from personas.persona import load_population
from policies.families import baseline
from policies.training.env_group import Setting
from policies.training.ppo import PPO, PPOSettings

SMALL: dict[str, Any] = {"total_steps": 1024, "num_envs": 32, "n_steps": 8, "batch_size": 64, "hidden": 8}


def setting(journey: str = "tiny", learner: str = "bkt", population: str = "mixed") -> Setting:
    return Setting(load_journey(journey), load_population(population), load_learner(learner))


def training(*practice: Setting, seed: int = 3, most_decisions: int = 400, **settings: Any) -> PPO:
    """A training of a few rollouts of 256 decisions that imitates greedy first."""
    practised = practice or (setting(),)
    teacher = baseline("greedy", practised[0].journey)
    return PPO(PPOSettings(**{**SMALL, **settings}), practised, RewardWeights(), seed, teacher, most_decisions)
