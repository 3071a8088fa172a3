"""How one synthetic user behaves, as plain functions of one user.

`next_event` says what the user does next: at a boundary begin the offered step or leave; inside a step work, err,
hesitate, go back, ask, give up or leave; while away return or not. `react_to` says how an offer is taken.

`plan` is the compiled journey, `mind` the user's hidden state (MIND), `traits` the user's TRAITS, `luck` the key of
this event's draws, `event` the EVENT record to fill. Constants without a citation are our choice; docs/behaviour.md
names what each set was checked against.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.learner import attempt, knows_all, practise
from agents.mind import ARRIVING, AT_BOUNDARY, AWAY_NOW, NEVER, WORKING
from journeys.actions import HUMAN, N_RUNGS, N_VARIANTS, NOTHING, WAIT
from journeys.compiled import compiled
from journeys.draws import (
    PURPOSE_CONSENT,
    PURPOSE_DURATION,
    PURPOSE_EVENT,
    PURPOSE_GAP,
    PURPOSE_LEAVE,
    PURPOSE_MESSAGE,
    PURPOSE_RESPONSE,
    PURPOSE_RETURNS,
    PURPOSE_SESSION,
    id_key,
    normal,
    uniform,
)
from journeys.events import (
    ACCEPT,
    ASK,
    AWAY,
    BACKTRACK,
    DISMISS,
    ENTER,
    FAIL,
    GIVE_UP,
    HESITATE,
    LEAVE,
    SIGNUP,
    START,
    SUCCEED,
)
from journeys.plan import Plan
from journeys.state import NOWHERE

HOUR_MS = 3_600_000.0
MINUTE_MS = 60_000.0

# --- time ---
BROWSE_S = 6.0  # looking at what is offered before starting it
SPREAD_OF_TIME = 0.45  # of the logarithm of one activity's time, within a person (van der Linden 2006: 0.3 to 0.6)
ATTEMPT_SHARE = 0.55  # of a step's expected time that one attempt takes; the rest is hesitation and repetition
SIGN_SHARE = 0.15  # the same of one hesitation, way back or question
READING_S = (0.0, 8.0, 25.0, 50.0, 240.0)  # taking help, by rung; a human takes minutes
# --- leaving ---
LEAVE_BASE = 0.006  # per moment, for no visible reason
LEAVE_TIRED = 0.30  # per moment at twice the planned session length
LEAVE_FRUSTRATED = 0.14  # per moment at full frustration without motivation
GIVE_UP_FRUSTRATED = 0.35  # per moment at full frustration
# --- frustration and motivation ---
SETBACK_OF_SIGN = 0.35  # a hesitation or way back weighs so much of a failure
REFUSED_HELP = 0.8  # asking in vain weighs so much of a failure
RELIEF_OF_SUCCESS = 0.6  # share of frustration that a success takes away
RELIEF_OF_HELP = (0.0, 0.20, 0.35, 0.5, 0.7)  # the same of accepted help by rung, when it meets distress
MOTIVATION_OF_SUCCESS, MOTIVATION_OF_FAILURE = 0.04, -0.03
MOTIVATION_OF_INTERRUPTION = -0.07  # times autonomy and calm
FORGIVING_HOURS = 12.0  # frustration halves in so many hours of absence
# --- help ---
DISTRESS_OF_GAP = 0.45  # lacking a needed skill feels like so much distress before the first failure
IDLE_ASKING = 0.12  # share of help-seeking that is there without any distress: help abuse (Aleven et al. 2006)
ACCEPT_CALM, ACCEPT_DISTRESS = 0.25, 0.65  # P(accepting) = calm + distress part, before habituation
EXPOSURE_KEPT = 0.85  # share of earlier exposure that is left at the next offer
INTERRUPTED_TIME = 1.15  # Bailey and Konstan 2006: +3 to +27% time on the interrupted task
INTERRUPTED_SLIPS = 2.0  # Bailey and Konstan 2006: twice the errors
ANNOYANCE_OF_MESSAGE = 0.3
# --- absence ---
MESSAGE_WORKS = (0.0, 0.30, 0.22)  # P(a first message brings a fully motivated user back): nothing, push, e-mail
MESSAGE_FATIGUE = 0.6  # exposure left from each earlier message, times habituation
ANSWER_MINUTES = 40.0  # median delay of a return that a message brought about
SPREAD_OF_ANSWER = 1.0
SPREAD_OF_GAP = 1.2  # EdNet: gaps beyond half an hour 10/50/90% = 0.9/15.4/117 h, a spread of 1.2 to 1.6
SPREAD_OF_SESSION = 0.4


@compiled
def next_event(plan: Plan, mind: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """Let the user do the next thing, and write it into `event`."""
    event.key, event.user = id_key(luck), mind.user
    event.step, event.rung, event.variant = NOWHERE, 0, mind.variant
    event.action, event.propensity, event.consent = -1, 1.0, 0
    event.duration = 0.0
    if mind.phase == ARRIVING:
        sign_up(mind, traits, luck, event)
    elif mind.phase == AWAY_NOW:
        stay_away_or_return(plan, mind, traits, luck, event)
    elif mind.phase == AT_BOUNDARY:
        begin_or_leave(mind, traits, luck, event)
    else:
        work(plan, mind, traits, luck, event)
    mind.n += 1


@compiled
def sign_up(mind: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """The first event: consents and the declared time budget (seconds, 0 for none)."""
    event.kind, event.time = SIGNUP, mind.time
    event.duration = 60.0 * traits.budget_minutes
    event.consent = (
        (1 if uniform(luck, PURPOSE_CONSENT) < traits.personalise else 0)
        + (2 if uniform(luck, PURPOSE_CONSENT + 1) < traits.push else 0)
        + (4 if uniform(luck, PURPOSE_CONSENT + 2) < traits.email else 0)
    )
    begin_session(mind, traits, luck)


@compiled
def begin_session(mind: Any, traits: Any, luck: np.uint64) -> None:
    """Come in, at the boundary or inside the step that was left open, with a session length in mind."""
    mind.session_start = mind.time
    spread = math.exp(SPREAD_OF_SESSION * normal(luck, PURPOSE_SESSION))
    mind.session_ms = np.int64(traits.session_minutes * MINUTE_MS * spread)
    mind.phase = WORKING if mind.step != NOWHERE and mind.started else AT_BOUNDARY
    mind.aways = 0
    mind.returns_at = NEVER


@compiled
def spend(mind: Any, seconds: float, event: Any) -> None:
    """Let active time pass: `event` ends then."""
    mind.time += np.int64(1000.0 * seconds)
    event.duration, event.time = seconds, mind.time


@compiled
def spread_of_time(luck: np.uint64) -> float:
    """Log-normal factor of one activity's time."""
    return math.exp(SPREAD_OF_TIME * normal(luck, PURPOSE_DURATION))


