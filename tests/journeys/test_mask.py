"""The compiled mask against a second reading of the rules, over random journeys and logs; and each rule by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.actions import decode, n_actions
from journeys.events import EVENT, KINDS
from journeys.fold import blank_states, fold
from journeys.forgetting import DUE
from journeys.loading import load_journey
from journeys.mask import write_mask
from journeys.plan import compile_plan
from journeys.spec import Journey
from journeys.state import UNDECLARED
from tests.journeys.plain_rules import History
from tests.journeys.random_logs import START_MS, any_journey, logs


def compiled_and_plain(journey: Journey, events: np.ndarray) -> list[tuple[set[str], set[str]]]:
    """After each event: what the compiled mask allows, and what the second reading allows."""
    plan, history = compile_plan(journey), History(journey)
    state = blank_states(plan, 1)
    mask = np.ones(n_actions(len(journey.steps)), bool)
    both = []
    for event in events:
        fold(plan, state.users[0], state.steps[0], state.skills[0], event)
        history.note(event)
        retained = state.skills["retained"][0] if journey.rules.forgetting else np.ones(len(journey.skills))
        history.fading = {skill.name for skill, r in zip(journey.skills, retained, strict=True) if r < DUE}
        write_mask(plan, state.users[0], mask)
        legal = {str(decode(int(action), journey.step_names())) for action in np.flatnonzero(mask)}
        both.append((legal, {str(action) for action in history.legal()}))
    return both


@settings(max_examples=300)
@given(st.data())
def test_the_mask_is_the_documented_one(data: st.DataObject) -> None:
    journey = data.draw(any_journey)
    for compiled, plain in compiled_and_plain(journey, data.draw(logs(journey, signed_up=data.draw(st.booleans())))):
        assert compiled == plain


def allowed(journey: Journey, *told: dict[str, object]) -> set[str]:
    """What is legal after these events, by both readings."""
    events = np.zeros(len(told), EVENT).view(np.recarray)
    time = START_MS
    for event, fields in zip(events, told, strict=True):
        time += int(fields.get("after", 60_000))  # type: ignore[call-overload]
        event.time, event.step, event.variant = time, -1, 1
        event.goal = event.experience = UNDECLARED
        event.kind = KINDS.index(str(fields["kind"]))
        for name in set(fields) - {"kind", "after"}:
            setattr(event, name, fields[name])
    compiled, plain = compiled_and_plain(journey, events)[-1]
    assert compiled == plain
    return compiled


TINY = load_journey("tiny")  # cool-down 30 s, six unasked offers, three messages
HINT, PUSH = 16, 21
SIGNUP, START, FAIL, ASK, LEAVE = (
    {"kind": kind, "step": 0, "consent": 7} for kind in ("signup", "start", "fail", "ask", "leave")
)
OFFER = {"kind": "decision", "action": HINT, "after": 0}
MESSAGE = {"kind": "decision", "action": PUSH, "after": 0}
NO_CONSENT = {"kind": "signup", "consent": 0}


def test_prerequisites_open_steps_and_done_steps_close() -> None:
    assert {name.split()[1] for name in allowed(TINY, SIGNUP)} == {"first-note", "tags-tour"}
    after = allowed(TINY, SIGNUP, START, {"kind": "succeed", "step": 0})
    assert {name.split()[1] for name in after} == {"checklist", "notebook", "tags-tour"}
    assert "select checklist (hard)" in after


def test_without_consent_everybody_gets_the_same() -> None:
    assert allowed(TINY, NO_CONSENT) == {"select first-note (standard)"}
    assert allowed(TINY, NO_CONSENT, START) == {"wait"}
    assert allowed(TINY, NO_CONSENT, START, ASK) == {"wait", "hint"}  # what was asked for is always given


@pytest.mark.parametrize(("seconds", "rungs"), [(29.999, {"wait"}), (30, {"wait", "hint", "guidance"})])
def test_help_that_nobody_asked_for_waits_for_the_cool_down(seconds: float, rungs: set[str]) -> None:
    assert allowed(TINY, SIGNUP, START, OFFER, {**FAIL, "after": int(seconds * 1000)}) == rungs


def test_the_ladder_is_climbed_one_rung_at_a_time() -> None:
    climb = [event for rung in range(3) for event in ({**OFFER, "action": HINT + rung}, FAIL)]
    assert allowed(TINY, SIGNUP, START) == {"wait", "hint"}
    assert allowed(TINY, SIGNUP, START, *climb[:2]) == {"wait", "hint", "guidance"}
    assert allowed(TINY, SIGNUP, START, *climb) == {"wait", "hint", "guidance", "full", "human"}
    assert allowed(TINY, SIGNUP, START, *climb, START) == {"wait", "hint"}  # a new visit starts at the foot


def test_the_budget_of_unasked_help_runs_out_but_asking_is_free() -> None:
    spent = [SIGNUP, START, *[event for _ in range(6) for event in (OFFER, FAIL)]]
    assert allowed(TINY, *spent[:-2]) == {"wait", "hint", "guidance"}
    assert allowed(TINY, *spent) == {"wait"}
    assert allowed(TINY, *spent, ASK) == {"wait", "hint", "guidance"}
    asked = [SIGNUP, START, *[event for _ in range(9) for event in (ASK, OFFER)], FAIL]
    assert allowed(TINY, *asked) == {"wait", "hint", "guidance"}


def test_messages_need_absence_consent_and_budget() -> None:
    away = {"kind": "away", "after": 86_400_000}
    assert allowed(TINY, SIGNUP, away) == set()
    assert allowed(TINY, SIGNUP, LEAVE, away) == {"nothing", "push", "email"}
    assert allowed(TINY, {"kind": "signup", "consent": 4}, LEAVE, away) == {"nothing", "email"}
    assert allowed(TINY, SIGNUP, LEAVE, away, MESSAGE, MESSAGE, MESSAGE, {**away, "after": 1}) == {"nothing"}


def test_nothing_is_legal_before_sign_up_or_after_the_end() -> None:
    done = [{"kind": "succeed", "step": step} for step in (0, 1, 2, 4)]
    assert allowed(TINY, {"kind": "consent", "consent": 7}) == set()
    assert allowed(TINY, SIGNUP, *done) == set()
    assert allowed(TINY, SIGNUP, *done, {"kind": "enter"}) == set()
    assert allowed(TINY, SIGNUP, {"kind": "enter", "after": 31 * 86_400_000}) == set()
