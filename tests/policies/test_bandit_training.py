"""Training a bandit: the same from the same seed, warmed by what was there, and worth something."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners import journey_under, load_learner
from envs.reward import RewardWeights
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bandits.learning import policy_of
from policies.bandits.settings import BANDITS, BanditSettings
from policies.families import baseline, build_policy
from policies.training.bandits import BanditTrainer, BanditTraining, Doubting
from policies.training.cohort_log import Cohort, CohortLog, cohort_log
from policies.training.env_group import Setting
from policies.training.rollout import play
from policies.training.trained import Trained
from tests.policies.moments import moments_of

SHORT = BanditTraining(total_steps=6_000, cohort=150, warm_share=0.5, hidden=8)
WEIGHTS = RewardWeights()


def setting(journey: str = "tiny", learner: str = "bkt") -> Setting:
    return Setting(load_journey(journey), load_population("mixed"), load_learner(learner))


def trained(family: str, seed: int = 1, training: BanditTraining = SHORT) -> Trained:
    return BanditTrainer(family, BanditSettings(scale=0.3), training, [setting()], WEIGHTS, seed).train(lambda _: None)


@pytest.mark.parametrize("family", BANDITS)
def test_the_same_seed_trains_the_same_bandit(family: str) -> None:
    one, other, another = trained(family), trained(family), trained(family, seed=2)
    for name, tensor in one.tensors.items():
        np.testing.assert_array_equal(tensor, other.tensors[name])
    assert not np.array_equal(one.tensors["sums.moment"], another.tensors["sums.moment"])
    assert one.curve[-1].steps == SHORT.total_steps


@pytest.mark.parametrize("family", BANDITS)
def test_what_is_kept_decides_as_what_was_trained(family: str) -> None:
    trainer = BanditTrainer(family, BanditSettings(scale=0.3), SHORT, [setting()], WEIGHTS, 1)
    kept = trainer.train(lambda _: None)
    assert trainer.learner is not None
    policy, moments = policy_of(trainer.learner, trainer.journey), moments_of("tiny")
    again = build_policy(family, kept.tensors, 1.0, trainer.journey)
    np.testing.assert_array_equal(
        policy.probabilities(moments.observations, moments.masks),
        again.probabilities(moments.observations, moments.masks),
    )


def test_the_first_cohorts_are_led_by_the_warm_start() -> None:
    leaders = list[str]()

    def live(cohort: Cohort) -> CohortLog:
        leaders.append(cohort.policy.name)
        return cohort_log(cohort)

    BanditTrainer("linucb", BanditSettings(), SHORT, [setting()], WEIGHTS, 1, live).train(lambda _: None)
    assert leaders[0] == "greedy"
    assert leaders[-1] == "linucb"
    assert leaders == sorted(leaders)


def test_learner_models_take_turns() -> None:
    lived = list[str]()

    def live(cohort: Cohort) -> CohortLog:
        lived.append(cohort.setting.learner.name)
        return cohort_log(cohort)

    practice = [setting(learner="bkt"), setting(learner="irt")]
    BanditTrainer("linucb", BanditSettings(), SHORT, practice, WEIGHTS, 1, live).train(lambda _: None)
    assert lived[:3] == ["bkt", "irt", "bkt"]


def test_who_forgets_is_folded_as_one_who_forgets() -> None:
    """Whether the setting says so, or its learner model does."""
    said, implied = setting(learner="irt_forgetting"), setting(learner="irt_forgetting")
    said = said._replace(journey=journey_under(said.journey, said.learner))
    one, other = (
        BanditTrainer("linucb", BanditSettings(), SHORT, [practice], WEIGHTS, 1).train(lambda _: None)
        for practice in (said, implied)
    )
    np.testing.assert_array_equal(one.tensors["sums.moment"], other.tensors["sums.moment"])


def test_doubt_is_spread_over_what_is_legal() -> None:
    moments, policy = moments_of("tiny"), baseline("greedy", load_journey("tiny"))
    chances = Doubting(policy, 0.4).probabilities(moments.observations, moments.masks)
    legal = moments.masks.sum(axis=1)
    np.testing.assert_allclose(chances.max(axis=1), 0.6 + 0.4 / legal)
    np.testing.assert_allclose(
        chances[moments.masks], np.maximum(chances[moments.masks], 0.4 / np.repeat(legal, legal))
    )


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"cohort": 0}, "training.cohort=0"),
        ({"warm_share": 1.5}, "training.warm_share=1.5"),
        ({"warm_start": "ppo"}, "'ppo'"),
    ],
)
def test_settings_that_cannot_be_are_named(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=f"{named}.*Mend: "):
        BanditTraining(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_bandit_beats_the_rules_on_saas() -> None:
    """4,000 held-out users, the interval clear of zero. The planner's advice does most of it."""
    gain = gain_of(RewardWeights(), "rules")
    assert gain.mean() > 1.96 * gain.std() / len(gain) ** 0.5


@pytest.mark.slow
def test_it_learns_what_the_planner_does_not_know() -> None:
    """Where skill is worth nothing and time much, which the planner does not ask; untrained it would be the planner."""
    gain = gain_of(RewardWeights(skill=0.0, time=-2.0, support=-3.0), "greedy")
    assert gain.mean() > 2.0 * 1.96 * gain.std() / len(gain) ** 0.5


def gain_of(weights: RewardWeights, reference: str) -> np.ndarray:
    """Return `(n,)` of users under a bandit trained for `weights`, less that under a baseline."""
    problem, training = setting("saas"), BanditTraining(total_steps=400_000, cohort=2_048)
    trainer = BanditTrainer("linucb", BanditSettings(scale=0.1), training, [problem], weights, 4)
    trainer.train(lambda _: None)
    assert trainer.learner is not None
    policies = policy_of(trainer.learner, problem.journey), baseline(reference, problem.journey)
    ours, theirs = (
        play(problem.journey, problem.population, policy, 4_000, 2**32, weights).returns for policy in policies
    )
    return np.asarray(ours - theirs)
