"""What is forgotten between sessions, against the closed form of FSRS-6 (Ye, Su and Cao 2022, 10.1145/3534678.3539081).

R(t, S) = (1 + F t / S)^(-0.1542), with F such that R(S, S) = 0.9. Settles and Meeder 2016 fit an exponential
instead, which forgets all in the long run; chosen is FSRS's power curve, by which the fold's belief fades too. It
has a fat tail: half is lost after 90 stabilities, where an exponential through the same R(S) = 0.9 would have lost
it after 6.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.learner import fade
from journeys.compiled import compiled
from journeys.spec import Skill
from tests.statistical.crowds import Crowd, chain, only

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
DECAY, AT_STABILITY = -0.1542, 0.9
FACTOR = AT_STABILITY ** (1.0 / DECAY) - 1.0
HALF_LIFE = (0.5 ** (1.0 / DECAY) - 1.0) / FACTOR  # in stabilities: 90.4
SLIP, GUESS = 0.1, 0.2
STEP = chain(1, 4.0, Skill("knack", prior=0.4, learn=0.3, slip=SLIP, guess=GUESS))
KNOWING = np.uint64(1)


def closed_form(days: np.ndarray | float, stability: np.ndarray | float) -> np.ndarray:
    return np.asarray((1.0 + FACTOR * days / stability) ** DECAY)


@compiled
def fade_all(plan: Any, learner: Any, minds: Any, memories: Any, traits: Any, days: float) -> None:
    """Everybody's recall after so many days since now."""
    for i in range(len(minds)):
        minds[i].time += int(days * DAY_MS)
        fade(plan, learner, minds[i], memories[i], traits[i].memory, minds[i].time)


def rested(crowd: Crowd, days: float) -> np.ndarray:
    """Recall `(n,)` of the one skill after `days` more of absence, which then has begun a new session."""
    fade_all(crowd.plan, crowd.world.learner, crowd.minds, crowd.memories, crowd.traits, days)
    crowd.minds["entered"] = crowd.minds["time"]
    return np.array(crowd.memories["retained"][:, 0])


def learned(n: int = 10_000) -> Crowd:
    """Newcomers who have just learned the skill and tried it once."""
    crowd = Crowd(STEP, only("newcomer"), n, "bkt_forgetting", known=0)
    crowd.minds["time"] = crowd.minds["entered"] = 2**41
    crowd.practise(1)
    crowd.minds["known"] = KNOWING
    return crowd


@pytest.mark.parametrize("days", [0.25, 1.0, 7.0, 30.0])
def test_hidden_recall_follows_the_curve(days: float) -> None:
    crowd = learned()
    stability = crowd.memories["stability"][:, 0] * crowd.traits["memory"]
    np.testing.assert_allclose(rested(crowd, days), closed_form(days, stability), rtol=1e-9)


def test_after_its_stability_nine_tenths_and_after_ninety_of_them_half_is_left() -> None:
    assert pytest.approx(90.0, abs=1.0) == HALF_LIFE
    for lengths, left in ((1.0, 0.9), (HALF_LIFE, 0.5)):
        crowd = learned(200)
        crowd.memories["stability"], crowd.traits["memory"] = 3.0, 1.0
        np.testing.assert_allclose(rested(crowd, 3.0 * lengths), left, rtol=1e-9)


def test_after_a_week_a_tenth_to_a_quarter_of_what_is_new_is_gone() -> None:
    """By the closed form: first stabilities are 0.2 days after a failure and 2.3 after a success."""
    recall = rested(learned(), 7.0)
    assert closed_form(7.0, 0.212).item() == pytest.approx(0.58, abs=0.01)
    assert closed_form(7.0, 2.3065).item() == pytest.approx(0.81, abs=0.01)
    assert 0.58 < recall.mean() < 0.81


def test_recall_shows_in_attempts() -> None:
    """P(success) = R (1 - slip) + (1 - R) guess, within three standard errors and what traits of slipping and
    guessing add."""
    crowd = learned(20_000)
    recall = rested(crowd, 30.0)
    successes = crowd.practise(1)[:, 0]
    expected = (recall * (1.0 - SLIP) + (1.0 - recall) * GUESS).mean()
    assert successes.mean() == pytest.approx(expected, abs=0.015)
    fresh = learned(20_000).practise(1)[:, 0]
    assert fresh.mean() - successes.mean() > 0.1


def test_reviews_flatten_the_curve() -> None:
    """Each review at the same interval leaves more for the next: Ebbinghaus' spacing, FSRS's growth of stability."""
    crowd, left = learned(), []
    for _ in range(5):
        left.append(rested(crowd, 7.0).mean())
        crowd.practise(1)
    assert left == sorted(left)
    assert left[-1] - left[0] > 0.1


def test_a_review_in_the_same_session_counts_for_nothing() -> None:
    """Massed practice: twenty tries in a row keep no more than one does."""
    once, often = learned(), learned()
    often.practise(20)
    assert rested(often, 7.0).mean() == pytest.approx(rested(once, 7.0).mean(), abs=1e-12)


def test_who_forgets_twice_as_fast_is_where_others_are_after_twice_the_time() -> None:
    slow, quick = learned(500), learned(500)
    slow.traits["memory"], quick.traits["memory"] = 1.0, 0.5
    np.testing.assert_allclose(rested(quick, 5.0), rested(slow, 10.0), rtol=1e-9)


def test_nothing_fades_where_the_learner_does_not_forget() -> None:
    crowd = Crowd(STEP, only("newcomer"), 200, "bkt", known=KNOWING)
    before = np.array(crowd.minds["skill"])
    fade_all(crowd.plan, crowd.world.learner, crowd.minds, crowd.memories, crowd.traits, 30.0)
    np.testing.assert_array_equal(crowd.minds["skill"], before)
