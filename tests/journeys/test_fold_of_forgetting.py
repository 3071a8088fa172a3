"""The fold's memory: reviews come due by fading alone, and what is believed fades and comes back by FSRS-6."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.actions import ASSIST, N_VARIANTS, SELECT, n_actions
from journeys.events import EVENT, KINDS
from journeys.fold import blank_states, fold
from journeys.forgetting import DAY_MS, DUE, STABILITY_OF_OLD, first_stability, next_stability, recall
from journeys.knowledge import after_practice, posterior
from journeys.mask import write_mask
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_SIZE, observation_size, write_observation
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey
from journeys.state import COMPLETED, DONE, LAPSED, NOWHERE, ONGOING, UNDECLARED
from tests.journeys.random_logs import START_MS, journeys, logs
from tests.journeys.studio import FILM, LAMP, LIGHT, MICROPHONE, SOUND, STUDIO, TRAILER, remembering

PLAN = compile_plan(STUDIO)
FORGETTING_OFF = compile_plan(remembering())


class Told:
    """One user of the studio journey, told event by event."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self.plan = plan
        self.state = blank_states(plan, 1)
        self.user, self.steps, self.skills = self.state.users[0], self.state.steps[0], self.state.skills[0]
        self.time = START_MS
        self.then("signup", consent=7)

    def then(self, kind: str, step: int = NOWHERE, days: float = 0.0, **fields: Any) -> Told:
        """Fold one more event, a minute or some days later."""
        event = np.zeros(1, EVENT).view(np.recarray)[0]
        self.time += 60_000 + int(days * DAY_MS)
        event.time, event.kind, event.step, event.variant = self.time, KINDS.index(kind), step, 1
        event.goal = event.experience = UNDECLARED
        for name, value in fields.items():
            setattr(event, name, value)
        fold(self.plan, self.user, self.steps, self.skills, event)
        return self

    def do(self, step: int) -> Told:
        """Begin and finish a step at once."""
        return self.then("start", step).then("succeed", step)

    def learn(self, step: int) -> Told:
        """The same after an error: of somebody new to it, who forgets within days."""
        return self.then("start", step).then("fail", step).then("succeed", step)

    def return_after(self, days: float) -> Told:
        return self.then("leave").then("enter", days=days)

    def legal_steps(self) -> set[int]:
        """Steps that may be selected."""
        mask = np.zeros(n_actions(len(self.steps)), bool)
        write_mask(self.plan, self.user, mask)
        return {int(action) // N_VARIANTS for action in np.flatnonzero(mask) if action < N_VARIANTS * len(self.steps)}

    def block(self, step: int) -> dict[str, float]:
        """One step's block of the observation."""
        out = np.zeros(observation_size(len(self.steps), len(self.skills)), np.float32)
        write_observation(self.plan, self.user, self.steps, self.skills, out)
        at = USER_SIZE + step * STEP_SIZE
        return {name: float(out[at + place]) for name, place in STEP_INDEX.items()}


def test_a_step_comes_due_for_review_when_what_it_taught_has_faded() -> None:
    life = Told().learn(LAMP)
    assert life.legal_steps() == {FILM, MICROPHONE, 3}
    stability = life.skills[LIGHT].stability
    assert LAMP not in life.return_after(0.9 * stability).legal_steps()
    assert life.block(LAMP)["eligible"] == life.block(LAMP)["review"] == 0.0
    life.return_after(0.2 * stability)  # measured from the practice: 1.1 stabilities ago
    assert LAMP in life.legal_steps()
    assert (life.block(LAMP)["eligible"], life.block(LAMP)["review"], life.block(LAMP)["done"]) == (1.0, 1.0, 1.0)
    assert life.block(LAMP)["gain"] > 0.0


def test_what_fades_is_seen_at_the_beginning_of_a_session() -> None:
    life = Told().learn(LAMP).then("start", MICROPHONE, days=5.0)
    assert life.skills[LIGHT].retained == 1.0
    assert life.then("leave").then("away", days=1.0).skills[LIGHT].retained == 1.0
    assert 0.0 < life.then("enter", days=1.0).skills[LIGHT].retained < 1.0
    seen = life.skills[LIGHT].retained
    assert life.then("leave").then("fail", MICROPHONE, days=5.0).skills[LIGHT].retained < seen  # an `enter` was lost


def test_reviews_are_for_journeys_that_forget_and_users_who_consent() -> None:
    never = Told(FORGETTING_OFF).learn(LAMP).return_after(20.0)
    assert (never.user.due, never.skills[LIGHT].retained) == (0, 1.0)
    assert LAMP not in never.legal_steps()
    refused = Told().learn(LAMP).return_after(20.0).then("consent", consent=6)
    assert refused.user.due != 0
    assert LAMP not in refused.then("enter").legal_steps()


def test_a_review_does_not_undo_a_step_however_it_ends() -> None:
    for ending in ("give_up", "fail", "succeed"):
        life = Told().learn(LAMP).return_after(20.0)
        done = int(life.user.done)
        life.then("start", LAMP)
        assert (life.steps[LAMP].status, life.user.moment) == (DONE, ASSIST)
        life.then(ending, LAMP)
        assert (life.steps[LAMP].status, life.user.done) == (DONE, done)
        assert (LAMP in life.legal_steps()) == (ending == "give_up")


def test_a_review_brings_recall_back_and_lasts_longer() -> None:
    life = Told().do(LAMP).return_after(12.0)
    skill = life.skills[LIGHT]
    before, retained = skill.stability, skill.retained
    assert retained == pytest.approx(recall(life.time - skill.practised, before), rel=1e-12)
    life.do(LAMP)
    assert (skill.retained, skill.practised) == (1.0, life.time)
    assert skill.stability == pytest.approx(next_stability(before, retained, True), rel=1e-12)
    assert skill.stability > before
    again = skill.stability
    life.do(LAMP)  # in the same session: massed practice, no review
    assert skill.stability == again


def test_the_first_practice_mixes_those_who_knew_with_those_who_learn() -> None:
    life = Told().return_after(30.0)
    skill, prior = life.skills[LIGHT], STUDIO.skills[LIGHT]
    assert skill.retained == pytest.approx(recall(life.time - START_MS - 60_000, STABILITY_OF_OLD), rel=1e-12)
    retained, recalled = skill.retained, prior.prior * skill.retained
    known = posterior(prior.prior, recalled, prior.slip, prior.guess, True)
    life.do(LAMP)
    old = next_stability(STABILITY_OF_OLD, retained, True)
    assert skill.stability == pytest.approx(known * old + (1.0 - known) * first_stability(True), rel=1e-12)
    assert skill.belief == pytest.approx(after_practice(known, prior.learn), rel=1e-12)


def test_a_video_seen_to_the_end_refreshes_what_it_teaches() -> None:
    life = Told().do(FILM).return_after(20.0)
    assert {FILM} == {s for s in range(len(life.steps)) if life.user.due >> s & 1}
    life.do(FILM)
    assert life.skills["retained"][[LIGHT, SOUND]].tolist() == [1.0, 1.0]
    assert life.user.due == 0


def test_an_enter_after_a_lapse_reopens_and_finds_reviews_due() -> None:
    life = Told().learn(LAMP).then("leave")
    for _ in range(3):
        life.then("away", days=5.0)
    assert life.user.ended == LAPSED
    assert life.legal_steps() == set()
    life.then("enter", days=1.0)
    assert (life.user.ended, life.user.moment) == (ONGOING, SELECT)
    assert LAMP in life.legal_steps()


def test_activity_after_a_lapse_reopens_too() -> None:
    life = Told().then("leave").then("away").then("away").then("away")
    assert life.user.ended == LAPSED
    assert life.then("start", LAMP, days=1.0).user.ended == ONGOING


def test_who_has_completed_does_not_lapse_and_is_not_reopened() -> None:
    life = Told()
    for step in (LAMP, FILM, MICROPHONE, TRAILER, 5):
        life.do(step)
    life.then("leave")
    for _ in range(3):
        life.then("away", days=3.0)
    assert life.user.ended == COMPLETED
    assert life.then("enter", days=1.0).user.ended == COMPLETED
    assert life.legal_steps() == set()


def test_a_review_is_expected_to_take_a_fifth_of_the_time_but_a_video_runs_as_long() -> None:
    """Two minutes of lamp, four of film: what a second time takes relative to that is the pace."""
    for step, seconds in ((LAMP, 24.0), (FILM, 240.0)):
        life = Told().do(step).return_after(20.0)
        pace = life.user.pace
        life.then("start", step).then("succeed", step, duration=seconds)
        assert life.user.pace == pytest.approx(pace + 0.25 * (1.0 - pace))


@settings(max_examples=100)
@given(st.data())
def test_due_is_what_is_done_and_fading_after_every_event(data: st.DataObject) -> None:
    journey: Journey = data.draw(journeys())
    plan, state = compile_plan(journey), blank_states(compile_plan(journey), 1)
    for event in data.draw(logs(journey)):
        fold(plan, state.users[0], state.steps[0], state.skills[0], event)
        faded = {s.name for s, r in zip(journey.skills, state.skills["retained"][0], strict=True) if r < DUE}
        due = {i for i, s in enumerate(journey.steps) if state.users[0].done >> i & 1 and faded & set(s.teaches)}
        assert {i for i in range(len(journey.steps)) if state.users[0].due >> i & 1} == due
        assert journey.rules.forgetting or not faded
        assert (state.skills["retained"] > 0.0).all()
        assert (state.skills["retained"] <= 1.0).all()
