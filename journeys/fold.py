"""The fold: state after an event from state before it. The one place where events become knowledge of a user.

It reads no clock and draws no luck: the same log gives the same state, in training and in production. It accepts
every well-formed event in any order (real users wander); what policies may *offer* is the mask's concern.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.actions import ASSIST, HUMAN, N_RUNGS, N_VARIANTS, NONE, NOTHING, REENGAGE, SELECT, STANDARD, WAIT
from journeys.compiled import compiled, compiled_apart
from journeys.events import (
    ACCEPT,
    ASK,
    AWAY,
    BACKTRACK,
    CONSENT,
    DECISION,
    DISMISS,
    DROP,
    ENTER,
    FAIL,
    GIVE_UP,
    HESITATE,
    LEAVE,
    PAUSE,
    SEEK,
    SIGNUP,
    START,
    SUCCEED,
    WATCH,
)
from journeys.knowledge import (
    PRIOR_ODDS_OF_EXPERIENCE,
    REVIEW_TIME,
    scale_odds,
)
from journeys.plan import MS, Plan
from journeys.signals import SLOWEST_PACE, START_ACCEPTANCE, START_PACE, START_SUCCESS, blend
from journeys.state import (
    COMPLETED,
    DONE,
    GIVEN_UP,
    LAPSED,
    NOWHERE,
    ONGOING,
    OUT_OF_TIME,
    SKILL,
    STARTED,
    STEP,
    TODO,
    UNDECLARED,
    UNKNOWN_DEVICE,
    USER,
    State,
)
from journeys.tracing import fade, find_due, trace_knowledge, trace_watching
from journeys.words import UNIT

LONG_AGO = -(2**53)  # ms; before any event, and far enough for every cool-down


@compiled_apart
def forget_user(plan: Plan, user: Any, steps: Any, skills: Any) -> None:
    """Reset one user's records to "nothing known yet"."""
    user.first_time = user.last_time = user.left_time = user.session_start = 0
    user.last_help_time = LONG_AGO
    user.done = user.due = np.uint64(0)
    user.active_seconds = user.visit_seconds = user.gap_seconds = user.position = 0.0
    user.budget_seconds = plan.rules[0].budget_seconds
    user.success_rate, user.acceptance, user.pace = START_SUCCESS, START_ACCEPTANCE, START_PACE
    user.hesitation = user.backtracking = user.giving_up = 0.0
    user.events = user.sessions = user.fails = user.fails_in_row = user.messages = user.aways = 0
    user.asked = user.shown = user.unsolicited = user.accepted = user.dismissed = 0
    user.current = user.offered = user.video = NOWHERE
    user.variant = STANDARD
    user.rung = user.taken = 0
    user.moment, user.ended = NONE, ONGOING
    user.present = user.consent = user.asked_now = 0
    user.device, user.goal, user.experience = UNKNOWN_DEVICE, UNDECLARED, UNDECLARED
    for s in range(len(steps)):
        step = steps[s]
        step.seconds = 0.0
        step.fails = step.visits = step.helps = 0
        step.status, step.variant = TODO, STANDARD
    for k in range(len(skills)):
        skill = skills[k]
        skill.belief = plan.prior[k]
        skill.retained, skill.stability, skill.practised = 1.0, 0.0, 0
        skill.tries = skill.successes = 0
        skill.recent = 0


@compiled
def fold(plan: Plan, user: Any, steps: Any, skills: Any, event: Any) -> None:
    """Fold `event` (EVENT) into one user's records: `user` (USER), `steps` `(S,)` STEP, `skills` `(K,)` SKILL.

    Afterwards `user.moment` says which decision, if any, is due, and `user.ended` whether the onboarding is over.
    """
    kind = event.kind
    if kind == DECISION:
        on_decision(user, steps, event)
        return
    user.events = min(user.events + 1, 2_000_000_000)  # an int32 counter that must not wrap
    if user.events == 1:
        user.first_time = user.session_start = user.left_time = event.time
    user.last_time = max(user.last_time, event.time)
    user.moment, user.asked_now = NONE, 0
    if kind == AWAY:
        on_away(plan, user)
    elif kind == CONSENT:
        user.consent = event.consent
    elif kind == LEAVE:
        user.active_seconds += event.duration
        user.present, user.left_time = 0, event.time
        user.aways = 0
    elif kind == SIGNUP or kind == ENTER:
        on_enter(plan, user, skills, event)
    else:
        on_work(plan, user, steps, skills, event)
    if user.ended == ONGOING and user.last_time - user.first_time > plan.rules[0].horizon_ms:
        user.ended = OUT_OF_TIME
    if user.ended != ONGOING:
        user.moment = NONE


