"""Gaps, returns and distractions, against EdNet, vendors' retention figures, Cookie Cats, and Iqbal and Horvitz
2007."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from agents.mind import DISTRACTED, NEVER
from agents.timing import HOUR_MS, MINUTE_MS
from journeys.events import AWAY, DECISION, FAIL, SIGNUP, SUCCEED
from journeys.loading import load_journey
from journeys.spec import Skill
from journeys.state import COMPLETED
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from tests.statistical.crowds import Crowd, Lives, chain, live, only

pytestmark = pytest.mark.slow

USERS = 4_000
SESSION_CUT_H = 0.5  # hours; the usual cut between two sessions, and the one of the EdNet figures
EDNET_HOURS = (0.9, 15.4, 116.8)  # 10th, 50th and 90th percentile of gaps beyond half an hour
EDNET_SHORT = 0.937  # share of gaps between answers below half an hour
APPS = {1: (0.25, 0.30), 7: (0.10, 0.15), 30: (0.05, 0.07)}  # vendors: share of users back on that day
COOKIE_CATS_DAY_1 = 0.448
DAY_MS = 86_400_000
STAYED_AWAY = 0.27  # Iqbal and Horvitz 2007: of suspended tasks, resumed after two hours or later
BRIEF_MINUTES = 10.0  # the same: about as long are people away after an alert


@cache
def lives_in_saas(population: str, policy: str) -> Lives:
    deciding = {"fixed": fixed_path, "rules": expert_rules}[policy]()
    return live(load_journey("saas"), load_population(population), deciding, USERS, 7)


def hours_between_attempts(lives: Lives) -> np.ndarray:
    """Hours `(m,)` between consecutive attempts of the same user."""
    tries = lives.of(SUCCEED, FAIL)
    return np.asarray(np.diff(tries["time"])[np.diff(tries["user"]) == 0] / HOUR_MS)


def test_absences_are_as_long_as_in_ednet() -> None:
    """Nobody sends messages here. Chosen: `everyone`; within a factor of two at each of three percentiles, and the
    factor is used up at the lower end: an hour's pause is rarer than in EdNet, whose absences are a mixture (pauses,
    nights, weeks) of which one log-normal per persona gives the middle and the upper end."""
    gaps = hours_between_attempts(lives_in_saas("everyone", "fixed"))
    found = np.quantile(gaps[gaps > SESSION_CUT_H], [0.1, 0.5, 0.9])
    for simulated, real in zip(found, EDNET_HOURS, strict=True):
        assert 0.5 < simulated / real < 2.0


def test_as_many_gaps_are_short_as_in_ednet() -> None:
    """Within 2 points. It says how many attempts lie between two absences, about fifteen on both sides, and little
    else: EdNet's people answer items of half a minute, simulated ones attempt tasks of minutes in longer sessions."""
    gaps = hours_between_attempts(lives_in_saas("everyone", "fixed"))
    assert (gaps < SESSION_CUT_H).mean() == pytest.approx(EDNET_SHORT, abs=0.02)


def back_on(lives: Lives, day: int, of_those_open: bool) -> float:
    """Share of users with a sign of life from 24 `day` to 24 (`day` + 1) hours after sign-up; of those who were not
    through by then, or of all."""
    signs = lives.events[~np.isin(lives.events["kind"], (AWAY, DECISION))]
    signup = np.zeros(USERS, np.int64)
    ups = lives.of(SIGNUP)
    signup[ups["user"]] = ups["time"]
    days = (signs["time"] - signup[signs["user"]]) / DAY_MS
    back, last = np.zeros(USERS, bool), np.zeros(USERS)
    back[signs["user"][(days >= day) & (days < day + 1)]] = True
    np.maximum.at(last, signs["user"], days)
    through = (lives.world.users["ended"] == COMPLETED) & (last < day)
    return float(back[~through].mean() if of_those_open else back.mean())


def test_as_many_are_back_on_day_one_as_in_the_median_app() -> None:
    """Sources disagree: vendors have 25 to 30% for apps of all kinds, Cookie Cats 44.8% for a game. Chosen: the
    apps, for `mixed`, with the messages that apps send, of those not through by then (who is through has no reason
    to come back). Within 5 points of the vendors' range; the game is an upper bound, being played for its own sake."""
    low, high = APPS[1]
    open_still = back_on(lives_in_saas("mixed", "rules"), 1, of_those_open=True)
    assert low - 0.05 < open_still < high + 0.05
    assert back_on(lives_in_saas("mixed", "rules"), 1, of_those_open=False) < open_still < COOKIE_CATS_DAY_1


@pytest.mark.xfail(
    reason="an onboarding ends and a single failed return ends a life: day 7 about 1%, day 30 none", strict=True
)
@pytest.mark.parametrize("day", [7, 30])
def test_as_many_are_back_on_later_days(day: int) -> None:
    """Not so, and no trait gets there: a product's use after onboarding is not simulated, and whether somebody
    returns unprompted is drawn once per absence. It would take a hazard of returning at every later check."""
    low, high = APPS[day]
    assert low - 0.05 < back_on(lives_in_saas("mixed", "rules"), day, of_those_open=True) < high + 0.05


def test_messages_bring_back_more_than_come_by_themselves() -> None:
    prompted, alone = (back_on(lives_in_saas("mixed", policy), 1, of_those_open=True) for policy in ("rules", "fixed"))
    assert prompted > alone + 0.05


def hours_away(reason: int, persona: str) -> np.ndarray:
    """Planned hours of absence, infinite for never, of those whom the next moment of a step called away."""
    step = chain(1, 4.0, Skill("knack"))
    crowd = Crowd(step, only(persona), 40_000, session_start=0, reason=-1)
    crowd.minds["session_start"] = crowd.minds["time"]
    crowd.go_on()
    gone = crowd.minds["reason"] == reason
    planned = crowd.minds["returns_at"][gone]
    return np.where(planned == NEVER, np.inf, (planned - crowd.minds["left_at"][gone]) / HOUR_MS)


@pytest.mark.parametrize("persona", ["distracted", "newcomer"])
def test_a_quarter_of_those_called_away_stay_away_for_two_hours(persona: str) -> None:
    """Within 5 points for `distracted` and 10 for `newcomer`, of whom a few hundred are called away."""
    away = hours_away(DISTRACTED, persona)
    assert len(away) > 100
    assert (away > 2.0).mean() == pytest.approx(STAYED_AWAY, abs=0.05 if persona == "distracted" else 0.1)


def test_the_others_are_back_after_ten_minutes() -> None:
    """The median, within a quarter of it."""
    away = hours_away(DISTRACTED, "distracted")
    minutes = np.median(away[away <= 2.0]) * HOUR_MS / MINUTE_MS
    assert minutes == pytest.approx(BRIEF_MINUTES, rel=0.25)
