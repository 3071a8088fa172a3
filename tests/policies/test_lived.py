"""What a log tells of decisions: what the policy saw, bit for bit, and what came of it, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners import journey_under, load_learner
from envs.reward import RewardWeights
from journeys.actions import N_VARIANTS
from journeys.events import EVENT, Event, EventCodec
from journeys.loading import load_journey
from journeys.plan import compile_plan
from personas.persona import load_population
from policies.bandits.lived import ANNOYANCE_OF_MESSAGE, Worth, relive
from policies.families import baseline
from policies.protocol import Choices
from policies.random_legal import RandomLegal
from policies.training.cohort_log import Cohort, cohort_log
from policies.training.env_group import Setting

WEIGHTS = RewardWeights()
USERS, SEED = 60, 9
DAY_MS = 86_400_000
START_MS = 1_767_225_600_000
TINY = load_journey("tiny")


class Watching:
    """A policy that writes down what it is shown."""

    def __init__(self) -> None:
        self.name, self.seen = "watching", list[tuple[np.ndarray, ...]]()

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        return RandomLegal().probabilities(observations, masks)

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        choices = RandomLegal().decide(observations, masks, keys)
        self.seen.append((observations.copy(), masks.copy(), choices.actions, choices.propensities))
        return choices


@pytest.mark.parametrize("journey", ["tiny", "saas", "course"])
@pytest.mark.parametrize("learner", ["bkt", "irt_forgetting"])
def test_it_sees_what_the_policy_saw(journey: str, learner: str) -> None:
    setting = Setting(
        journey_under(load_journey(journey), load_learner(learner)), load_population("mixed"), load_learner(learner)
    )
    watching = Watching()
    log = cohort_log(Cohort(setting, watching, USERS, SEED, 0, WEIGHTS))
    lived, over = relive(compile_plan(setting.journey), Worth(WEIGHTS.array(), 1.0), log.events, log.starts)
    assert over.all()
    shown = [np.concatenate(part) for part in zip(*watching.seen, strict=True)]
    assert len(lived.actions) == len(shown[0])
    for mine, theirs in zip(lived[:4], shown, strict=True):  # the one by user, the other by round
        rows = [sorted(row.tobytes() for row in part) for part in (mine, theirs)]
        assert rows[0] == rows[1]


def test_returns_come_close_to_what_the_simulation_knows() -> None:
    """Belief for knowledge, dismissals for annoyance: the mean over many users is that of the true reward."""
    setting = Setting(load_journey("saas"), load_population("mixed"), load_learner("bkt"))
    log = cohort_log(Cohort(setting, baseline("rules", setting.journey), 1_500, SEED, 0, WEIGHTS))
    lived, _ = relive(compile_plan(setting.journey), Worth(WEIGHTS.array(), 1.0), log.events, log.starts)
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(users_of(lived.keys, log.events)) != 0) + 1])
    assert len(firsts) == 1_500
    seen = lived.returns[firsts]
    assert np.corrcoef(seen, log.returns)[0, 1] > 0.9
    assert abs(seen.mean() - log.returns.mean()) < 0.1  # a twentieth of a completion


def users_of(keys: np.ndarray, events: np.ndarray) -> np.ndarray:
    order = np.argsort(events["key"])
    return events["user"][order][np.searchsorted(events["key"][order], keys)]


def decision(number: int, time: int, action: int) -> Event:
    return Event(f"d{number}", "u", "tiny", time, "decision", action=action, propensity=0.5)


def story(*events: Event) -> tuple[np.ndarray, np.ndarray]:
    records, codec = np.zeros(len(events), EVENT), EventCodec(TINY)
    for event, record in zip(events, records, strict=True):
        codec.to_record(event, record)
    return records.view(np.recarray), np.array([0, len(events)])


def test_a_story_worked_by_hand() -> None:
    """Terms one at a time: time, a dismissal, a message, and being lost; a day between them halves what is later."""
    step, day = TINY.steps[0].name, START_MS + DAY_MS
    legal = N_VARIANTS * len(TINY.steps)
    aways = [Event(f"w{i}", "u", "tiny", day + i * DAY_MS, "away") for i in range(1, 6)]
    told = story(
        Event("s", "u", "tiny", START_MS, "signup", consent=("push",)),
        decision(1, START_MS, 0),
        Event("b", "u", "tiny", START_MS, "start", step=step, difficulty="easy"),
        decision(2, START_MS, legal + 1),
        Event("x", "u", "tiny", START_MS, "dismiss", step=step, rung="hint", duration=1800.0),
        Event("l", "u", "tiny", START_MS, "leave"),
        Event("w0", "u", "tiny", day, "away"),
        decision(3, day, legal + 6),
        *aways,
    )
    only = {"time": 0.0, "annoyance": 0.0, "churn": 0.0, "completion": 0.0, "skill": 0.0, "support": 0.0}
    plan = compile_plan(TINY)
    for term, expected in {
        "time": [0.5, 0.5, 0.0],
        "annoyance": [1.0 + 0.5 * ANNOYANCE_OF_MESSAGE, 1.0 + 0.5 * ANNOYANCE_OF_MESSAGE, ANNOYANCE_OF_MESSAGE],
        "churn": [0.5, 0.5, 1.0],
    }.items():
        worth = Worth(RewardWeights(**{**only, term: 1.0}).array(), 0.5)
        lived, over = relive(plan, worth, *told)
        assert over.tolist() == [True]
        np.testing.assert_allclose(lived.returns, expected)
        assert (lived.propensities == 0.5).all()


def test_who_goes_on_is_waited_for_and_what_nobody_asked_is_left_out() -> None:
    told = story(
        Event("s", "u", "tiny", START_MS, "signup", consent=()),
        decision(1, START_MS, 0),
        decision(2, START_MS, 1),
        Event("b", "u", "tiny", START_MS, "start", step=TINY.steps[0].name),
    )
    lived, over = relive(compile_plan(TINY), Worth(WEIGHTS.array(), 1.0), *told)
    assert (over.tolist(), lived.known.tolist(), lived.actions.tolist()) == ([False], [False], [0])


def test_humans_are_paid_for() -> None:
    step, legal = TINY.steps[0].name, N_VARIANTS * len(TINY.steps)
    told = story(
        Event("s", "u", "tiny", START_MS, "signup", consent=()),
        decision(1, START_MS, 0),
        Event("b", "u", "tiny", START_MS, "start", step=step),
        decision(2, START_MS, legal + 4),
        Event("a", "u", "tiny", START_MS, "accept", step=step, rung="human"),
    )
    worth = Worth(RewardWeights(0.0, 0.0, 0.0, 0.0, -0.5, 0.0).array(), 1.0)
    assert relive(compile_plan(TINY), worth, *told)[0].returns.tolist() == [-0.5, -0.5]
