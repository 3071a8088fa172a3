"""A cohort on several workers leaves the very log of one process, and a bandit learns the very same from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from agents.learners import load_learner
from envs.reward import RewardWeights
from experiments.algorithms import algorithm_of, run_algorithm
from experiments.scale.backend import HERE, BackendSettings
from experiments.scale.cohorts import cohort_on
from journeys.loading import load_journey
from personas.persona import load_population
from policies.training.cohort_log import Cohort, CohortLog, cohort_log
from policies.training.env_group import Setting
from policies.training.trained import Trained
from tests.policies.moments import make_policy

RAY = BackendSettings("ray", workers=2)
SETTING = Setting(load_journey("tiny"), load_population("mixed"), load_learner("bkt"))
COHORT = Cohort(SETTING, make_policy("thompson", "tiny"), 70, 3, 11, RewardWeights())


def check_same(one: CohortLog, other: CohortLog) -> None:
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("size", [1, 16, 69, 70])
def test_shards_of_a_cohort_make_up_its_log(size: int) -> None:
    check_same(cohort_on(HERE, size)(COHORT), cohort_log(COHORT))


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_workers_of_ray_make_up_its_log(cluster: None) -> None:
    check_same(cohort_on(RAY, 16)(COHORT), cohort_log(COHORT))


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.parametrize("name", ["linucb", "neural_linear"])
def test_a_bandit_trained_on_ray_is_the_one_trained_here(name: str, cluster: None) -> None:
    here, there = trained(name, HERE), trained(name, RAY)
    assert here.tensors.keys() == there.tensors.keys()
    for tensor, values in here.tensors.items():
        np.testing.assert_array_equal(values, there.tensors[tensor])


def trained(name: str, backend: BackendSettings) -> Trained:
    files = (("policy", name), ("training", "bandit"))
    config = {group: yaml.safe_load(Path(f"conf/{group}/{file}.yaml").read_text()) for group, file in files}
    config["training"] |= {"total_steps": 2_000, "cohort": 600}
    nowhere = Path("no checkpoint")
    return run_algorithm(algorithm_of(config), [SETTING], RewardWeights(), 5, lambda _: None, nowhere, None, backend)
