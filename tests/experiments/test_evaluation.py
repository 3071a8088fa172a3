"""Evaluation is on held-out users, with one seed for all policies, and its measures and counts mean what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from agents.kernel import TERMS, TIME
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from experiments import compare, evaluation
from experiments.contestants import contestants
from experiments.evaluation import ASKED, MEASURE_NAMES, STRUGGLE_LEVELS, UNASKED, count_offers, evaluate, measures_of
from experiments.settings import HELD_OUT, Problem, SettingsError, fill
from experiments.train import TrainSettings
from journeys.actions import HINT, N_RUNGS, n_actions
from journeys.loading import load_journey
from journeys.observation import USER_INDEX, observation_size
from personas.persona import load_population
from policies.training.rollout import Moment, Played, play

PROBLEM = Problem(load_journey("tiny"), load_population("mixed"), RewardWeights())
STEPS, SKILLS = len(PROBLEM.journey.steps), len(PROBLEM.journey.skills)
USERS = 50
LAST_SEED_OF_TRAINING = 2**32 - 1


def seed_of_training(seed: int) -> TrainSettings:
    given = {"seed": seed, "baselines": [], "evaluation": {"users": 2, "references": ["greedy"]}, "resume": None}
    given["practice"] = {"learners": None, "populations": None, "random_journeys": 0}
    return fill(TrainSettings, given, "")


def test_seeds_of_evaluation_lie_above_every_seed_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seed_of_training(LAST_SEED_OF_TRAINING).seed == LAST_SEED_OF_TRAINING
    with pytest.raises(SettingsError, match="seed"):
        seed_of_training(LAST_SEED_OF_TRAINING + 1)
    seeds: list[int] = []

    def spy(journey: Any, population: Any, policy: Any, users: int, seed: int, *more: Any) -> Played:
        seeds.append(seed)
        return play(journey, population, policy, users, seed, *more)

    monkeypatch.setattr(evaluation, "play", spy)
    for seed in (0, 7, LAST_SEED_OF_TRAINING):
        evaluate(PROBLEM, *contestants(["fixed"], PROBLEM.journey), 5, seed)
    assert [seed - HELD_OUT for seed in seeds] == [0, 7, LAST_SEED_OF_TRAINING]
    assert min(seeds) > LAST_SEED_OF_TRAINING


def test_the_users_of_an_evaluation_are_not_those_of_training() -> None:
    """Of the same seed, training and evaluation meet different people: their traits are drawn anew."""
    policy = contestants(["fixed"], PROBLEM.journey)[0]
    env = OnboardingVectorEnv(PROBLEM.journey, PROBLEM.population, USERS)
    env.reset(seed=3)
    met = play(PROBLEM.journey, PROBLEM.population, policy, USERS, 3).world.traits_flat
    held_out = play(PROBLEM.journey, PROBLEM.population, policy, USERS, 3 + HELD_OUT).world.traits_flat
    assert np.array_equal(env.world.traits_flat, met), "one seed is one set of people, whoever plays"
    assert not (met == held_out).all(axis=1).any()


def test_all_policies_are_played_with_one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def spy(problem: Problem, policy: Any, users: int, seed: int, on_done: Any) -> Any:
        seeds.append(seed)
        return evaluate(problem, policy, users, seed, on_done)

    monkeypatch.setattr(compare, "evaluate", spy)
    policies = contestants(["random", "fixed", "greedy"], PROBLEM.journey)
    played = compare.evaluate_all(Console(quiet=True), PROBLEM, policies, USERS, 5)
    assert seeds == [5, 5, 5]
    for other in played[1:]:
        np.testing.assert_array_equal(other.personas, played[0].personas)


def test_time_is_in_minutes() -> None:
    """The reward term is in hours; half an hour is 30 minutes."""
    terms = np.zeros((1, len(TERMS)))
    terms[0, TIME] = 0.5
    assert measures_of(terms, RewardWeights(), np.zeros(1), np.zeros(1))[0, MEASURE_NAMES.index("time")] == 30.0


@pytest.mark.parametrize("asked", [UNASKED, ASKED])
@pytest.mark.parametrize(("struggle", "level"), [(0.0, 0), (0.05, 0), (0.15, 1), (0.85, 8), (1.0, STRUGGLE_LEVELS - 1)])
def test_offers_are_counted_at_their_struggle(struggle: float, level: int, asked: int) -> None:
    """One moment with a hint: counted where it belongs, calm at 0 and the greatest struggle at 9."""
    actions = n_actions(STEPS)
    base = actions - evaluation.N_CHANNELS - N_RUNGS
    observations, masks = np.zeros((1, observation_size(STEPS, SKILLS)), np.float32), np.zeros((1, actions), bool)
    observations[0, USER_INDEX["struggle"]], observations[0, USER_INDEX["asked_now"]] = struggle, asked
    masks[0, base : base + N_RUNGS] = True
    choices: Any = SimpleNamespace(actions=np.array([base + HINT]))
    world: Any = None
    counted = np.zeros((2, STRUGGLE_LEVELS, N_RUNGS), np.int64)
    count_offers(Moment(world, np.zeros(1, int), observations, masks, np.zeros(1, np.uint64), choices), counted)
    assert counted.sum() == 1
    assert counted[asked, level, HINT] == 1
