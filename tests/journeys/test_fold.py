"""The fold: what it counts, that it bears any order of events, and that it depends on the events alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.actions import ASSIST, N_RUNGS, NONE, REENGAGE, SELECT, n_actions
from journeys.events import EVENT, KINDS
from journeys.fold import blank_states, fold, fold_log
from journeys.loading import load_journey
from journeys.mask import write_mask
from journeys.observation import USER_INDEX, observation_size, write_observation
from journeys.plan import Plan, compile_plan
from journeys.signals import MEMORY
from journeys.spec import Journey
from journeys.state import (
    COMPLETED,
    DONE,
    GIVEN_UP,
    LAPSED,
    NOWHERE,
    ONGOING,
    OUT_OF_TIME,
    STARTED,
    UNDECLARED,
    State,
    pack,
    unpack,
)
from tests.journeys.random_logs import START_MS, any_journey, logs

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TINY = load_journey("tiny")
PLAN = compile_plan(TINY)
N_STEPS = len(TINY.steps)


class Life:
    """One user of the tiny journey, told event by event."""

    def __init__(self) -> None:
        self.state = blank_states(PLAN, 1)
        self.user, self.steps, self.skills = self.state.users[0], self.state.steps[0], self.state.skills[0]
        self.time = START_MS

    def then(self, kind: str, step: int = NOWHERE, after: int = 1000, **fields: Any) -> "Life":
        """Fold one more event, `after` ms later."""
        event = np.zeros(1, EVENT).view(np.recarray)[0]
        self.time += after
        event.time, event.kind, event.step, event.variant = self.time, KINDS.index(kind), step, 1
        event.goal = event.experience = UNDECLARED
        for name, value in fields.items():
            setattr(event, name, value)
        fold(PLAN, self.user, self.steps, self.skills, event)
        return self

    def offered(self, action: int) -> "Life":
        """Fold a decision."""
        return self.then("decision", after=0, action=action)


def views(plan: Plan, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Observation and mask of the only user."""
    observation = np.full(observation_size(len(plan.steps), len(plan.prior)), np.nan, np.float32)
    mask = np.ones(n_actions(len(plan.steps)), bool)
    write_observation(plan, state.users[0], state.steps[0], state.skills[0], observation)
    write_mask(plan, state.users[0], mask)
    return observation, mask


def folded(plan: Plan, events: np.ndarray) -> State:
    """State after all events."""
    state = blank_states(plan, 1)
    fold_log(plan, state.users[0], state.steps[0], state.skills[0], events)
    return state


# --- any events, any order ---


@settings(max_examples=150)
@given(st.data())
def test_any_order_keeps_every_view_in_range(data: st.DataObject) -> None:
    journey: Journey = data.draw(any_journey)
    plan = compile_plan(journey)
    events = data.draw(logs(journey))
    state = blank_states(plan, 1)
    user = state.users[0]
    for event in events:
        before = int(user.last_time)
        fold(plan, user, state.steps[0], state.skills[0], event)
        observation, mask = views(plan, state)
        assert np.isfinite(observation).all()
        assert observation.min() >= 0.0
        assert observation.max() <= 1.0
        assert mask.any() == (user.moment != NONE)
        assert user.last_time >= before
        assert user.gap_seconds >= 0.0
        assert user.ended == ONGOING or user.moment == NONE


@settings(max_examples=100)
@given(st.data())
def test_the_log_alone_decides_wherever_it_is_cut(data: st.DataObject) -> None:
    """A state packed, stored and unpacked at any point goes on as if nothing had happened, to the byte."""
    journey: Journey = data.draw(any_journey)
    plan = compile_plan(journey)
    events = data.draw(logs(journey))
    cut = data.draw(st.integers(0, len(events)))
    whole = pack(folded(plan, events), 0)
    other = blank_states(plan, 3)
    unpack(pack(folded(plan, events[:cut]), 0), other, 1)
    fold_log(plan, other.users[1], other.steps[1], other.skills[1], events[cut:])
    assert pack(other, 1) == whole
    assert pack(other, 0) == pack(blank_states(plan, 1), 0)


