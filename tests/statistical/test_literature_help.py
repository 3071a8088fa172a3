"""Asking for help, offers that interrupt, and habituation, against Aleven et al. 2006, Bailey and Konstan 2006,
HeartSteps.

Aleven, McLaren, Roll and Koedinger 2006: in a geometry tutor 36% of actions abused help, 14% when rapid successive
requests count as one. Bailey and Konstan 2006 (10.1016/j.chb.2005.12.009): where a task is interrupted midway
instead of at a boundary, it takes 3 to 27% more time, errors double and annoyance is 31 to 106% greater. HeartSteps
(NCT03225521): a walking prompt added 107% steps at first and 24% on average over six weeks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.mind import WORKING
from journeys.actions import HINT
from journeys.events import ACCEPT, ASK, DISMISS, FAIL, LEAVE, SUCCEED
from journeys.loading import load_journey
from journeys.spec import Skill
from personas.persona import shipped
from policies.expert_rules import expert_rules
from tests.statistical.crowds import Crowd, Lives, chain, live, only, share

pytestmark = pytest.mark.slow

ABUSE, ABUSE_MERGED = 0.36, 0.14
STEP = chain(1, 4.0, Skill("knack", prior=0.4, learn=0.3, slip=0.07, guess=0.2))
KNOWING = np.uint64(1)  # the set of the one skill
OFFERS = 210  # HeartSteps: up to five a day over six weeks
FIRST_EFFECT, MEAN_EFFECT, LARGEST_MEAN_EFFECT = 1.07, 0.24, 0.44  # p = .02 puts the mean's 95% interval at 0.24 ± 0.20


def in_saas(persona: str) -> Lives:
    return live(load_journey("saas"), only(persona), expert_rules(), 2_000, 7)


def asking(actions: np.ndarray) -> float:
    return share(actions["kind"], ASK)


def merged(actions: np.ndarray) -> np.ndarray:
    """Without the requests that follow a request of the same user at once."""
    again = (actions["kind"][1:] == ASK) & (actions["kind"][:-1] == ASK) & (np.diff(actions["user"]) == 0)
    return actions[np.concatenate([[True], ~again])]


@pytest.fixture(scope="module")
def abuse() -> np.ndarray:
    """Attempts and requests of help abusers in `saas`: what counts as an action in a tutor's log."""
    return in_saas("help_abuser").of(SUCCEED, FAIL, ASK)


def test_a_help_abuser_asks_in_a_third_of_actions(abuse: np.ndarray) -> None:
    """Within 5 points: theirs is one unit of one tutor, and of all students, not of its abusers."""
    assert asking(abuse) == pytest.approx(ABUSE, abs=0.05)


@pytest.mark.xfail(
    reason="simulated bursts are short: 1.6 requests on average, not 3.5, so merging leaves 25%", strict=True
)
def test_most_of_that_is_clicking_through_hints(abuse: np.ndarray) -> None:
    """36% that become 14% mean bursts of 3.5 requests: through all hints to the last one. A simulated abuser asks
    anew at each moment, with no more reason to ask again than to have asked at all. Wanted: P(asking on, just having
    read a rung)."""
    assert asking(merged(abuse)) == pytest.approx(ABUSE_MERGED, abs=0.05)


def test_bursts_exist_and_merging_them_lowers_the_share(abuse: np.ndarray) -> None:
    assert ABUSE_MERGED < asking(merged(abuse)) < asking(abuse) - 0.05


def test_a_newcomer_asks_within_the_sources_range_and_an_expert_below_it() -> None:
    newcomer, expert = (asking(in_saas(name).of(SUCCEED, FAIL, ASK)) for name in ("newcomer", "expert"))
    assert ABUSE_MERGED < newcomer < ABUSE
    assert expert < ABUSE_MERGED / 2.0


def test_the_anxious_avoid_help_although_they_need_it_more() -> None:
    """Help avoidance (Aleven et al. 2006): at the same distress, and per failure over whole lives, well below a
    newcomer. Half is our reading of "often avoid"; 0.7 leaves room for the persona's spread."""
    asked = {n: share(Crowd(STEP, only(n), known=0, frustration=0.5).go_on(), ASK) for n in ("anxious", "newcomer")}
    assert asked["anxious"] < 0.7 * asked["newcomer"]
    lives = {name: in_saas(name) for name in asked}
    fails = {name: len(life.of(FAIL)) / len(life.of(FAIL, SUCCEED)) for name, life in lives.items()}
    asks_per_fail = {name: len(life.of(ASK)) / len(life.of(FAIL)) for name, life in lives.items()}
    assert fails["anxious"] > fails["newcomer"]
    assert asks_per_fail["anxious"] < 0.7 * asks_per_fail["newcomer"]


