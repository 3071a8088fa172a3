"""Rewards, terms and times add up to what the events say."""

from __future__ import annotations

import numpy as np
import pytest

from agents.kernel import TERMS
from agents.learners import load_learner
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from journeys.events import DECISION, EVENT, KINDS
from journeys.loading import load_journey, shipped
from journeys.state import COMPLETED, ENDINGS, LAPSED
from personas.persona import load_population
from personas.persona import shipped as people
from policies.expert_rules import expert_rules
from policies.random_legal import RandomLegal
from policies.training.rollout import play, rounds
from tests.agents.plain_life import journey_of, population_for
from tests.envs.lives import legal_picks

N, STEPS = 64, 150
HOUR_S, MS = 3600.0, 1000.0
WEIGHTS = RewardWeights(completion=3.0, skill=1.0, time=-0.25, annoyance=-0.2, support=-0.7, churn=-1.5)
SINGLE = 2e-6  # terms are kept as float32


@pytest.fixture(scope="module", params=shipped())
def env(request: pytest.FixtureRequest) -> OnboardingVectorEnv:
    journey = load_journey(request.param)
    return OnboardingVectorEnv(journey, load_population("mixed"), N, WEIGHTS, keep_log=True, copy=True)


def test_rewards_are_weighted_terms(env: OnboardingVectorEnv) -> None:
    _, info = env.reset(seed=4)
    seen = np.zeros(len(TERMS))
    for _ in range(STEPS):
        _, rewards, _, _, info = env.step(legal_picks(info["action_mask"], info["event_key"]))
        np.testing.assert_allclose(rewards, info["terms"] @ WEIGHTS.array(), rtol=SINGLE, atol=SINGLE)
        seen += info["terms"].sum(axis=0)
    possible = np.array([term != "support" or env.journey.rules.human_support for term in TERMS])
    np.testing.assert_array_equal(seen > 0.0, possible, "a term was never different from 0, or one that cannot be was")


def test_elapsed_time_is_the_difference_of_event_times(env: OnboardingVectorEnv) -> None:
    """From the event that a decision answers to the event that makes the next one due (semi-Markov)."""
    _, info = env.reset(seed=4)
    for _ in range(STEPS):
        _, _, terminated, truncated, info = env.step(legal_picks(info["action_mask"], info["event_key"]))
        for row in np.flatnonzero(~(terminated | truncated)):
            events = env.world.log[row, : env.world.n_events[row]]
            assert events["kind"][0] == DECISION
            assert (np.diff(events["time"]) >= 0).all()
            assert info["elapsed"][row] == (events["time"][-1] - events["time"][0]) / MS
            active = events["duration"].sum() / HOUR_S
            assert info["terms"][row, TERMS.index("time")] == pytest.approx(active, rel=SINGLE, abs=1e-12)
            assert info["event_key"][row] == events["key"][-1]


def test_completion_and_churn_follow_the_ending(env: OnboardingVectorEnv) -> None:
    _, info = env.reset(seed=4)
    endings = set()
    for _ in range(STEPS):
        _, _, terminated, _, info = env.step(legal_picks(info["action_mask"], info["event_key"]))
        terms = dict(zip(TERMS, info["terms"].T, strict=True))
        if "final_info" in info:
            completed = np.zeros_like(terminated)
            completed[info["final_info"]["rows"]] = info["final_info"]["ending"] == COMPLETED
            np.testing.assert_array_equal(terms["completion"], completed)
            np.testing.assert_array_equal(terms["churn"], terminated & ~completed)
            endings |= {ENDINGS[ending] for ending in info["final_info"]["ending"]}
    assert {ENDINGS[COMPLETED], ENDINGS[LAPSED]} <= endings


def test_returns_of_a_rollout_are_those_of_the_vector_environment() -> None:
    """`play` and the env step the same users alike: same users, same returns."""
    journey, population, policy = load_journey("tiny"), load_population("mixed"), RandomLegal()
    played = play(journey, population, policy, N, seed=9, weights=WEIGHTS)
    env = OnboardingVectorEnv(journey, population, N, WEIGHTS)
    observations, info = env.reset(seed=9)
    returns, first_life = np.zeros(N), np.ones(N, bool)
    while first_life.any():
        actions = policy.decide(observations, info["action_mask"], info["event_key"]).actions
        observations, rewards, terminated, truncated, info = env.step(actions)
        returns[first_life] += rewards[first_life]
        first_life &= ~(terminated | truncated)
    np.testing.assert_allclose(played.returns, returns, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", people("learner"))
@pytest.mark.parametrize("journey", ["saas", "studio"])
def test_the_skill_term_sums_to_what_was_learned(journey: str, name: str) -> None:
    """Over an onboarding: share known and recalled at the end less share known at sign-up, whatever was forgotten."""
    onboarding, population, learner = journey_of(journey), population_for(journey), load_learner(name)
    world = next(rounds(onboarding, population, RandomLegal(), N, seed=9, learner=learner)).world
    before, known = world.minds["skill"].copy(), world.minds["known"].copy()
    played = play(onboarding, population, RandomLegal(), N, seed=9, learner=learner)
    np.testing.assert_allclose(played.terms[:, TERMS.index("skill")], played.skill - before, atol=N * SINGLE)
    assert (played.skill > before).any()
    assert (played.skill < before).any() == (learner.forgetting and learner.model == "bkt")
    if learner.model == "bkt":
        np.testing.assert_array_equal(before, np.bitwise_count(known) / len(onboarding.skills))


def test_paired_comparison_plays_the_same_people() -> None:
    """Common random numbers: the same users, personas and sign-ups whoever decides."""
    journey, population = load_journey("tiny"), load_population("mixed")
    one = play(journey, population, RandomLegal(), N, seed=9).world
    other = play(journey, population, expert_rules(), N, seed=9).world
    for field in ("key", "user", "persona"):
        np.testing.assert_array_equal(one.minds[field], other.minds[field])
    np.testing.assert_array_equal(one.traits, other.traits)
    np.testing.assert_array_equal(one.users["first_time"], other.users["first_time"])


def test_logged_events_are_whole(env: OnboardingVectorEnv) -> None:
    """Only the fields of the event record, kinds that exist, and every event the user's own."""
    _, info = env.reset(seed=4)
    for _ in range(20):
        users = info["user"]
        _, _, terminated, truncated, info = env.step(legal_picks(info["action_mask"], info["event_key"]))
        for row in np.flatnonzero(~(terminated | truncated)):
            events = env.world.log[row, : env.world.n_events[row]]
            assert events.dtype.names == EVENT.names
            assert (events["kind"] < len(KINDS)).all()
            assert (events["user"] == users[row]).all()
