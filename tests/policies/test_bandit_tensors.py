"""A bandit as tensors: back to the very bandit, or a complaint that names the tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest

from envs.reward import RewardWeights
from journeys.loading import load_journey
from policies.bandits.settings import BanditSettings, settings_from
from policies.bandits.tensors import learner_from, names_of, tensors_of
from tests.policies.bandit_learners import SETTINGS, family_of, random_learner

TINY = load_journey("tiny")


@pytest.mark.parametrize("name", SETTINGS)
def test_there_and_back(name: str) -> None:
    tensors = tensors_of(random_learner(name, TINY))
    assert tuple(tensors) == names_of(family_of(name))
    again = tensors_of(learner_from(family_of(name), tensors, TINY))
    for tensor, values in tensors.items():
        np.testing.assert_array_equal(values, again[tensor])


@pytest.mark.parametrize("name", ["linucb drifting", "neural_linear", "recovering"])
def test_what_is_wrong_with_a_tensor_is_named(name: str) -> None:
    family, sound = family_of(name), tensors_of(random_learner(name, TINY))
    for tensor, values in sound.items():
        broken = {
            "missing": {k: v for k, v in sound.items() if k != tensor},
            "expected": {**sound, tensor: np.zeros((*values.shape, 2), values.dtype)},
            "not finite|expected": {**sound, tensor: np.full_like(values, np.nan, dtype=float)},
        }
        if not values.size:  # without drift there is no such sum: nothing in it can be wrong
            del broken["not finite|expected"]
        for complaint, tensors in broken.items():
            with pytest.raises(ValueError, match=complaint) as found:
                learner_from(family, tensors, TINY)
            if not tensor.endswith((".b1", ".b2")):  # by these the other tensors of a network are measured
                assert f"'{tensor}'" in str(found.value)


def test_what_it_learns_leaves_the_tensors_alone() -> None:
    tensors = tensors_of(random_learner("linucb", TINY))
    before = {name: values.copy() for name, values in tensors.items()}
    learner_from("linucb", tensors, TINY).sums.moment[:] = 7.0
    for name, values in tensors.items():
        np.testing.assert_array_equal(values, before[name])


def test_what_counts_by_default_is_the_reward_of_the_simulation() -> None:
    """The light half cannot import it."""
    assert BanditSettings().weights == astuple(RewardWeights())


def test_settings_are_numbers_and_back() -> None:
    for settings in (*SETTINGS.values(), BanditSettings(shared=False, weights=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))):
        assert settings_from(settings.numbers()) == settings


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"scale": -1.0}, "scale"),
        ({"uniform": 1.5}, "uniform"),
        ({"ridge": 0.0}, "ridge"),
        ({"discount": 0.0}, "discount"),
    ],
)
def test_settings_that_cannot_be_are_named(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=f"{named}=.*Mend: "):
        BanditSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tensor", "broken", "complaint"),
    [
        ("sums.precision", lambda p: -p, "no sum of products"),
        ("sums.precision", lambda p: p + np.triu(np.ones_like(p[0]), 1), "not symmetric"),
        ("sums.moment", lambda m: m + 1e300, "too large"),
        ("sums.seen", lambda s: -s, "counts observations beyond"),
        ("sums.touched", lambda t: t + 2**60, "counts observations beyond"),
        ("settings", lambda s: np.where(np.arange(len(s)) == 3, 0.5, s), "neither 0 nor 1"),
    ],
)
def test_sums_that_no_observations_add_up_to_are_refused(
    tensor: str, broken: Callable[[np.ndarray], np.ndarray], complaint: str
) -> None:
    tensors = tensors_of(random_learner("linucb", TINY))
    with pytest.raises(ValueError, match=complaint):
        learner_from("linucb", {**tensors, tensor: broken(tensors[tensor])}, TINY)
