"""Sessions of one synthetic user: coming in, why and when to leave, staying away, coming back.

Constants without a citation are our choice; docs/behaviour.md names what each set was checked against.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.feelings import MOTIVATION_OF_PEERS, move
from agents.learner import LearnerPlan, fade, mastery_of
from agents.mind import (
    AT_BOUNDARY,
    AWAY_NOW,
    CASUAL,
    DISTRACTED,
    FRUSTRATED,
    NEVER,
    OFF_GOAL,
    STAYING,
    TIRED,
    WORKING,
)
from agents.timing import HOUR_MS, MINUTE_MS
from journeys.compiled import compiled, compiled_apart
from journeys.draws import (
    PURPOSE_DEVICE,
    PURPOSE_GAP,
    PURPOSE_LEAVE,
    PURPOSE_RETURNS,
    PURPOSE_SESSION,
    normal,
    uniform,
)
from journeys.events import AWAY, ENTER, LEAVE
from journeys.mask import progress
from journeys.plan import Plan
from journeys.state import DESKTOP, MOBILE, NOWHERE
from journeys.words import UNIT

# --- leaving, per moment ---
LEAVE_BASE = 0.006  # for no visible reason
LEAVE_TIRED = 0.22  # at twice the planned session length
LEAVE_FRUSTRATED = 0.28  # at full frustration without motivation
LEAVE_OFF_GOAL = 0.02  # before a step that does not serve the user's goal, without motivation
EASE_AT_BOUNDARY = 1.5  # stopping between steps is easier than within one
SPREAD_OF_SESSION = 0.4
# --- absence ---
BRIEF_AWAY = 0.73  # Iqbal and Horvitz 2007: 27% of suspended tasks took more than two hours to resume
BRIEF_MINUTES = 10.0  # the same: some ten minutes on the interruption and its sequels
SPREAD_OF_BRIEF = 0.9
LONGEST_BRIEF_MINUTES = 120.0
RETURN_OF_REASON = (1.0, 1.0, 0.7, 1.0, 0.8)  # on P(coming back unprompted), by reason of leaving
LEAST_RETURN = 0.3  # share of `return_chance` that is left without motivation
SPREAD_OF_GAP = 1.2  # EdNet: gaps beyond half an hour 10/50/90% = 0.9/15.4/117 h, a spread of 1.2 to 1.6
LONGEST_GAP_HOURS = 24.0 * 365.0
FORGIVING_HOURS = 12.0  # frustration halves in so many hours of absence


@compiled_apart
def begin_session(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64) -> None:
    """Come in, at the boundary or inside the step that was left open, with a session length in mind."""
    if mind.reason != DISTRACTED or mind.time - mind.left_at > LONGEST_BRIEF_MINUTES * MINUTE_MS:
        mind.session_start = mind.time
        spread = math.exp(SPREAD_OF_SESSION * normal(luck, PURPOSE_SESSION))
        mind.session_ms = np.int64(traits.session_minutes * MINUTE_MS * spread)
    mind.entered = mind.time
    mind.device = MOBILE if uniform(luck, PURPOSE_DEVICE) < traits.mobile else DESKTOP
    fade(plan, learner, mind, memories, traits.memory, mind.time)
    mind.phase = AT_BOUNDARY
    if mind.step != NOWHERE and mind.started:
        mind.phase = WORKING
        mind.mastery = mastery_of(plan, learner, mind, memories, mind.step)
    mind.aways = 0
    mind.returns_at = NEVER
    if mind.peers >= 0.0:
        compare(plan, mind, traits)


@compiled
def compare(plan: Plan, mind: Any, traits: Any) -> None:
    """Seeing peers ahead pulls, seeing them behind lets go."""
    move(mind, MOTIVATION_OF_PEERS * traits.sociability * (mind.peers - progress(plan, mind.done)))


@compiled
def tired(mind: Any) -> float:
    """0 up to three quarters of the planned session, 1 at twice its length."""
    elapsed = (mind.time - mind.session_start) / max(1.0, mind.session_ms)
    return min(1.0, max(0.0, (elapsed - 0.75) / 1.25))


@compiled
def serves_goal(plan: Plan, mind: Any, s: int) -> bool:
    """Whether step `s` serves what the user came for; everything does where the journey names no goals."""
    return mind.goal < 0 or plan.goals[mind.goal] >> np.uint64(s) & UNIT != 0


@compiled
def why_leave(plan: Plan, mind: Any, traits: Any, ease: float, length: float, luck: np.uint64) -> int:
    """The reason to end the session at this moment, or STAYING.

    `ease` multiplies all hazards but distraction, `length` (of the moment, relative to a usual one) all of them.
    """
    u = uniform(luck, PURPOSE_LEAVE) / length
    edge = traits.distraction
    if u < edge:
        return DISTRACTED
    edge += ease * LEAVE_BASE
    if u < edge:
        return CASUAL
    edge += ease * LEAVE_TIRED * tired(mind)
    if u < edge:
        return TIRED
    edge += ease * LEAVE_FRUSTRATED * mind.frustration * mind.frustration * (1.0 - mind.motivation)
    if u < edge:
        return FRUSTRATED
    new = mind.done >> np.uint64(mind.step) & UNIT == 0
    if mind.phase == AT_BOUNDARY and new and not serves_goal(plan, mind, mind.step):
        edge += ease * LEAVE_OFF_GOAL * (1.0 - mind.motivation)
    return OFF_GOAL if u < edge else STAYING


@compiled_apart
def leave(mind: Any, traits: Any, reason: int, luck: np.uint64, event: Any) -> None:
    """End the session; whether and when the user would come back unprompted is settled now."""
    event.kind = LEAVE
    mind.phase, mind.left_at, mind.aways, mind.asked, mind.reason = AWAY_NOW, mind.time, 0, 0, reason
    if not mind.started:
        mind.step = NOWHERE
    mind.returns_at = NEVER
    u = uniform(luck, PURPOSE_RETURNS)
    if reason == DISTRACTED:
        if u < BRIEF_AWAY:
            minutes = BRIEF_MINUTES * math.exp(SPREAD_OF_BRIEF * normal(luck, PURPOSE_GAP))
            mind.returns_at = mind.time + np.int64(MINUTE_MS * min(minutes, LONGEST_BRIEF_MINUTES))
            return
        u = (u - BRIEF_AWAY) / (1.0 - BRIEF_AWAY)
    wish = LEAST_RETURN + (1.0 - LEAST_RETURN) * mind.motivation
    if u < traits.return_chance * RETURN_OF_REASON[reason] * wish:
        hours = traits.return_hours * math.exp(SPREAD_OF_GAP * normal(luck, PURPOSE_GAP))
        mind.returns_at = mind.time + np.int64(HOUR_MS * min(hours, LONGEST_GAP_HOURS))


@compiled
def next_check(plan: Plan, mind: Any) -> int:
    """When the timer writes the next `away` event; NEVER once the user counts as lost."""
    n_checks = len(plan.checks_ms)
    if mind.aways > n_checks:
        return NEVER
    return mind.left_at + (plan.checks_ms[mind.aways] if mind.aways < n_checks else plan.rules[0].lapse_ms)


@compiled_apart
def stay_away_or_return(
    plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64, event: Any
) -> None:
    """Away: the next thing is the return, or the timer's next `away` event, whichever comes first."""
    check = next_check(plan, mind)
    if mind.returns_at < NEVER and mind.returns_at <= check:
        hours = (mind.returns_at - mind.left_at) / HOUR_MS
        mind.time = event.time = mind.returns_at
        event.kind = ENTER
        mind.frustration *= 0.5 ** (hours / FORGIVING_HOURS)
        begin_session(plan, learner, mind, memories, traits, luck)
        event.device = mind["device"]  # NumPy's records have a `device` of their own
        return
    event.kind = AWAY
    mind.time = event.time = check
    mind.aways += 1
