"""The cohort clock is the decision clock: without influence the same events, however long a tick lasts."""

from __future__ import annotations

import numpy as np
import pytest

from agents.cohort import Cohort, Setting
from agents.cohort_clock import next_sign
from agents.learners import load_learner
from agents.mind import AWAY_NOW
from envs.vector import OnboardingVectorEnv
from journeys.actions import NONE
from journeys.events import EventCodec
from journeys.loading import load_journey, shipped
from journeys.state import ONGOING
from personas.persona import load_population
from policies.families import baseline
from policies.protocol import Choices, Policy
from policies.random_legal import RandomLegal
from policies.training.rollout import event_log
from tests.agents.cohorts import by_user, lived, setting_of

USERS, SEED = 150, 5
MINUTE = 1.0 / 60.0


class Watched:
    """A policy, and what it saw and did by the key of the event that it answered."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.moments: dict[int, tuple[bytes, bytes, int]] = {}

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        choices = self.policy.decide(observations, masks, keys)
        for i, key in enumerate(keys.tolist()):
            assert key not in self.moments, "each moment is decided once"
            self.moments[key] = (observations[i].tobytes(), masks[i].tobytes(), int(choices.actions[i]))
        return choices


@pytest.mark.parametrize(("policy", "learner"), [("rules", "bkt"), ("random", "irt_forgetting")])
@pytest.mark.parametrize("journey", shipped())
def test_events_are_those_of_the_decision_clock(journey: str, policy: str, learner: str) -> None:
    setting = setting_of(journey, policy, learner=learner)
    decides = baseline(policy, setting.journey)
    expected = event_log(setting.journey, setting.population, decides, USERS, SEED, setting.learner)
    codec = EventCodec(setting.journey)
    records = lived(setting, USERS, seed=SEED).events()
    found = [codec.from_record(record, f"u{record['user']}", policy) for record in records]
    for user in {event.user for event in expected}:
        assert [e for e in found if e.user == user] == [e for e in expected if e.user == user]
    assert len(found) == len(expected)


@pytest.mark.parametrize("learner", ["bkt", "afm_forgetting"])
def test_a_policy_sees_and_does_what_it_does_in_the_vector_env(learner: str) -> None:
    model = load_learner(learner)
    in_cohort, in_env = Watched(RandomLegal()), Watched(RandomLegal())
    journey, population = load_journey("saas"), load_population("mixed")
    lived(Setting(journey, population, in_cohort, model), USERS, seed=SEED)
    env = OnboardingVectorEnv(journey, population, USERS, learner=model)
    observations, info = env.reset(seed=SEED)
    first_life = np.ones(USERS, bool)
    while first_life.any():
        rows = np.flatnonzero(first_life)
        choices = in_env.decide(observations[rows], info["action_mask"][rows], info["event_key"][rows])
        actions = info["action_mask"].argmax(axis=1)
        actions[rows] = choices.actions
        observations, _, terminated, truncated, info = env.step(actions)
        first_life &= ~(terminated | truncated)
    assert in_cohort.moments == in_env.moments


@pytest.mark.parametrize("tick_hours", [7 * MINUTE, 24.0, 31 * 24.0])
def test_length_of_the_tick_does_not_matter(tick_hours: float) -> None:
    setting = setting_of("saas")
    usual = lived(setting, USERS, seed=SEED)
    other = lived(setting, USERS, seed=SEED, tick_hours=tick_hours)
    assert other.steps != usual.steps
    assert (by_user(other.events()) == by_user(usual.events())).all()


def test_nothing_is_decided_before_its_time_and_nobody_who_is_away_lives_ahead() -> None:
    """After a tick, a decision that is due lies ahead, and so does the next sign of whoever is away."""
    cohort = Cohort(setting_of("saas"), USERS, seed=SEED, keep_log=True)
    waiting = away = 0
    for _ in range(60):
        cohort.step()
        users, minds = cohort.world.users, cohort.world.minds
        ongoing = users["ended"] == ONGOING
        due = ongoing & (users["moment"] != NONE)
        assert (users["last_time"][due] >= cohort.now).all()
        for row in np.flatnonzero(ongoing & (users["moment"] == NONE)):
            assert minds["phase"][row] == AWAY_NOW
            assert next_sign(cohort.plan, minds[row]) >= cohort.now
            away += 1
        waiting += int(due.sum())
        assert (cohort.events()["time"] < cohort.now).all()
    assert waiting > 50
    assert away > 50


def test_the_next_sign_is_when_it_is_said_to_be() -> None:
    cohort = Cohort(setting_of("saas"), USERS, seed=SEED)
    heard = 0
    for _ in range(60):
        cohort.step()
        users, minds = cohort.world.users, cohort.world.minds
        rows = np.flatnonzero((users["ended"] == ONGOING) & (users["moment"] == NONE))
        expected = {row: next_sign(cohort.plan, minds[row]) for row in rows.tolist()}
        cohort.step()
        for row, time in expected.items():
            if time < cohort.now:
                log = cohort.world.log[row]
                heard += 1
                assert time in log["time"][: cohort.world.n_events[row]] or users["last_time"][row] > time
    assert heard > 20


def test_same_seed_same_cohort_and_another_seed_another() -> None:
    one, two, other = (lived(setting_of(), 60, influence="groups", seed=seed) for seed in (1, 1, 2))
    assert (one.events() == two.events()).all()
    series, again = (cohort.datacollector.get_model_vars_dataframe() for cohort in (one, two))
    assert series.equals(again)
    assert len(one.events()) != len(other.events()) or (one.events() != other.events()).any()


def test_an_illegal_action_is_refused_before_anything_happens() -> None:
    class Wild:
        def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
            return Choices(masks.argmin(axis=1), np.ones(len(keys)))

    setting = setting_of()
    cohort = Cohort(Setting(setting.journey, setting.population, Wild()), 20)
    before = cohort.world.users.copy()
    with pytest.raises(ValueError, match=r"illegal here. Mend: one of \["):
        cohort.run_model()
    assert (cohort.world.users["sessions"] == before["sessions"]).all()
    assert not cohort.world.minds["decisions"].any()
