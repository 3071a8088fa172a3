"""What the fold believes of a user's skills: how attempts, videos and absence move it.

Bayesian knowledge tracing (`journeys.knowledge`), and where users are taken to forget, memory by FSRS-6
(`journeys.forgetting`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.compiled import compiled, compiled_apart
from journeys.forgetting import DUE, STABILITY_OF_OLD, first_stability, next_stability, recall
from journeys.knowledge import LEARN_OF_WATCHING, after_practice, posterior
from journeys.plan import Plan
from journeys.state import NOWHERE
from journeys.words import UNIT


@compiled_apart
def fade(plan: Plan, user: Any, skills: Any) -> None:
    """See what has been forgotten by now, and which steps would bring it back. Within a session nothing fades."""
    if not plan.rules[0].forgetting:
        return
    for k in range(len(skills)):
        skill = skills[k]
        old = skill.stability == 0.0
        since = user.first_time if old else skill.practised
        skill.retained = recall(user.last_time - since, STABILITY_OF_OLD if old else skill.stability)
    find_due(plan, user, skills)


@compiled_apart
def find_due(plan: Plan, user: Any, skills: Any) -> None:
    """The steps done that teach a skill which is fading."""
    fading = np.uint64(0)
    for k in range(len(skills)):
        fading |= UNIT << np.uint64(k) if skills[k].retained < DUE else np.uint64(0)
    user.due = np.uint64(0)
    for s in range(len(plan.steps)):
        bit = UNIT << np.uint64(s)
        if user.done & bit and plan.steps[s].taught & fading:
            user.due = user.due | bit


@compiled
def trace_knowledge(plan: Plan, user: Any, skills: Any, s: int, success: bool) -> None:
    """Bayesian knowledge tracing over the skills that step `s` exercises, help and difficulty taken into account.

    What is known but faded may not come to mind: success depends on all skills being known *and* recalled.
    """
    spec = plan.steps[s]
    slip = plan.slip[s, user.variant]
    guess = plan.guess[s, user.variant, user.taken]
    all_known = known_together(plan, skills, s)
    for i in range(spec.skills_from, spec.skills_to):
        k = plan.skills[i]
        skill = skills[k]
        belief = posterior(skill.belief, all_known, slip, guess, success)
        trace_memory(plan, user, skill, belief, success)
        if i < spec.taught_to:
            belief = after_practice(belief, plan.learn[k, user.variant, user.taken])
        skill.belief = belief
        skill.tries = min(skill.tries + 1, 30_000)
        skill.successes = min(skill.successes + (1 if success else 0), 30_000)
        skill.recent = (skill.recent << 1 | (1 if success else 0)) & 255


@compiled_apart
def trace_watching(plan: Plan, user: Any, skills: Any, s: int, success: bool) -> None:
    """A video seen to its end is a practice that gives no evidence."""
    if not success:
        return
    user.video = NOWHERE
    for i in range(plan.steps[s].skills_from, plan.steps[s].taught_to):
        k = plan.skills[i]
        skill = skills[k]
        trace_memory(plan, user, skill, skill.belief, True)
        learn = LEARN_OF_WATCHING * plan.learn[k, user.variant, user.taken]
        skill.belief = after_practice(skill.belief, learn)


@compiled
def trace_memory(plan: Plan, user: Any, skill: Any, known: float, success: bool) -> None:
    """The first practice in a session is a review; `known`: P(known just before it), given its outcome.

    The first practice of all is learning for those who did not know, and a review of something old for those who did.
    """
    if not plan.rules[0].forgetting or (skill.stability > 0.0 and skill.practised >= user.session_start):
        return
    if skill.stability == 0.0:
        old = next_stability(STABILITY_OF_OLD, skill.retained, success)
        skill.stability = known * old + (1.0 - known) * first_stability(success)
    else:
        skill.stability = next_stability(skill.stability, skill.retained, success)
    skill.retained, skill.practised = 1.0, user.last_time


@compiled
def known_together(plan: Plan, skills: Any, s: int) -> float:
    """Believed probability that every skill that step `s` exercises is known and recalled (beliefs independent)."""
    together = 1.0
    for i in range(plan.steps[s].skills_from, plan.steps[s].skills_to):
        skill = skills[plan.skills[i]]
        together *= skill.belief * skill.retained
    return together
