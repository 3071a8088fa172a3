"""What a moment is worth, in expectation: the functions of `agents` with probabilities in the place of draws.

Every chance and every duration is that of the synthetic user: the very functions, where `agents` has one, else its
constants in the order of its competing risks. `x0` and `x1` below are the values of staying where one is, without and
with having asked: what is not yet known when a state is solved comes out as a linear form `c + a0 x0 + a1 x1`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from agents.behavior import INTERRUPTED_SLIPS, INTERRUPTED_TIME, asking, hesitating
from agents.feelings import distress
from agents.kernel import ANNOYANCE, CHURN, COMPLETION, SECONDS_PER_HOUR, SKILL_GAINED, TIME
from agents.learner import chance_of_learning, chance_of_success
from agents.offers import intrude, welcome
from agents.sessions import BRIEF_AWAY, EASE_AT_BOUNDARY, LEAVE_BASE
from agents.timing import ATTEMPT_SHARE, BROWSE_S, CLOSING_S, READING_S, SIGN_SHARE, SPREAD_OF_TIME
from agents.watching import PAUSING, QUARTER, SEEKING
from journeys.compiled import compiled
from journeys.fold import expected_seconds
from journeys.knowledge import LEARN_OF_WATCHING
from journeys.words import UNIT, count_members
from policies.training.exact.states import (
    FIRST_CELL,
    QUARTERS,
    Model,
    Place,
    Values,
    cell_of,
    complete,
    next_offer,
    video_cell,
    visit_of,
    with_step,
)

MEAN_SPREAD = math.exp(SPREAD_OF_TIME * SPREAD_OF_TIME / 2.0)  # of the log-normal factor of an activity's time
EMPTY = np.uint64(0)


class Form(NamedTuple):
    """`c + a0 x0 + a1 x1`."""

    c: float
    a0: float
    a1: float


@compiled
def imagine(model: Model, known: Any, s: int, v: int, taken: int, offers: int, interrupted: int, asked: int) -> Any:
    """The mind of a calm user in this state, for the functions of `agents`. It is overwritten by the next call."""
    mind = model.scratch[0]
    mind.known, mind.step, mind.variant, mind.taken = known, s, v, taken
    mind.exposure, mind.interrupted, mind.asked = model.exposure[offers], interrupted, asked
    exercised = model.plan.steps[s].exercised
    mind.mastery = 1.0 if known & exercised == exercised else 0.0  # `agents.learner.mastery_of` of binary mastery
    mind.frustration = mind.annoyance = 0.0
    return mind


@compiled
def costs(model: Model, seconds: float) -> float:
    """The reward of active time."""
    return model.weights[TIME] * seconds / SECONDS_PER_HOUR


@compiled
def whole_seconds(model: Model, at: Place) -> float:
    """Mean of `agents.timing.working_seconds`."""
    return expected_seconds(model.plan, EMPTY, at.s, at.v) * model.traits[at.p].pace * MEAN_SPREAD


@compiled
def brief(model: Model, p: int) -> float:
    """P(being called away and coming back the same day), per moment."""
    return model.traits[p].distraction * BRIEF_AWAY


@compiled
def lost(model: Model, p: int, ease: float) -> float:
    """P(leaving for good), per moment."""
    return model.traits[p].distraction * (1.0 - BRIEF_AWAY) + ease * LEAVE_BASE


@compiled
def chance_of_subset(model: Model, mind: Any, p: int, learned: Any, missing: Any, share: float) -> float:
    """P(exactly the skills `learned` of those `missing` come to be known in one practice)."""
    chance = 1.0
    for k in range(len(model.plan.prior)):
        bit = UNIT << np.uint64(k)
        if missing & bit:
            learns = chance_of_learning(model.plan, mind, k, model.traits[p].learn_odds, share)
            chance *= learns if learned & bit else 1.0 - learns
    return chance


@compiled
def worth_of_learning(model: Model, learned: Any) -> float:
    """The reward of skills that came to be known."""
    return model.weights[SKILL_GAINED] * count_members(learned) / len(model.plan.prior)


@compiled
def after_step(model: Model, values: Values, at: Place, known: Any) -> float:
    """Value of having just done the step."""
    done = with_step(model.sets[at.d], at.s)
    if complete(model.plan, done):
        return model.weights[COMPLETION]
    return values.boundary[at.p, at.offers, model.number_of_set[np.int64(done)], np.int64(known)]


@compiled
def after_success(model: Model, values: Values, mind: Any, at: Place, known: Any, share: float) -> float:
    """The same in expectation over what the practice, of which watching is a `share`, has taught."""
    missing = model.plan.steps[at.s].taught & ~known
    total, learned = 0.0, EMPTY
    while True:
        chance = chance_of_subset(model, mind, at.p, learned, missing, share)
        value = after_step(model, values, at, known | learned)
        total += chance * (worth_of_learning(model, learned) + value)
        learned = (learned - missing) & missing  # the next subset of `missing`
        if learned == EMPTY:
            return total


@compiled
def after_failure(
    model: Model,
    values: Values,
    mind: Any,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    interrupted: int,
) -> Form:
    """Value of a failed attempt: it may have taught all the same, and an interruption is over."""
    missing = model.plan.steps[at.s].taught & ~known
    c, a0, learned = 0.0, 0.0, EMPTY
    while True:
        chance = chance_of_subset(model, mind, at.p, learned, missing, 1.0)
        c += chance * worth_of_learning(model, learned)
        if learned == EMPTY and not interrupted:
            a0 += chance
        else:
            here = values.inside[at.p, at.offers, visit_of(model, at), np.int64(known | learned)]
            c += chance * here[cell_of(taken, shown, 0, 0)]
        learned = (learned - missing) & missing
        if learned == EMPTY:
            return Form(c, a0, 0.0)


@compiled
def work(
    model: Model,
    values: Values,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    interrupted: int,
    asked: int,
) -> Form:
    """Value of letting the user work on: `agents.behavior.work` at a step that is no video."""
    traits = model.traits[at.p]
    mind = imagine(model, known, at.s, at.v, taken, at.offers, interrupted, asked)
    seconds, back, gone = whole_seconds(model, at), brief(model, at.p), lost(model, at.p, 1.0)
    stays = 1.0 - back - gone
    asks, hesitates = stays * asking(mind, traits), stays * hesitating(mind, traits)
    tries = stays - asks - hesitates
    slower = INTERRUPTED_TIME if interrupted else 1.0
    slip_odds = traits.slip_odds * (INTERRUPTED_SLIPS if interrupted else 1.0)
    success = chance_of_success(model.plan, model.learner, mind, slip_odds, traits.guess_odds)
    won = after_success(model, values, mind, at, known, 1.0)
    failed = after_failure(model, values, mind, at, known, taken, shown, interrupted)
    c = costs(model, (1.0 - tries) * SIGN_SHARE * seconds + tries * ATTEMPT_SHARE * slower * seconds)
    c += gone * model.weights[CHURN] + tries * (success * won + (1.0 - success) * failed.c)
    return Form(c, back + hesitates + tries * (1.0 - success) * failed.a0, asks)


@compiled
def work_value(
    model: Model,
    values: Values,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    interrupted: int,
    asked: int,
) -> float:
    """The same where all values are known."""
    form = work(model, values, at, known, taken, shown, interrupted, asked)
    here = values.inside[at.p, at.offers, visit_of(model, at), np.int64(known)]
    cell = cell_of(taken, shown, interrupted, 0)
    return form.c + form.a0 * here[cell] + form.a1 * here[cell + 1]


@compiled
def watch_value(
    model: Model,
    values: Values,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    seen: int,
) -> float:
    """Value of letting the user watch on after `seen` quarters: `agents.watching.watch_on`, nobody dropping off."""
    traits = model.traits[at.p]
    mind = imagine(model, known, at.s, at.v, taken, at.offers, 0, 0)
    here = values.inside[at.p, at.offers, visit_of(model, at), np.int64(known)]
    back, gone = brief(model, at.p), lost(model, at.p, 1.0)
    stays, hesitates = 1.0 - back - gone, hesitating(mind, traits)
    leaving = costs(model, (back + gone) * SIGN_SHARE * whole_seconds(model, at)) + gone * model.weights[CHURN]
    quarter = QUARTER * model.plan.steps[at.s].seconds * model.plan.time[at.v]
    value = after_success(model, values, mind, at, known, LEARN_OF_WATCHING)
    for j in range(QUARTERS - 1, seen - 1, -1):
        seeks = SEEKING * hesitates if j > 0 else 0.0
        watches = 1.0 - seeks - PAUSING
        stay = here[video_cell(taken, shown, j)]
        before = here[video_cell(taken, shown, max(0, j - 1))]
        cost = costs(model, quarter * (watches + (seeks + PAUSING) * SIGN_SHARE))
        value = leaving + back * stay + stays * (cost + seeks * before + PAUSING * stay + watches * value)
    return value


@compiled
def go_on(
    model: Model,
    values: Values,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    within: int,
) -> float:
    """Value of the next moment at any step; `within`: the quarter of a video, else 2 interrupted + asked."""
    if model.plan.steps[at.s].video:
        return watch_value(model, values, at, known, taken, shown, within)
    return work_value(model, values, at, known, taken, shown, within >> 1, within & 1)


@compiled
def unasked_help(
    model: Model,
    values: Values,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    within: int,
    rung: int,
) -> float:
    """Value of offering help that nobody asked for: `agents.offers.take_help`, then the next moment."""
    traits, video = model.traits[at.p], model.plan.steps[at.s].video
    mind = imagine(model, known, at.s, at.v, taken, at.offers, 0 if video else within >> 1, 0)
    accepts = welcome(mind, traits)
    intrude(mind, traits, distress(mind))
    annoyed, top = model.weights[ANNOYANCE] * mind.annoyance, max(shown, rung)
    then = within if video else 2 * mind.interrupted
    yes = go_on(model, values, next_offer(at), known, max(taken, rung), top, then)
    no = go_on(model, values, next_offer(at), known, taken, top, then)
    yes += costs(model, READING_S[rung] * traits.pace)
    return annoyed + accepts * yes + (1.0 - accepts) * (costs(model, CLOSING_S) + no)


@compiled
def select_form(model: Model, values: Values, at: Place, known: Any) -> Form:
    """Value of offering a step at a boundary: `agents.behavior.begin_or_leave`."""
    back, gone = brief(model, at.p), lost(model, at.p, EASE_AT_BOUNDARY)
    begun = values.inside[at.p, at.offers, visit_of(model, at), np.int64(known), FIRST_CELL]
    browsing = costs(model, BROWSE_S * model.traits[at.p].pace * MEAN_SPREAD)
    return Form(browsing + gone * model.weights[CHURN] + (1.0 - back - gone) * begun, back, 0.0)