@compiled
def at_boundary(user: Any) -> None:
    """The user is between steps: the next one is to be selected."""
    user.current = NOWHERE
    user.visit_seconds = 0.0
    user.rung = user.taken = 0
    user.moment = SELECT


@compiled
def on_enter(plan: Plan, user: Any, skills: Any, event: Any) -> None:
    """Sign-up or return: a session begins, at the boundary or inside the step that was left open."""
    if event.kind == SIGNUP:
        on_declaration(plan, user, skills, event)
    if event["device"] != UNKNOWN_DEVICE:  # NumPy's records have a `device` of their own
        user.device = event["device"]
    if user.sessions > 0 and user.present == 0:
        user.gap_seconds = max(0.0, (user.last_time - user.left_time) / MS)
    begin_session(plan, user, skills)
    user.moment = SELECT if user.current == NOWHERE else ASSIST


@compiled_apart
def on_declaration(plan: Plan, user: Any, skills: Any, event: Any) -> None:
    """What the user agrees to and says of themselves at sign-up; declared experience moves the first beliefs."""
    user.consent = event.consent
    if event.duration > 0.0:
        user.budget_seconds = event.duration
    if UNDECLARED < event.goal < len(plan.goals):
        user.goal = event.goal
    if event.experience != UNDECLARED and user.experience == UNDECLARED:
        user.experience = event.experience
        for k in range(len(skills)):
            if skills[k].tries == 0:
                factor = PRIOR_ODDS_OF_EXPERIENCE[event.experience]
                skills[k].belief = scale_odds(skills[k].belief, factor)


@compiled
def begin_session(plan: Plan, user: Any, skills: Any) -> None:
    """Mark the user as present from the last event on. One who had lapsed is back."""
    user.sessions = min(user.sessions + 1, 30_000)  # int16 counters stop instead of wrapping
    user.session_start = user.last_time
    user.present, user.aways = 1, 0
    if user.ended == LAPSED:
        user.ended = ONGOING
    fade(plan, user, skills)


@compiled
def on_away(plan: Plan, user: Any) -> None:
    """The timer reports a user still gone: a moment to re-engage, and after the last check the user is lost."""
    if user.present == 1:
        return
    user.aways = min(user.aways + 1, 30_000)
    user.gap_seconds = max(0.0, (user.last_time - user.left_time) / MS)
    if user.aways <= plan.rules[0].n_checks:
        user.moment = REENGAGE
    elif user.ended == ONGOING:  # who has completed does not lapse, and so is not brought back to choose by returning
        user.ended = LAPSED


@compiled
def on_work(plan: Plan, user: Any, steps: Any, skills: Any, event: Any) -> None:
    """Something happened inside a step."""
    if user.present == 0:  # an `enter` was lost: activity proves presence
        user.gap_seconds = max(0.0, (user.last_time - user.left_time) / MS) if user.sessions > 0 else 0.0
        begin_session(plan, user, skills)
    kind, s = event.kind, event.step
    step = steps[s]
    if kind == START or user.current != s:
        open_visit(plan, user, step, s, event.variant)
    user.active_seconds += event.duration
    user.visit_seconds += event.duration
    step.seconds += event.duration
    if kind == ACCEPT:
        user.taken = max(user.taken, event.rung)
        user.accepted = min(user.accepted + 1, 30_000)
        user.acceptance = blend(user.acceptance, 1.0)
        return
    if kind == DISMISS:
        user.dismissed = min(user.dismissed + 1, 30_000)
        user.acceptance = blend(user.acceptance, 0.0)
        return
    if kind == WATCH or kind == SEEK or kind == DROP:
        user.position = event.position
    if kind == WATCH:  # nobody is to be disturbed while watching
        return
    user.moment = ASSIST
    if kind == SUCCEED or kind == FAIL:
        on_attempt(plan, user, step, skills, s, kind == SUCCEED)
    elif kind == GIVE_UP or kind == DROP:
        user.giving_up = blend(user.giving_up, 1.0)
        if step.status != DONE:
            step.status = GIVEN_UP
        at_boundary(user)
    elif kind != START:
        on_sign(user, kind)


