"""The fold on what users declare, on devices, on videos and on the trend of attempts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.actions import ASSIST, NONE, SELECT
from journeys.knowledge import LEARN_OF_WATCHING, PRIOR_ODDS_OF_EXPERIENCE, after_practice, scale_odds
from journeys.observation import (
    SKILL_INDEX,
    SKILL_SIZE,
    STEP_SIZE,
    USER_INDEX,
    USER_SIZE,
    observation_size,
    write_observation,
)
from journeys.state import DESKTOP, DONE, GIVEN_UP, MOBILE, STARTED, UNDECLARED, UNKNOWN_DEVICE
from tests.journeys.studio import FILM, LAMP, LIGHT, MICROPHONE, SOUND, STUDIO
from tests.journeys.test_fold_of_forgetting import Told

PRIORS = [skill.prior for skill in STUDIO.skills]


def seen(life: Told) -> dict[str, float]:
    """The user block, by name."""
    out = np.zeros(observation_size(len(life.steps), len(life.skills)), np.float32)
    write_observation(life.plan, life.user, life.steps, life.skills, out)
    return {name: float(out[place]) for name, place in USER_INDEX.items()}


def trend_of(life: Told, k: int) -> float:
    out = np.zeros(observation_size(len(life.steps), len(life.skills)), np.float32)
    write_observation(life.plan, life.user, life.steps, life.skills, out)
    return float(out[USER_SIZE + len(life.steps) * STEP_SIZE + k * SKILL_SIZE + SKILL_INDEX["trend"]])


# --- declarations ---


@pytest.mark.parametrize("experience", [0, 1, 2])
def test_declared_experience_moves_first_beliefs_once(experience: int) -> None:
    life = Told().then("signup", consent=7, experience=experience)
    expected = [scale_odds(prior, PRIOR_ODDS_OF_EXPERIENCE[experience]) for prior in PRIORS]
    assert life.skills["belief"].tolist() == pytest.approx(expected, rel=1e-12)
    for other in range(3):
        life.then("signup", consent=7, experience=other)
    assert (life.user.experience, life.skills["belief"].tolist()) == (experience, pytest.approx(expected, rel=1e-12))
    assert (seen(life)["declared"], seen(life)["experience"]) == (1.0, experience / 2.0)


def test_a_declaration_moves_nothing_that_has_been_tried() -> None:
    life = Told().then("fail", LAMP)
    tried = life.skills[LIGHT].belief
    life.then("signup", consent=7, experience=2)
    assert life.skills[LIGHT].belief == tried
    assert life.skills[SOUND].belief > PRIORS[SOUND]


def test_who_declares_nothing_is_taken_as_the_journey_says() -> None:
    life = Told()
    assert life.skills["belief"].tolist() == PRIORS
    assert (life.user.goal, life.user.experience) == (UNDECLARED, UNDECLARED)
    assert (seen(life)["declared"], seen(life)["experience"], seen(life)["mobile"]) == (0.0, 0.5, 0.5)
    assert all(life.block(step)["goal"] == 0.0 for step in range(len(life.steps)))


def test_a_declared_goal_marks_the_steps_that_serve_it() -> None:
    life = Told().then("signup", consent=7, goal=1)
    assert [life.block(step)["goal"] for step in range(len(life.steps))] == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert life.skills["belief"].tolist() == PRIORS
    assert seen(life)["declared"] == 1.0
    assert life.then("signup", consent=7, goal=len(STUDIO.goals)).user.goal == 1  # no such goal


# --- devices ---


def test_the_device_is_that_of_the_last_session_that_told_it() -> None:
    life = Told()
    assert life.user["device"] == UNKNOWN_DEVICE
    life.then("leave").then("enter", device=MOBILE)
    assert (life.user["device"], seen(life)["mobile"]) == (MOBILE, 1.0)
    life.then("leave").then("enter")
    assert life.user["device"] == MOBILE
    life.then("leave").then("enter", device=DESKTOP)
    assert seen(life)["mobile"] == 0.0


# --- videos ---


def test_a_video_is_watched_undisturbed_and_says_where() -> None:
    life = Told().then("start", FILM)
    assert (life.user.moment, seen(life)["position"]) == (ASSIST, 0.0)
    life.then("watch", FILM, position=0.25, duration=60.0).then("watch", FILM, position=0.5, duration=60.0)
    assert (life.user.moment, life.user.current, life.user.visit_seconds) == (NONE, FILM, 120.0)
    assert seen(life)["position"] == 0.5
    life.then("pause", FILM, position=0.5)
    assert (life.user.moment, life.user.hesitation > 0.0, life.user.backtracking) == (ASSIST, True, 0.0)
    life.then("seek", FILM, position=0.25)
    assert (life.user.moment, life.user.backtracking > 0.0, seen(life)["position"]) == (ASSIST, True, 0.25)
    assert life.steps[FILM].status == STARTED


def test_a_video_dropped_is_left_undone_and_goes_on_where_it_was_left() -> None:
    life = Told().then("start", FILM).then("watch", FILM, position=0.5).then("drop", FILM, position=0.6)
    assert (life.steps[FILM].status, life.user.moment, life.user.giving_up > 0.0) == (GIVEN_UP, SELECT, True)
    assert seen(life)["position"] == 0.0
    assert FILM in life.legal_steps()
    life.then("start", LAMP)
    assert seen(life)["position"] == 0.0  # not of this step
    assert seen(life.then("start", FILM))["position"] == np.float32(0.6)


def test_a_video_seen_to_its_end_begins_anew() -> None:
    life = Told().then("start", FILM).then("watch", FILM, position=0.75).then("succeed", FILM).then("start", FILM)
    assert seen(life)["position"] == 0.0


def test_a_video_left_open_is_where_it_was_on_return() -> None:
    life = Told().then("start", FILM).then("watch", FILM, position=0.5).then("leave").then("enter", days=0.5)
    assert (life.user.current, seen(life)["position"]) == (FILM, 0.5)


@pytest.mark.parametrize("ending", ["succeed", "fail"])
def test_watching_is_no_evidence_of_skill(ending: str) -> None:
    """Seen to its end a video teaches a little, as one of half a practice; what was believed before is not judged."""
    life = Told().then("start", FILM)
    rate = life.user.success_rate
    life.then(ending, FILM)
    taught = {LIGHT, SOUND} if ending == "succeed" else set()
    for k, skill in enumerate(STUDIO.skills):
        expected = after_practice(skill.prior, LEARN_OF_WATCHING * skill.learn) if k in taught else skill.prior
        assert life.skills[k].belief == pytest.approx(expected, rel=1e-12)
    assert not life.skills["tries"].any()
    assert not life.skills["recent"].any()
    assert life.user.success_rate == rate
    assert (life.steps[FILM].status == DONE) == (ending == "succeed")


def test_a_video_is_believed_to_succeed_whatever_is_known() -> None:
    block = Told().block(FILM)
    assert block["video"] == 1.0
    assert block["success_standard"] == pytest.approx(
        Told().then("signup", experience=2).block(FILM)["success_standard"]
    )
    assert Told().block(MICROPHONE)["video"] == 0.0


# --- trend ---


@given(st.lists(st.booleans(), max_size=14))
def test_the_trend_compares_the_newer_half_of_the_last_eight_attempts_with_the_older(outcomes: list[bool]) -> None:
    life = Told()
    for won in outcomes:
        life.then("succeed" if won else "fail", MICROPHONE)
    last = outcomes[-8:]
    half = len(last) // 2
    newer, older = sum(last[len(last) - half :]), sum(last[len(last) - 2 * half : len(last) - half])
    expected = (newer - older) / half if half else 0.0
    assert trend_of(life, SOUND) == pytest.approx(0.5 + 0.5 * expected)
    assert life.skills[SOUND].recent == sum(1 << i for i, won in enumerate(reversed(last)) if won)