@compiled
def tired(mind: Any) -> float:
    """0 up to three quarters of the planned session, 1 at twice its length."""
    elapsed = (mind.time - mind.session_start) / max(1.0, mind.session_ms)
    return min(1.0, max(0.0, (elapsed - 0.75) / 1.25))


@compiled
def leaving_hazard(mind: Any) -> float:
    """P(ending the session at this moment): tiredness, and frustration where motivation is low."""
    frustrated = LEAVE_FRUSTRATED * mind.frustration * mind.frustration * (1.0 - mind.motivation)
    return LEAVE_BASE + LEAVE_TIRED * tired(mind) + frustrated


@compiled
def distress(plan: Plan, mind: Any) -> float:
    """How much the user needs help, 0 to 1: frustration, or lacking a skill that the step exercises."""
    lacking = 0.0 if knows_all(plan, mind) else DISTRESS_OF_GAP
    return lacking + (1.0 - lacking) * mind.frustration


@compiled
def begin_or_leave(mind: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """At a boundary: begin the offered step, or end the session. Stopping here is easier than mid-step."""
    spend(mind, BROWSE_S * traits.pace * spread_of_time(luck), event)
    if uniform(luck, PURPOSE_LEAVE) < 1.5 * leaving_hazard(mind):
        leave(mind, traits, luck, event)
        return
    event.kind, event.step = START, mind.step
    mind.phase, mind.started = WORKING, 1
    mind.fails = mind.taken = mind.asked = mind.interrupted = 0


@compiled
def work(plan: Plan, mind: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """Inside a step: competing risks decide what comes next."""
    event.step = mind.step
    lacking = 0.0 if knows_all(plan, mind) else 1.0
    need = distress(plan, mind)
    give_up = GIVE_UP_FRUSTRATED * mind.frustration**3 * (1.0 - 0.5 * mind.motivation)
    ask = 0.0 if mind.asked else traits.help_seeking * (IDLE_ASKING + (1.0 - IDLE_ASKING) * need)
    hesitate = traits.hesitancy * (0.35 + 0.65 * lacking)
    seconds = plan.steps[mind.step].seconds * plan.time[mind.variant] * traits.pace * spread_of_time(luck)
    mind.asked = 0
    if uniform(luck, PURPOSE_LEAVE) < leaving_hazard(mind):
        spend(mind, SIGN_SHARE * seconds, event)
        leave(mind, traits, luck, event)
        return
    u = uniform(luck, PURPOSE_EVENT)
    if u >= give_up + ask + hesitate:
        try_it(plan, mind, traits, luck, event, ATTEMPT_SHARE * seconds)
        return
    spend(mind, SIGN_SHARE * seconds, event)
    if u < give_up:
        event.kind = GIVE_UP
        mind.phase, mind.step, mind.started = AT_BOUNDARY, NOWHERE, 0
        mind.motivation = within(mind.motivation + 2.0 * MOTIVATION_OF_FAILURE)
        mind.frustration *= 1.0 - RELIEF_OF_SUCCESS
    elif u < give_up + ask:
        event.kind = ASK
        mind.asked = 1
    else:
        event.kind = HESITATE if u < give_up + ask + 0.6 * hesitate else BACKTRACK
        set_back(mind, traits, SETBACK_OF_SIGN)


@compiled
def try_it(plan: Plan, mind: Any, traits: Any, luck: np.uint64, event: Any, seconds: float) -> None:
    """One attempt at the step: it succeeds or fails, and teaches either way."""
    slip_odds = traits.slip_odds * (INTERRUPTED_SLIPS if mind.interrupted else 1.0)
    spend(mind, seconds * (INTERRUPTED_TIME if mind.interrupted else 1.0), event)
    mind.interrupted = 0
    success = attempt(plan, mind, slip_odds, traits.guess_odds, luck)
    practise(plan, mind, traits.learn_odds, luck)
    if success:
        event.kind = SUCCEED
        mind.frustration *= 1.0 - RELIEF_OF_SUCCESS
        mind.motivation = within(mind.motivation + MOTIVATION_OF_SUCCESS)
        mind.phase, mind.step, mind.started = AT_BOUNDARY, NOWHERE, 0
        return
    event.kind = FAIL
    mind.fails += 1
    mind.motivation = within(mind.motivation + MOTIVATION_OF_FAILURE)
    set_back(mind, traits, 1.0)


@compiled
def set_back(mind: Any, traits: Any, size: float) -> None:
    """Frustration grows towards 1; after `patience` setbacks of size 1 it has come 63% of the way."""
    mind.frustration += (1.0 - mind.frustration) * (1.0 - math.exp(-size / traits.patience))


@compiled
def within(value: float) -> float:
    """`value` cut to [0, 1]."""
    return min(1.0, max(0.0, value))


@compiled
def leave(mind: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """End the session; whether and when the user would come back unprompted is settled now."""
    event.kind = LEAVE
    mind.phase, mind.left_at, mind.aways, mind.asked = AWAY_NOW, mind.time, 0, 0
    if not mind.started:
        mind.step = NOWHERE
    mind.returns_at = NEVER
    if uniform(luck, PURPOSE_RETURNS) < traits.return_chance * (0.3 + 0.7 * mind.motivation):
        hours = traits.return_hours * math.exp(SPREAD_OF_GAP * normal(luck, PURPOSE_GAP))
        mind.returns_at = mind.time + np.int64(HOUR_MS * min(hours, 24.0 * 365.0))


@compiled
def stay_away_or_return(plan: Plan, mind: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """Away: the next thing is the return, or the timer's next `away` event, whichever comes first."""
    n_checks = len(plan.checks_ms)
    wait = plan.checks_ms[mind.aways] if mind.aways < n_checks else plan.rules[0].lapse_ms
    if mind.returns_at <= mind.left_at + wait:
        hours = (mind.returns_at - mind.left_at) / HOUR_MS
        mind.time = event.time = mind.returns_at
        event.kind = ENTER
        mind.frustration *= 0.5 ** (hours / FORGIVING_HOURS)
        begin_session(mind, traits, luck)
        return
    event.kind = AWAY
    mind.time = event.time = mind.left_at + wait
    mind.aways += 1


@compiled
def react_to(plan: Plan, mind: Any, traits: Any, action: int, luck: np.uint64, event: Any) -> bool:
    """Take notice of what a policy offered. True where that is an event of its own (accept, dismiss)."""
    n_steps = len(plan.steps)
    if action < N_VARIANTS * n_steps:
        mind.step, mind.variant = action // N_VARIANTS, action % N_VARIANTS
        return False
    rung = action - N_VARIANTS * n_steps
    if rung >= N_RUNGS:
        if rung - N_RUNGS != NOTHING:
            take_message(mind, traits, rung - N_RUNGS, luck)
        return False
    if rung == WAIT:
        if mind.asked:
            set_back(mind, traits, REFUSED_HELP)
        return False
    take_help(plan, mind, traits, rung, luck, event)
    return True


@compiled
def take_message(mind: Any, traits: Any, channel: int, luck: np.uint64) -> None:
    """A push or e-mail may bring the user back soon; each is worth less than the one before."""
    weight = 1.0 / (1.0 + traits.habituation * mind.message_exposure)
    if uniform(luck, PURPOSE_MESSAGE) < MESSAGE_WORKS[channel] * weight * (0.3 + 0.7 * mind.motivation):
        minutes = ANSWER_MINUTES * math.exp(SPREAD_OF_ANSWER * normal(luck, PURPOSE_GAP))
        mind.returns_at = min(mind.returns_at, mind.time + np.int64(MINUTE_MS * minutes))
    mind.message_exposure = MESSAGE_FATIGUE * mind.message_exposure + 1.0
    mind.annoyance += ANNOYANCE_OF_MESSAGE * traits.autonomy


@compiled
def take_help(plan: Plan, mind: Any, traits: Any, rung: int, luck: np.uint64, event: Any) -> None:
    """Help meets distress and is welcome, or interrupts flow and annoys; each further offer is worth less."""
    need = distress(plan, mind)
    freshness = 1.0 / (1.0 + traits.habituation * mind.exposure)
    welcome = (ACCEPT_CALM + ACCEPT_DISTRESS * need) * (1.0 - traits.autonomy * (1.0 - need))
    accepts = bool(mind.asked) or uniform(luck, PURPOSE_RESPONSE) < freshness * welcome
    event.key, event.user = id_key(luck), mind.user
    event.step, event.variant, event.rung = mind.step, mind.variant, rung
    event.action, event.propensity, event.consent = -1, 1.0, 0
    if not mind.asked:
        intrude(mind, traits, need)
    if accepts:
        event.kind = ACCEPT
        spend(mind, READING_S[rung] * traits.pace, event)
        mind.taken = max(mind.taken, rung)
        mind.frustration *= 1.0 - RELIEF_OF_HELP[rung] * need
        mind.humans += 1 if rung == HUMAN else 0
    else:
        event.kind = DISMISS
        spend(mind, 1.5, event)  # seconds to find the cross
    mind.asked = 0
    mind.n += 1


@compiled
def intrude(mind: Any, traits: Any, need: float) -> None:
    """An offer that nobody asked for: the calmer the user, the more it interrupts."""
    calm = 1.0 - need
    mind.annoyance += traits.autonomy * calm * (1.0 + traits.habituation * mind.exposure)
    mind.motivation = within(mind.motivation + MOTIVATION_OF_INTERRUPTION * traits.autonomy * calm)
    mind.exposure = EXPOSURE_KEPT * mind.exposure + 1.0
    mind.interrupted = 1 if calm > 0.5 else mind.interrupted
