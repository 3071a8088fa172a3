"""How a synthetic user takes what a policy offers: a step, help, a message.

Constants without a citation are our choice; docs/behaviour.md names what each set was checked against.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.feelings import (
    MOTIVATION_OF_INTERRUPTION,
    QUEUE_THAT_TRIES,
    REFUSED_HELP,
    RELIEF_OF_HELP,
    SETBACK_OF_QUEUE,
    distress,
    move,
    set_back,
)
from agents.sessions import LEAST_RETURN
from agents.timing import CLOSING_S, MINUTE_MS, READING_S, spend
from agents.visits import begin_event
from journeys.actions import HUMAN, N_RUNGS, N_VARIANTS, NOTHING, WAIT
from journeys.compiled import compiled, compiled_apart
from journeys.draws import PURPOSE_GAP, PURPOSE_MESSAGE, PURPOSE_QUEUE, PURPOSE_RESPONSE, normal, uniform
from journeys.events import ACCEPT, DISMISS
from journeys.plan import Plan

ACCEPT_CALM, ACCEPT_DISTRESS = 0.25, 0.65  # P(accepting) = calm + distress part, before habituation
EXPOSURE_KEPT = 0.85  # share of earlier exposure that is left at the next offer
ANNOYANCE_OF_MESSAGE = 0.3
MESSAGE_WORKS = (0.0, 0.30, 0.22)  # P(a first message brings a fully motivated user back): nothing, push, e-mail
MESSAGE_FATIGUE = 0.6  # exposure left from each earlier message, times habituation
ANSWER_MINUTES = 40.0  # median delay of a return that a message brought about
SPREAD_OF_ANSWER = 1.0
QUEUE_MINUTES = 8.0  # median time that a user of `TYPICAL_PATIENCE` waits for a human before giving up
TYPICAL_PATIENCE = 5.0  # setbacks; the newcomer's median
SPREAD_OF_QUEUE = 0.6


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
    take_help(mind, traits, rung, luck, event)
    return True


@compiled_apart
def take_message(mind: Any, traits: Any, channel: int, luck: np.uint64) -> None:
    """A push or e-mail may bring the user back soon; each is worth less than the one before."""
    weight = 1.0 / (1.0 + traits.habituation * mind.message_exposure)
    wish = LEAST_RETURN + (1.0 - LEAST_RETURN) * mind.motivation
    if uniform(luck, PURPOSE_MESSAGE) < MESSAGE_WORKS[channel] * weight * wish:
        minutes = ANSWER_MINUTES * math.exp(SPREAD_OF_ANSWER * normal(luck, PURPOSE_GAP))
        mind.returns_at = min(mind.returns_at, mind.time + np.int64(MINUTE_MS * minutes))
    mind.message_exposure = MESSAGE_FATIGUE * mind.message_exposure + 1.0
    mind.annoyance += ANNOYANCE_OF_MESSAGE * traits.autonomy


@compiled
def accepts(mind: Any, traits: Any, luck: np.uint64) -> bool:
    """Whether an offer of help is taken: always where it was asked for, else by need, autonomy and habituation."""
    return True if mind.asked else uniform(luck, PURPOSE_RESPONSE) < welcome(mind, traits)


@compiled
def welcome(mind: Any, traits: Any) -> float:
    """P(taking help that nobody asked for): by need and autonomy, less by habituation."""
    need = distress(mind)
    freshness = 1.0 / (1.0 + traits.habituation * mind.exposure)
    return freshness * ((ACCEPT_CALM + ACCEPT_DISTRESS * need) * (1.0 - traits.autonomy * (1.0 - need)))


@compiled
def queue_patience(traits: Any, luck: np.uint64) -> float:
    """Seconds that the user is ready to wait for a human."""
    median = 60.0 * QUEUE_MINUTES * traits.patience / TYPICAL_PATIENCE
    return median * math.exp(SPREAD_OF_QUEUE * normal(luck, PURPOSE_QUEUE))


@compiled_apart
def take_help(mind: Any, traits: Any, rung: int, luck: np.uint64, event: Any) -> None:
    """Help meets distress and is welcome, or interrupts flow and annoys; each further offer is worth less."""
    need, taken = distress(mind), accepts(mind, traits, luck)
    begin_event(mind, luck, event)
    event.step, event.rung = mind.step, rung
    if not mind.asked:
        intrude(mind, traits, need)
    if taken and rung == HUMAN and mind.wait > 0.0:
        set_back(mind, traits, SETBACK_OF_QUEUE * mind.wait / QUEUE_THAT_TRIES)
    if taken and not mind.reneges:
        event.kind = ACCEPT
        spend(mind, mind.wait + READING_S[rung] * traits.pace, event)
        mind.taken = max(mind.taken, rung)
        mind.frustration *= 1.0 - RELIEF_OF_HELP[rung] * need
        mind.humans += 1 if rung == HUMAN else 0
    else:
        event.kind = DISMISS
        spend(mind, mind.wait + CLOSING_S, event)
    mind.wait = 0.0
    mind.asked = mind.reneges = 0


@compiled
def intrude(mind: Any, traits: Any, need: float) -> None:
    """An offer that nobody asked for: the calmer the user, the more it interrupts."""
    calm = 1.0 - need
    mind.annoyance += traits.autonomy * calm * (1.0 + traits.habituation * mind.exposure)
    move(mind, MOTIVATION_OF_INTERRUPTION * traits.autonomy * calm)
    mind.exposure = EXPOSURE_KEPT * mind.exposure + 1.0
    mind.interrupted = 1 if calm > 0.5 else mind.interrupted