def test_a_state_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has \d+ bytes, this one has 3"):
        unpack(b"abc", blank_states(PLAN, 1), 0)


@settings(max_examples=50)
@given(st.data())
def test_ids_users_and_propensities_leave_no_trace(data: st.DataObject) -> None:
    """What names an event or records its luck is no knowledge of the user."""
    events = data.draw(logs(TINY))
    other = events.copy()
    other["key"], other["user"], other["propensity"] = 7, 8, 0.5
    assert pack(folded(PLAN, events), 0) == pack(folded(PLAN, other), 0)


# --- counts and averages by hand ---


def test_counts_of_a_visit() -> None:
    life = Life().then("signup", consent=7).then("start", 0, variant=2)
    life.then("fail", 0, duration=30.0).then("hesitate", 0, duration=5.0).then("fail", 0, duration=25.0)
    user, step = life.user, life.steps[0]
    assert (user.fails, user.fails_in_row, step.fails, step.visits, step.status) == (2, 2, 2, 1, STARTED)
    assert (user.active_seconds, user.visit_seconds, step.seconds) == (60.0, 60.0, 60.0)
    assert (step.variant, user.current, user.moment) == (2, 0, ASSIST)
    life.then("succeed", 0, duration=10.0)
    assert (user.fails, user.fails_in_row, step.status, user.done) == (2, 0, DONE, 1)
    assert (user.active_seconds, user.visit_seconds, user.current, user.moment) == (70.0, 0.0, NOWHERE, SELECT)
    assert life.skills["tries"].tolist() == [3, 0]
    assert life.skills["successes"].tolist() == [1, 0]
    assert life.skills["recent"].tolist() == [0b001, 0]


def test_moving_averages() -> None:
    life = Life().then("signup").then("start", 0).then("fail", 0).then("fail", 0)
    assert life.user.success_rate == pytest.approx(0.65 * (1 - MEMORY) ** 2)
    life.then("hesitate", 0).then("backtrack", 0)
    assert life.user.hesitation == pytest.approx(MEMORY * (1 - MEMORY))
    assert life.user.backtracking == pytest.approx(MEMORY)
    life.then("succeed", 0)
    assert life.user.success_rate == pytest.approx(0.65 * (1 - MEMORY) ** 3 + MEMORY)
    assert life.user.hesitation == pytest.approx(MEMORY * (1 - MEMORY) ** 2)
    life.then("start", 1).then("give_up", 1)
    assert life.user.giving_up == pytest.approx(MEMORY)
    assert life.steps[1].status == GIVEN_UP


def test_pace_compares_active_with_expected_time_of_the_difficulty() -> None:
    """Two minutes are expected at standard: a visit of three reads 1.5, at hard 1.5 / 1.35."""
    for variant, factor in ((0, 0.8), (1, 1.0), (2, 1.35)):
        life = Life().then("signup").then("start", 0, variant=variant).then("succeed", 0, duration=180.0)
        assert life.user.pace == pytest.approx(1.0 + MEMORY * (1.5 / factor - 1.0))
    slow = Life().then("signup").then("start", 0).then("succeed", 0, duration=1e6)
    assert slow.user.pace == pytest.approx(1.0 + MEMORY * 3.0)


def test_help_offered_asked_taken_and_waved_away() -> None:
    hint, guidance = 3 * N_STEPS + 1, 3 * N_STEPS + 2
    life = Life().then("signup", consent=1).then("start", 0).offered(hint)
    user = life.user
    assert (user.shown, user.unsolicited, user.rung, user.last_help_time, life.steps[0].helps) == (
        1,
        1,
        1,
        life.time,
        1,
    )
    life.then("dismiss", 0)
    assert (user.dismissed, user.taken, user.moment) == (1, 0, NONE)
    assert user.acceptance == pytest.approx(0.5 * (1 - MEMORY))
    life.then("ask", 0)
    assert (user.asked, user.asked_now, user.moment) == (1, 1, ASSIST)
    life.offered(guidance)
    assert (user.shown, user.unsolicited, user.rung, user.asked_now) == (2, 1, 2, 0)
    life.then("accept", 0, rung=2)
    assert (user.accepted, user.taken) == (1, 2)
    life.then("start", 1)
    assert (user.rung, user.taken, user.shown) == (0, 0, 2)  # another visit begins at the foot of the ladder


