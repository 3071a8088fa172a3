"""How a synthetic user watches a video step: quarter by quarter, pausing, seeking back, dropping off.

Constants without a citation are our choice; docs/behaviour.md names what each set was checked against.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.feelings import SETBACK_OF_SIGN, move, set_back
from agents.learner import LearnerPlan, practise
from agents.timing import SIGN_SHARE, spend
from agents.visits import finish_step, leave_step
from journeys.compiled import compiled, compiled_apart
from journeys.draws import PURPOSE_EVENT, PURPOSE_RESPONSE, uniform
from journeys.events import DROP, PAUSE, SEEK, SUCCEED, WATCH
from journeys.plan import MINUTE_S, Plan
from journeys.state import NOWHERE

QUARTER = 0.25  # of the video, between two reports: the quartiles that video players commonly report
PAUSING = 0.06  # P(pausing) per quarter
SEEKING = 0.5  # P(seeking back) per quarter relative to hesitating at work: what was missed is what is hesitated over
KEENNESS = 1.5  # the drop-off hazard runs from 1.5 times the trait's, without motivation, to half of it
BEARABLE_MINUTES = 9.0  # a longer video puts off by its length: of those beyond 12, half as much is seen (Guo et al.)
MOTIVATION_OF_DROPPING = -0.05
SETBACK_OF_DROPPING = 0.5  # the same weight as a failure would be 1: who is offered the video again has not forgotten


@compiled_apart
def watch_on(
    plan: Plan,
    learner: LearnerPlan,
    mind: Any,
    memories: Any,
    traits: Any,
    hesitate: float,
    luck: np.uint64,
    event: Any,
) -> None:
    """The next quarter of the video, or what comes in between; `hesitate`: P(hesitating) at such a moment."""
    until = QUARTER * (math.floor(mind.position / QUARTER) + 1.0)
    whole = plan.steps[mind.step].seconds * plan.time[mind.variant]
    seconds = (until - mind.position) * whole
    length = whole / (MINUTE_S * BEARABLE_MINUTES)
    attention = traits.attention / max(1.0, length * length)
    drop = (KEENNESS - mind.motivation) * (1.0 - 0.5 ** (seconds / (MINUTE_S * attention)))
    seek = SEEKING * hesitate if mind.position > 0.0 else 0.0
    u = uniform(luck, PURPOSE_EVENT)
    event.position = mind.position
    if u < drop:
        part = uniform(luck, PURPOSE_RESPONSE)
        spend(mind, part * seconds, event)
        mind.position += part * (until - mind.position)
        event.kind, event.position = DROP, mind.position
        move(mind, MOTIVATION_OF_DROPPING)
        set_back(mind, traits, SETBACK_OF_DROPPING)
        leave_step(mind)
    elif u < drop + seek:
        spend(mind, SIGN_SHARE * seconds, event)
        mind.position = max(0.0, mind.position - QUARTER)
        event.kind, event.position = SEEK, mind.position
        set_back(mind, traits, SETBACK_OF_SIGN)
    elif u < drop + seek + PAUSING:
        spend(mind, SIGN_SHARE * seconds, event)
        event.kind = PAUSE
    else:
        spend(mind, seconds, event)
        mind.position = until
        event.position = mind.position
        event.kind = WATCH
        if mind.position >= 1.0:
            finish(plan, learner, mind, memories, traits, luck, event)


@compiled
def finish(
    plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, traits: Any, luck: np.uint64, event: Any
) -> None:
    """Seen to the end: that teaches, though less than doing."""
    event.kind, event.position = SUCCEED, 0.0
    mind.video = NOWHERE
    practise(plan, learner, mind, memories, traits.learn_odds, True, luck)
    finish_step(mind)
