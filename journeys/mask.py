"""The legal actions of one user, from the fold's state alone; applied in training and again at serving.

select    steps not done whose prerequisites are done, and steps done that are due for review, at the difficulties
          they have. Without consent to personalisation: only the first step in the journey's order that is not done
          and whose prerequisites are, at standard difficulty.
assist    waiting always. Help while the user is present and consents, climbing the ladder at most one rung above
          the highest shown in this visit; help nobody asked for also waits for the cool-down and the budget.
reengage  nothing always. A channel while the user is away, consents to it and the message budget lasts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.actions import (
    ASSIST,
    EMAIL,
    HINT,
    HUMAN,
    N_RUNGS,
    N_VARIANTS,
    NOTHING,
    PUSH,
    REENGAGE,
    SELECT,
    STANDARD,
    WAIT,
)
from journeys.compiled import compiled
from journeys.plan import Plan
from journeys.state import EMAIL_CONSENT, NOWHERE, PERSONALISE, PUSH_CONSENT
from journeys.words import UNIT, count_members


@compiled
def eligible(plan: Plan, done: np.uint64, s: int) -> bool:
    """Whether step `s` may be worked on: not done, all its prerequisites done."""
    after = plan.steps[s].after
    return (done >> np.uint64(s)) & UNIT == 0 and after & done == after


@compiled
def progress(plan: Plan, done: np.uint64) -> float:
    """Share of the required steps that are in the set `done`."""
    rules = plan.rules[0]
    return count_members(done & rules.required) / rules.n_required


@compiled
def write_mask(plan: Plan, user: Any, mask: Any) -> None:
    """Write the legal actions into `mask` `(A,)` bool: all False where no decision is due."""
    mask[:] = False
    if user.moment == SELECT:
        mask_steps(plan, user, mask)
    elif user.moment == ASSIST:
        mask_help(plan, user, mask)
    elif user.moment == REENGAGE:
        mask_messages(plan, user, mask)


@compiled
def mask_steps(plan: Plan, user: Any, mask: Any) -> None:
    """Steps that may be selected. There is always one: the journey has no cycle and is not complete."""
    personal = user.consent & PERSONALISE
    for s in range(len(plan.steps)):
        if eligible(plan, user.done, s) or (personal and user.due >> np.uint64(s) & UNIT):
            if not personal:
                mask[N_VARIANTS * s + standard_of(plan.steps[s].variants)] = True
                return
            for v in range(N_VARIANTS):
                mask[N_VARIANTS * s + v] = plan.steps[s].variants >> v & 1


@compiled
def standard_of(variants: int) -> int:
    """The difficulty for everybody: standard, or else the easiest that the step has."""
    if variants >> STANDARD & 1:
        return STANDARD
    return 0 if variants & 1 else 2


@compiled
def mask_help(plan: Plan, user: Any, mask: Any) -> None:
    """Rungs that may be offered in the current visit."""
    base = N_VARIANTS * len(plan.steps)
    mask[base + WAIT] = True
    if user.present == 0 or user.current == NOWHERE or not may_help(plan, user):
        return
    top = HUMAN if plan.rules[0].human_support else HUMAN - 1
    for rung in range(HINT, min(top, user.rung + 1) + 1):
        mask[base + rung] = True


@compiled
def may_help(plan: Plan, user: Any) -> bool:
    """Help that was asked for is always allowed; unasked help needs consent, cool-down and budget."""
    if user.asked_now:
        return True
    rules = plan.rules[0]
    rested = user.last_time - user.last_help_time >= rules.cooldown_ms
    return bool(user.consent & PERSONALISE) and rested and user.unsolicited < rules.help_budget


@compiled
def mask_messages(plan: Plan, user: Any, mask: Any) -> None:
    """Channels by which an absent user may be reached."""
    base = N_VARIANTS * len(plan.steps) + N_RUNGS
    mask[base + NOTHING] = True
    if user.messages < plan.rules[0].message_budget:
        mask[base + PUSH] = user.consent & PUSH_CONSENT
        mask[base + EMAIL] = user.consent & EMAIL_CONSENT


@compiled
def first_illegal(masks: Any, actions: Any) -> int:
    """The first row whose action `(n,)` is outside the space or not legal by `masks` `(n, A)`; -1 where all are."""
    for row in range(len(actions)):
        action = actions[row]
        if action < 0 or action >= masks.shape[1] or not masks[row, action]:
            return row
    return -1
