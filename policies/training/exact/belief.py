"""The exact belief over who a calm user is and what they know, from the user's events alone.

`belief` `(P, 2**K)` weighs every (kind, set of skills known); a TRACE holds all else that a state consists of, and that
the events tell for certain. Both are moved by `see`, event by event, by the chance that the model gives to the event.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.behavior import INTERRUPTED_SLIPS, asking, hesitating
from agents.learner import chance_of_success
from agents.offers import welcome
from agents.sessions import EASE_AT_BOUNDARY
from agents.watching import PAUSING, SEEKING
from journeys.actions import HINT, HUMAN, N_VARIANTS
from journeys.compiled import compiled, compiled_apart
from journeys.events import (
    ACCEPT,
    ASK,
    AWAY,
    DECISION,
    DISMISS,
    ENTER,
    FAIL,
    LEAVE,
    PAUSE,
    SEEK,
    START,
    SUCCEED,
    WATCH,
)
from journeys.knowledge import LEARN_OF_WATCHING
from journeys.state import NOWHERE
from policies.training.exact.moments import EMPTY, brief, chance_of_subset, imagine, lost
from policies.training.exact.states import QUARTERS, Model, complete, with_step

TRACE = np.dtype(
    [
        ("done", "u8"),  # set of steps
        ("step", "i2"),  # the current one, or NOWHERE
        ("variant", "i1"),
        ("taken", "i1"),
        ("shown", "i1"),
        ("interrupted", "i1"),
        ("asked", "i1"),
        ("offers", "i1"),  # nobody asked for
        ("quarter", "i1"),  # of the video
        ("gone", "i1"),  # counts as lost, or through
    ],
    align=True,
)


@compiled
def begin_trace(trace: Any) -> None:
    """At sign-up."""
    trace.done, trace.step = EMPTY, NOWHERE
    trace.variant = trace.taken = trace.shown = trace.interrupted = trace.asked = 0
    trace.offers = trace.quarter = trace.gone = 0


@compiled
def offered(model: Model, trace: Any, action: int) -> None:
    """A decision: help that is offered has been shown."""
    rung = action - N_VARIANTS * len(model.plan.steps)
    if HINT <= rung <= HUMAN:
        trace.shown = max(trace.shown, rung)


@compiled_apart
def see(model: Model, trace: Any, belief: Any, after: Any, kind: int, step: int, variant: int, rung: int) -> None:
    """Move `trace` and `belief` by an event of this `kind` (and step, variant, rung); `after` has a belief's shape.

    `belief` is not normalised: its sum falls by the chance of the event. Leaving and what comes of it, the return
    (ENTER) or not (AWAY), are weighed together, when that is known.
    """
    if kind == LEAVE:
        trace.asked = 0
        return
    if kind == SUCCEED or kind == FAIL:
        attempted(model, trace, belief, after, kind == SUCCEED)
    else:
        for p in range(belief.shape[0]):
            for known in range(belief.shape[1]):
                if belief[p, known] > 0.0:
                    belief[p, known] *= chance_of(model, trace, p, np.uint64(known), kind)
    advance_trace(model, trace, kind, step, variant, rung)


@compiled
def chance_of(model: Model, trace: Any, p: int, known: Any, kind: int) -> float:
    """P(event of this kind | hidden state) where the event moves no knowledge."""
    at_boundary = trace.step == NOWHERE
    if kind == ENTER:
        return brief(model, p)
    ease = EASE_AT_BOUNDARY if at_boundary else 1.0
    if kind == AWAY:
        return lost(model, p, ease)
    if kind == START:
        return 1.0 - brief(model, p) - lost(model, p, ease)
    if at_boundary:
        return 1.0
    mind = imagine(model, known, trace.step, trace.variant, trace.taken, trace.offers, trace.interrupted, trace.asked)
    if kind == ACCEPT or kind == DISMISS:
        accepts = 1.0 if trace.asked else welcome(mind, model.traits[p])
        return accepts if kind == ACCEPT else 1.0 - accepts
    return staying(model, p) * chance_of_sign(model, trace, p, mind, kind)


@compiled
def staying(model: Model, p: int) -> float:
    """P(not leaving) at a moment inside a step."""
    return 1.0 - brief(model, p) - lost(model, p, 1.0)


@compiled
def chance_of_sign(model: Model, trace: Any, p: int, mind: Any, kind: int) -> float:
    """The same inside a step, of who stays. Hesitating and going back differ by a constant, which is left out."""
    hesitates = hesitating(mind, model.traits[p])
    if model.plan.steps[trace.step].video:
        seeks = SEEKING * hesitates if trace.quarter > 0 else 0.0
        if kind == SEEK:
            return seeks
        return PAUSING if kind == PAUSE else 1.0 - seeks - PAUSING
    return asking(mind, model.traits[p]) if kind == ASK else hesitates


@compiled
def attempted(model: Model, trace: Any, belief: Any, after: Any, success: bool) -> None:
    """An attempt, or the end of a video: evidence, and practice."""
    video = model.plan.steps[trace.step].video
    share = LEARN_OF_WATCHING if video else 1.0
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            after[p, known] = 0.0
        for known in range(belief.shape[1]):
            if belief[p, known] > 0.0:
                word = np.uint64(known)
                mass = belief[p, known] * chance_of_outcome(model, trace, p, word, success)
                mind = imagine(model, word, trace.step, trace.variant, trace.taken, trace.offers, 0, 0)
                missing = model.plan.steps[trace.step].taught & ~word
                learned = EMPTY
                while True:
                    part = mass * chance_of_subset(model, mind, p, learned, missing, share)
                    after[p, np.int64(word | learned)] += part
                    learned = (learned - missing) & missing
                    if learned == EMPTY:
                        break
        for known in range(belief.shape[1]):
            belief[p, known] = after[p, known]


@compiled
def chance_of_outcome(model: Model, trace: Any, p: int, known: Any, success: bool) -> float:
    """P(this outcome of the moment | hidden state)."""
    traits = model.traits[p]
    mind = imagine(model, known, trace.step, trace.variant, trace.taken, trace.offers, trace.interrupted, trace.asked)
    if model.plan.steps[trace.step].video:
        return staying(model, p) * chance_of_sign(model, trace, p, mind, WATCH)
    slip_odds = traits.slip_odds * (INTERRUPTED_SLIPS if trace.interrupted else 1.0)
    succeeds = chance_of_success(model.plan, model.learner, mind, slip_odds, traits.guess_odds)
    tries = staying(model, p) * (1.0 - asking(mind, traits) - hesitating(mind, traits))
    return tries * (succeeds if success else 1.0 - succeeds)


@compiled
def advance_trace(model: Model, trace: Any, kind: int, step: int, variant: int, rung: int) -> None:
    """What the event tells for certain."""
    if kind == START:
        trace.step, trace.variant = step, variant
        trace.taken = trace.shown = trace.interrupted = trace.quarter = 0
    elif kind == ACCEPT or kind == DISMISS:
        if not trace.asked:
            trace.offers += 1
            trace.interrupted = 1  # a calm user is always in flow enough: distress stays below one half
        if kind == ACCEPT:
            trace.taken = max(trace.taken, rung)
    elif kind == SUCCEED:
        trace.done, trace.step = with_step(trace.done, trace.step), NOWHERE
        trace.shown = trace.taken = trace.quarter = 0
        trace.gone = 1 if complete(model.plan, trace.done) else 0
    elif kind == FAIL:
        trace.interrupted = 0
    elif kind == WATCH:
        trace.quarter = min(QUARTERS - 1, trace.quarter + 1)
    elif kind == SEEK:
        trace.quarter -= 1
    elif kind == AWAY:
        trace.gone = 1
    trace.asked = 1 if kind == ASK else 0


@compiled_apart
def follow(model: Model, traces: Any, beliefs: Any, after: Any, rows: Any, log: Any, n_events: Any) -> None:
    """Move the traces and beliefs `(n, P, 2**K)` of the users in `rows` by their events since the last decision."""
    for i in range(len(rows)):
        row = rows[i]
        for j in range(n_events[row]):
            event = log[row, j]
            if traces[row].gone == 0:
                if event.kind == DECISION:
                    offered(model, traces[row], event.action)
                else:
                    see(model, traces[row], beliefs[row], after, event.kind, event.step, event.variant, event.rung)
                    normalise(beliefs[row])


@compiled
def normalise(belief: Any) -> None:
    """Let a belief sum to 1."""
    total = 0.0
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            total += belief[p, known]
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            belief[p, known] /= total
