"""The learner model: what a synthetic user knows, how that shows in attempts, and how practice changes it.

Binary mastery (Bayesian knowledge tracing, Corbett and Anderson 1995): each skill is known or not. An attempt at a
step succeeds by the DINA model over the skills that the step exercises; the user's traits scale all odds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.compiled import compiled
from journeys.draws import PURPOSE_LEARN, PURPOSE_SUCCESS, uniform
from journeys.knowledge import scale_odds
from journeys.plan import Plan
from journeys.words import UNIT, count_members


@compiled
def knows_all(plan: Plan, mind: Any) -> bool:
    """Whether the user has mastered every skill that the current step exercises."""
    exercised = plan.steps[mind.step].exercised
    return mind.known & exercised == exercised


@compiled
def attempt(plan: Plan, mind: Any, slip_odds: float, guess_odds: float, luck: np.uint64) -> bool:
    """Whether an attempt at the current step succeeds, with the difficulty and the help taken in this visit."""
    if knows_all(plan, mind):
        chance = 1.0 - scale_odds(plan.slip[mind.step, mind.variant], slip_odds)
    else:
        chance = scale_odds(plan.guess[mind.step, mind.variant, mind.taken], guess_odds)
    return uniform(luck, PURPOSE_SUCCESS) < chance


@compiled
def practise(plan: Plan, mind: Any, learn_odds: float, luck: np.uint64) -> None:
    """Each taught skill that is not known yet may come to be known."""
    missing = plan.steps[mind.step].taught & ~mind.known
    for k in range(len(plan.prior)):
        bit = UNIT << np.uint64(k)
        if missing & bit:
            chance = scale_odds(plan.learn[k, mind.variant, mind.taken], learn_odds)
            if uniform(luck, PURPOSE_LEARN + k) < chance:
                mind.known = mind.known | bit


@compiled
def share_known(plan: Plan, mind: Any) -> float:
    """Share of the journey's skills that the user has mastered."""
    return count_members(mind.known) / len(plan.prior)