@pytest.mark.parametrize("persona", shipped("persona"))
def test_offers_are_accepted_more_the_greater_the_distress(persona: str) -> None:
    taken = [
        share(Crowd(STEP, only(persona), known=KNOWING, frustration=f, mastery=1.0).offer(HINT), ACCEPT)
        for f in (0.0, 0.3, 0.6, 0.9)
    ]
    assert taken == sorted(taken)
    assert taken[-1] > taken[0] + 0.2


def test_the_rate_of_errors_doubles_after_an_interruption() -> None:
    """Of the attempt that follows, among people in flow who wave the offer away. "Twice", within a fifth."""
    rates = []
    for offered in (False, True):
        crowd = in_flow()
        answers = crowd.offer(HINT) if offered else np.full(len(crowd.minds), DISMISS)
        kinds = crowd.go_on()[answers == DISMISS]
        rates.append(share(kinds, FAIL) / share(kinds, FAIL, SUCCEED))
    assert rates[1] / rates[0] == pytest.approx(2.0, rel=0.2)


def test_an_interrupted_task_takes_3_to_27_per_cent_longer() -> None:
    """From the offer to success, errors and their repair included; who leaves or asks on the way is left out on both
    sides."""
    alone, interrupted = (seconds_to_success(in_flow(), offered) for offered in (False, True))
    assert 1.03 < interrupted.mean() / alone.mean() < 1.27


def in_flow() -> Crowd:
    """Newcomers who know what the step needs."""
    return Crowd(STEP, only("newcomer"), 20_000, known=KNOWING, mastery=1.0)


def seconds_to_success(crowd: Crowd, offered: bool) -> np.ndarray:
    """Time of those who wave an offer away, or get none, and then come to succeed without leaving or asking."""
    spent, at_work = np.zeros(len(crowd.minds)), np.ones(len(crowd.minds), bool)
    if offered:
        at_work &= crowd.offer(HINT) == DISMISS
        spent += crowd.events["duration"]
    for _ in range(60):
        rows = np.flatnonzero(at_work & (crowd.minds["phase"] == WORKING))
        if not len(rows):
            break
        kinds = crowd.go_on(rows)
        spent[rows] += crowd.events["duration"][rows]
        at_work[rows] &= ~np.isin(kinds[rows], (LEAVE, ASK))
    return spent[at_work]


def annoyed(**mind: Any) -> float:
    crowd = Crowd(STEP, only("newcomer"), **mind)
    crowd.offer(HINT)
    return float(crowd.minds["annoyance"].mean())


def test_the_same_offer_annoys_31_to_106_per_cent_more_in_flow_than_at_a_gap() -> None:
    """The simulation offers help inside steps only. The nearest to a boundary, where work does not flow anyway, is a
    calm moment at which something needed is missing."""
    in_the_flow, at_a_gap = annoyed(known=KNOWING, mastery=1.0), annoyed(known=0, mastery=0.0)
    assert 1.31 < in_the_flow / at_a_gap < 2.06


def test_in_distress_offers_hardly_annoy() -> None:
    """Beyond the source, and our choice: help that meets an open need is no interruption."""
    assert annoyed(known=0, mastery=0.0, frustration=0.9) < 0.25 * annoyed(known=KNOWING, mastery=1.0)


def test_the_first_offer_works_as_many_times_better_as_the_first_prompt_did() -> None:
    """Taking up at the same need: the first offer against the mean of as many as HeartSteps sent. Theirs is a ratio
    of 4.5 with a wide interval, from 107 / 44 upwards; within a factor of two of it, and not below that end."""
    crowd = Crowd(STEP, only("newcomer"), 4_000, known=0, mastery=0.0)
    taken = []
    for _ in range(OFFERS):
        crowd.minds["frustration"] = 0.5
        taken.append(share(crowd.offer(HINT), ACCEPT))
    assert taken[:6] == sorted(taken[:6], reverse=True)
    ratio = taken[0] / np.mean(taken)
    assert FIRST_EFFECT / LARGEST_MEAN_EFFECT < ratio < 2.0 * FIRST_EFFECT / MEAN_EFFECT
