"""Where users forget, reviews of earlier steps are legal and useful: the same people with and without them, same luck.

On `course`, greedy on the belief, 4,000 users. Useful: more is retained at the horizon, and the return is
higher where the weights ask for that (`conf/env/learning.yaml`). Under the default weights, which count completion
first, each review costs some completion and does not pay: docs/decision-problem.md says so.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml

from agents.kernel import SKILL_GAINED
from agents.learners import load_learner
from envs.reward import RewardWeights
from journeys.actions import N_CHANNELS, N_RUNGS, N_VARIANTS
from journeys.loading import load_journey
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_SIZE
from personas.persona import load_population
from policies.greedy_belief import greedy_belief
from policies.protocol import Choices
from policies.training.rollout import Played, play

pytestmark = pytest.mark.slow

USERS, SEED = 4_000, 3
CONF = Path(__file__).resolve().parents[2] / "conf" / "env"


class WithoutReviews:
    """Greedy on the belief, which may select no step that is done."""

    name = "without reviews"

    def __init__(self) -> None:
        self.greedy, self.withheld = greedy_belief(), 0

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        raise AssertionError("nobody asks for these")

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        n_steps = (masks.shape[1] - N_RUNGS - N_CHANNELS) // N_VARIANTS
        blocks = observations[:, USER_SIZE : USER_SIZE + n_steps * STEP_SIZE].reshape(-1, n_steps, STEP_SIZE)
        reviews = np.zeros_like(masks)
        reviews[:, : N_VARIANTS * n_steps] = np.repeat(blocks[:, :, STEP_INDEX["review"]] > 0.5, N_VARIANTS, axis=1)
        self.withheld += int((reviews & masks).any(axis=1).sum())
        return self.greedy.decide(observations, masks & ~reviews, keys)


@cache
def both() -> tuple[Played, Played, int]:
    """With reviews, without, and how often one was withheld."""
    journey, people, learner = load_journey("course"), load_population("mixed"), load_learner("bkt_forgetting")
    without = WithoutReviews()
    one = play(journey, people, greedy_belief(), USERS, SEED, learner=learner)
    other = play(journey, people, without, USERS, SEED, learner=learner)
    return one, other, without.withheld


def standard_errors(difference: np.ndarray) -> float:
    """Mean over its standard error."""
    return float(difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference))))


def test_reviews_are_legal_and_not_rare() -> None:
    assert both()[2] > USERS / 10


def test_more_is_retained_at_the_horizon() -> None:
    with_reviews, without, _ = both()
    assert standard_errors(with_reviews.terms[:, SKILL_GAINED] - without.terms[:, SKILL_GAINED]) > 3.0


def test_where_learning_counts_they_pay() -> None:
    with_reviews, without, _ = both()
    default, own = (yaml.safe_load((CONF / f"{name}.yaml").read_text()) for name in ("default", "learning"))
    weights = RewardWeights(**{**default, **{name: value for name, value in own.items() if name != "defaults"}})
    assert standard_errors((with_reviews.terms - without.terms) @ weights.array()) > 2.0