@compiled
def open_visit(plan: Plan, user: Any, step: Any, s: int, variant: int) -> None:
    """A visit of step `s` begins: the ladder starts at its foot again, a video goes on where it was left."""
    user.current, user.variant = s, variant
    user.rung = user.taken = user.fails_in_row = 0
    user.visit_seconds = 0.0
    if plan.steps[s].video and user.video != s:
        user.video, user.position = s, 0.0
    step.visits = min(step.visits + 1, 30_000)
    step.variant = variant
    if step.status != DONE:
        step.status = STARTED


@compiled
def on_sign(user: Any, kind: int) -> None:
    """Hesitating or pausing, going or seeking back, asking: signs of struggle without an outcome."""
    user.hesitation = blend(user.hesitation, 1.0 if kind == HESITATE or kind == PAUSE else 0.0)
    user.backtracking = blend(user.backtracking, 1.0 if kind == BACKTRACK or kind == SEEK else 0.0)
    if kind == ASK:
        user.asked = min(user.asked + 1, 30_000)
        user.asked_now = 1


@compiled
def on_attempt(plan: Plan, user: Any, step: Any, skills: Any, s: int, success: bool) -> None:
    """An attempt succeeded or failed: beliefs move, and a success finishes the step. A video is only watched."""
    if plan.steps[s].video:
        trace_watching(plan, user, skills, s, success)
    else:
        trace_knowledge(plan, user, skills, s, success)
        user.success_rate = blend(user.success_rate, 1.0 if success else 0.0)
    if user.due:
        find_due(plan, user, skills)
    user.hesitation, user.backtracking = blend(user.hesitation, 0.0), blend(user.backtracking, 0.0)
    if not success:
        step.fails = min(step.fails + 1, 30_000)
        user.fails = min(user.fails + 1, 30_000)
        user.fails_in_row = min(user.fails_in_row + 1, 30_000)
        return
    ratio = user.visit_seconds / expected_seconds(plan, user.done, s, user.variant)
    user.pace = blend(user.pace, min(SLOWEST_PACE, ratio))
    user.giving_up = blend(user.giving_up, 0.0)
    user.fails_in_row = 0
    step.status = DONE
    user.done = user.done | (UNIT << np.uint64(s))
    at_boundary(user)
    required = plan.rules[0].required
    if user.done & required == required:
        user.ended = COMPLETED


@compiled
def expected_seconds(plan: Plan, done: np.uint64, s: int, variant: int) -> float:
    """Expected active time of step `s` at a difficulty: less where it was `done` before and is reviewed.

    A video runs as long the second time.
    """
    seconds = plan.steps[s].seconds * plan.time[variant]
    return seconds * REVIEW_TIME if done >> np.uint64(s) & UNIT and not plan.steps[s].video else seconds


@compiled
def on_decision(user: Any, steps: Any, event: Any) -> None:
    """What was offered becomes part of the user's history; no moment is due until something happens."""
    n_steps = len(steps)
    action = event.action
    user.moment = NONE
    if action < N_VARIANTS * n_steps:
        user.offered = action // N_VARIANTS
        return
    rung = action - N_VARIANTS * n_steps
    if rung >= N_RUNGS:
        if rung - N_RUNGS != NOTHING:
            user.messages = min(user.messages + 1, 30_000)
        return
    if WAIT < rung <= HUMAN:
        user.rung = max(user.rung, rung)
        user.shown = min(user.shown + 1, 30_000)
        if user.asked_now == 0:
            user.unsolicited = min(user.unsolicited + 1, 30_000)
        user.last_help_time = max(user.last_time, event.time)
        user.asked_now = 0
        if user.current != NOWHERE:
            steps[user.current].helps = min(steps[user.current].helps + 1, 30_000)


@compiled
def fold_log(plan: Plan, user: Any, steps: Any, skills: Any, events: Any) -> None:
    """Fold one user's events `(n,)` EVENT, in order."""
    for i in range(len(events)):
        fold(plan, user, steps, skills, events[i])


def blank_states(plan: Plan, n: int) -> State:
    """States of `n` users of whom nothing is known yet."""
    state = State(
        np.zeros(n, USER).view(np.recarray),
        np.zeros((n, len(plan.steps)), STEP).view(np.recarray),
        np.zeros((n, len(plan.prior)), SKILL).view(np.recarray),
    )
    forget_all(plan, *state)
    return state


@compiled
def forget_all(plan: Plan, users: Any, steps: Any, skills: Any) -> None:
    """`forget_user` for every user: `users` `(n,)`, `steps` `(n, S)`, `skills` `(n, K)`."""
    for i in range(len(users)):
        forget_user(plan, users[i], steps[i], skills[i])