def test_sessions_gaps_and_absence() -> None:
    life = Life().then("signup", consent=7).then("start", 0).then("leave", duration=9.0)
    user = life.user
    assert (user.present, user.sessions, user.moment, user.active_seconds) == (0, 1, NONE, 9.0)
    life.then("away", after=24 * HOUR)
    assert (user.aways, user.moment, user.gap_seconds) == (1, REENGAGE, 86_400.0)
    life.offered(3 * N_STEPS + N_RUNGS + 1)
    assert user.messages == 1
    life.offered(3 * N_STEPS + N_RUNGS)
    assert user.messages == 1
    life.then("enter", after=HOUR)
    assert (user.sessions, user.present, user.aways, user.gap_seconds) == (2, 1, 0, 25 * 3600.0)
    assert (user.current, user.moment) == (0, ASSIST)  # back inside the step that was left open
    life.then("away")
    assert (user.aways, user.moment) == (0, NONE)  # a late timer is no absence


def test_activity_without_enter_proves_presence() -> None:
    life = Life().then("signup").then("leave").then("start", 0, after=2 * HOUR)
    assert (life.user.present, life.user.sessions, life.user.gap_seconds) == (1, 2, 7200.0)


def test_the_first_event_may_be_any() -> None:
    """A user whose first events were lost: absence is counted from the first one known."""
    assert Life().then("away").user.gap_seconds == 0.0
    assert Life().then("enter").user.moment == SELECT
    assert Life().then("fail", 2).user.current == 2


def test_a_user_lapses_after_the_last_check() -> None:
    life = Life().then("signup").then("leave")
    for check in range(3):
        life.then("away", after=(check + 1) * DAY)
        assert (life.user.ended, life.user.moment) == (ONGOING, REENGAGE)
    life.then("away", after=DAY)
    assert (life.user.ended, life.user.moment) == (LAPSED, NONE)
    life.then("away", after=DAY)
    assert (life.user.ended, life.user.moment) == (LAPSED, NONE)
    assert Life().then("enter").user.ended == ONGOING


def test_the_horizon_ends_it() -> None:
    life = Life().then("signup").then("start", 0, after=30 * DAY)
    assert life.user.ended == ONGOING  # exactly at the horizon
    life.then("fail", 0, after=1)
    assert (life.user.ended, life.user.moment) == (OUT_OF_TIME, NONE)


def test_completion_is_every_required_step_in_whatever_order() -> None:
    life = Life().then("signup")
    for step in (4, 2, 1):
        life.then("succeed", step)
        assert life.user.ended == ONGOING
    life.then("succeed", 0)
    assert (life.user.ended, life.user.moment) == (COMPLETED, NONE)
    assert views(PLAN, life.state)[0][USER_INDEX["progress"]] == 1.0


def test_consent_and_budget_are_what_was_said_last() -> None:
    life = Life().then("signup", consent=7, duration=600.0)
    assert (life.user.consent, life.user.budget_seconds) == (7, 600.0)
    life.then("consent", consent=2)
    assert (life.user.consent, life.user.budget_seconds) == (2, 600.0)
    assert Life().then("signup").user.budget_seconds == 30 * 60.0  # the journey's own


def test_a_late_event_is_folded_but_turns_no_clock_back() -> None:
    life = Life().then("signup").then("start", 0).then("fail", 0, after=-MINUTE)
    assert (life.user.fails, life.user.last_time) == (1, START_MS + 2000)


def test_counters_stop_instead_of_wrapping() -> None:
    life = Life().then("signup").then("start", 0)
    event = np.zeros(40_000, EVENT).view(np.recarray)
    event.time, event.kind, event.variant = life.time, KINDS.index("fail"), 1
    fold_log(PLAN, life.user, life.steps, life.skills, event)
    assert (life.user.fails, life.steps[0].fails, life.skills[0].tries) == (30_000, 30_000, 30_000)
