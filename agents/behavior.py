"""How one synthetic user behaves, as plain functions of one user.

`next_event` says what the user does next: at a boundary begin the offered step or leave; inside a step work, err,
hesitate, go back, ask, watch, give up or leave; while away return or not. `offers.react_to`: how an offer is taken.

`plan` is the compiled journey, `learner` the learner model, `mind` the user's hidden state (MIND), `memories` `(K,)`
the skills remembered (MEMORY), `traits` the user's TRAITS, `luck` the key of this event's draws, `event` the EVENT
record to fill. Constants without a citation are our choice; docs/behaviour.md names what each set was checked against.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.feelings import (
    GOAL_PULL,
    MOTIVATION_OF_FAILURE,
    MOTIVATION_OF_SUCCESS,
    RELIEF_OF_SUCCESS,
    SETBACK_OF_SIGN,
    distress,
    move,
    set_back,
)
from agents.learner import LearnerPlan, attempt, mastery_of, practise
from agents.mind import ARRIVING, AT_BOUNDARY, AWAY_NOW, STAYING, WORKING
from agents.sessions import EASE_AT_BOUNDARY, begin_session, leave, serves_goal, stay_away_or_return, why_leave
from agents.timing import ATTEMPT_SHARE, BROWSE_S, SIGN_SHARE, moment_length, spend, spread_of_time, working_seconds
from agents.visits import begin_event, finish_step, leave_step
from agents.watching import watch_on
from journeys.compiled import compiled, compiled_apart
from journeys.draws import (
    PURPOSE_CONSENT,
    PURPOSE_DECLARES,
    PURPOSE_EVENT,
    PURPOSE_EXPERIENCE,
    PURPOSE_EXPLORE,
    PURPOSE_EXPLORED,
    normal,
    uniform,
)
from journeys.events import ASK, BACKTRACK, FAIL, GIVE_UP, HESITATE, SIGNUP, START, SUCCEED
from journeys.mask import eligible, standard_of
from journeys.plan import Plan

# --- sign-up ---
HUMILITY = 0.7  # spread, in logits, of what people say of their experience around what they know
LITTLE, MUCH = -0.7, 0.9  # log-odds of prior knowledge below which people say "none", above which "much"
# --- inside a step ---
GIVE_UP_FRUSTRATED = 0.35  # per moment at full frustration
SURENESS = 0.35  # of hesitancy that is left where nothing is missing
HESITATES = 0.6  # share of hesitating among hesitating and going back
IDLE_ASKING = 0.12  # share of help-seeking that is there without any distress: help abuse (Aleven et al. 2006)
# --- interruption ---
INTERRUPTED_TIME = 1.15  # Bailey and Konstan 2006: +3 to +27% time on the interrupted task
INTERRUPTED_SLIPS = 2.0  # Bailey and Konstan 2006: twice the errors


@compiled
def next_event(
    plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64, event: Any
) -> None:
    """Let the user do the next thing, and write it into `event`."""
    if mind.phase == ARRIVING:
        sign_up(plan, learner, mind, memories, traits, luck, event)
        return
    begin_event(mind, luck, event)
    if mind.phase == AWAY_NOW:
        stay_away_or_return(plan, learner, mind, memories, traits, luck, event)
    elif mind.phase == AT_BOUNDARY:
        begin_or_leave(plan, learner, mind, memories, traits, luck, event)
    else:
        work(plan, learner, mind, memories, traits, luck, event)


@compiled_apart
def sign_up(
    plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64, event: Any
) -> None:
    """The first event: consents, the declared time budget (whole seconds, 0 for none), goal and experience."""
    begin_event(mind, luck, event)
    event.kind, event.time = SIGNUP, mind.time
    event.duration = np.floor(60.0 * traits.budget_minutes)
    event.consent = (
        (1 if uniform(luck, PURPOSE_CONSENT) < traits.personalise else 0)
        + (2 if uniform(luck, PURPOSE_CONSENT + 1) < traits.push else 0)
        + (4 if uniform(luck, PURPOSE_CONSENT + 2) < traits.email else 0)
    )
    if uniform(luck, PURPOSE_DECLARES) < traits.declares:
        event.goal = mind.goal
        said = math.log(traits.prior_odds) + HUMILITY * normal(luck, PURPOSE_EXPERIENCE)
        event.experience = 0 if said < LITTLE else (2 if said > MUCH else 1)
    begin_session(plan, learner, mind, memories, traits, luck)
    event.device = mind["device"]  # NumPy's records have a `device` of their own


@compiled
def begin_or_leave(
    plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64, event: Any
) -> None:
    """At a boundary: begin the offered step or another one, or end the session."""
    spend(mind, BROWSE_S * traits.pace * spread_of_time(luck), event)
    reason = why_leave(plan, mind, traits, EASE_AT_BOUNDARY, 1.0, luck)
    if reason != STAYING:
        leave(mind, traits, reason, luck, event)
        return
    if uniform(luck, PURPOSE_EXPLORE) < traits.exploration:
        go_exploring(plan, mind, luck)
    event.kind, event.step, event.variant = START, mind.step, mind.variant
    mind.phase, mind.started = WORKING, 1
    mind.taken = mind.asked = mind.interrupted = 0
    if plan.steps[mind.step].video and mind.video != mind.step:
        mind.video, mind.position = mind.step, 0.0
    mind.mastery = mastery_of(plan, learner, mind, memories, mind.step)


@compiled_apart
def go_exploring(plan: Plan, mind: Any, luck: np.uint64) -> None:
    """Turn to any other of the steps that are open, each as likely as the next, at the difficulty for everybody."""
    n_open, offered = 0, mind.step
    for s in range(len(plan.steps)):
        n_open += 1 if s != offered and eligible(plan, mind.done, s) else 0
    place = int(n_open * uniform(luck, PURPOSE_EXPLORED))
    for s in range(len(plan.steps)):
        if s != offered and eligible(plan, mind.done, s):
            if place == 0:
                mind.step, mind.variant = s, standard_of(plan.steps[s].variants)
            place -= 1


@compiled
def asking(mind: Any, traits: Any) -> float:
    """P(asking for help) at a moment of work; who has just asked in vain does not ask again at once."""
    return 0.0 if mind.asked else traits.help_seeking * (IDLE_ASKING + (1.0 - IDLE_ASKING) * distress(mind))


@compiled
def hesitating(mind: Any, traits: Any) -> float:
    """P(hesitating or going back) at a moment of work."""
    return traits.hesitancy * (SURENESS + (1.0 - SURENESS) * (1.0 - mind.mastery))


@compiled
def work(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64, event: Any) -> None:
    """Inside a step: competing risks decide what comes next."""
    event.step = mind.step
    give_up = GIVE_UP_FRUSTRATED * mind.frustration**3 * (1.0 - 0.5 * mind.motivation)
    ask, hesitate = asking(mind, traits), hesitating(mind, traits)
    mind.asked = 0
    reason = why_leave(plan, mind, traits, 1.0, moment_length(plan, mind), luck)
    if reason != STAYING:
        spend(mind, SIGN_SHARE * working_seconds(plan, mind, traits, luck), event)
        leave(mind, traits, reason, luck, event)
        return
    if plan.steps[mind.step].video:
        watch_on(plan, learner, mind, memories, traits, hesitate, luck, event)
        return
    seconds = working_seconds(plan, mind, traits, luck)
    u = uniform(luck, PURPOSE_EVENT)
    if u >= give_up + ask + hesitate:
        try_it(plan, learner, mind, memories, traits, luck, event, ATTEMPT_SHARE * seconds)
        return
    spend(mind, SIGN_SHARE * seconds, event)
    if u < give_up:
        event.kind = GIVE_UP
        leave_step(mind)
        move(mind, 2.0 * MOTIVATION_OF_FAILURE)
        mind.frustration *= 1.0 - RELIEF_OF_SUCCESS
    elif u < give_up + ask:
        event.kind = ASK
        mind.asked = 1
    else:
        event.kind = HESITATE if u < give_up + ask + HESITATES * hesitate else BACKTRACK
        set_back(mind, traits, SETBACK_OF_SIGN)


@compiled
def try_it(
    plan: Plan,
    learner: LearnerPlan,
    mind: Any,
    memories: Any,
    traits: Any,
    luck: np.uint64,
    event: Any,
    seconds: float,
) -> None:
    """One attempt at the step: it succeeds or fails, and teaches either way."""
    slip_odds = traits.slip_odds * (INTERRUPTED_SLIPS if mind.interrupted else 1.0)
    spend(mind, seconds * (INTERRUPTED_TIME if mind.interrupted else 1.0), event)
    mind.interrupted = 0
    success = attempt(plan, learner, mind, slip_odds, traits.guess_odds, luck)
    practise(plan, learner, mind, memories, traits.learn_odds, success, luck)
    if success:
        event.kind = SUCCEED
        mind.frustration *= 1.0 - RELIEF_OF_SUCCESS
        pull = GOAL_PULL if mind.goal >= 0 and serves_goal(plan, mind, mind.step) else 1.0
        move(mind, MOTIVATION_OF_SUCCESS * pull)
        finish_step(mind)
        return
    event.kind = FAIL
    move(mind, MOTIVATION_OF_FAILURE)
    set_back(mind, traits, 1.0)
