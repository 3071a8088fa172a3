"""What a synthetic user knows, how that shows in attempts, and how practice and absence change it.

Three models, chosen by LEARNER.model, all from the same skill parameters of the journey:

BKT  Bayesian knowledge tracing (Corbett and Anderson 1995): each skill is known or not.
AFM  additive factors (Cen, Koedinger and Junker 2006): the log-odds of success grow by a constant with each practice.
IRT  item response (Birnbaum 1968): a continuous ability per skill against the item's difficulty.

`mind.mastery` is the probability in [0, 1] that what a step exercises is at hand: known and recalled (BKT), logistic in
ability less difficulty (IRT), or the probability of success at standard difficulty without help (AFM). With
forgetting, what was learned fades by FSRS-6 (`journeys.forgetting`) from one session to the next.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from agents.learners import Learner
from journeys.actions import STANDARD
from journeys.compiled import compiled, compiled_apart
from journeys.draws import PURPOSE_KNOWN, PURPOSE_LEARN, PURPOSE_SUCCESS, normal, uniform
from journeys.forgetting import STABILITY_OF_OLD, first_stability, next_stability, recall
from journeys.knowledge import (
    GUESS_ODDS_OF_RUNG,
    LEARN_OF_WATCHING,
    SLIP_ODDS_OF_DIFFICULTY,
    after_practice,
    scale_odds,
    success_probability,
)
from journeys.plan import Plan
from journeys.spec import Journey
from journeys.words import UNIT, count_members

MODELS = ("bkt", "afm", "irt")
BKT, AFM, IRT = range(len(MODELS))
SPREAD_OF_ABILITY = 1.0  # logits, of one person's abilities over skills: as wide as between persons. Our choice

LEARNER = np.dtype([("model", "u1"), ("forgetting", "u1")])


class LearnerPlan(NamedTuple):
    """A learner model for one journey of `K` skills."""

    kind: np.ndarray  # (1,) LEARNER
    base: np.ndarray  # (K,) a typical user's strength at sign-up, logits
    gain: np.ndarray  # (K,) strength that a typical user gains by the first practice, logits


def compile_learner(journey: Journey, learner: Learner) -> LearnerPlan:
    """The model with the journey's skill parameters: it starts and first grows as binary mastery does on average."""
    kind = np.zeros(1, LEARNER).view(np.recarray)
    kind["model"], kind["forgetting"] = MODELS.index(learner.model), learner.forgetting
    knowing = [(skill.prior, after_practice(skill.prior, skill.learn)) for skill in journey.skills]
    if learner.model == "afm":  # in terms of success, not of knowing
        knowing = [
            (success_probability(before, skill.slip, skill.guess), success_probability(after, skill.slip, skill.guess))
            for (before, after), skill in zip(knowing, journey.skills, strict=True)
        ]
    base = np.array([math.log(before / (1.0 - before)) for before, _ in knowing])
    return LearnerPlan(kind, base, np.array([math.log(after / (1.0 - after)) for _, after in knowing]) - base)


def remembers(learner: Learner) -> bool:
    """Whether users of this model need MEMORY records: not where skills are known or not, for good."""
    return learner.model != "bkt" or learner.forgetting


@compiled_apart
def first_knowledge(
    plan: Plan, learner: LearnerPlan, prior_odds: float, birth: np.uint64, mind: Any, memories: Any
) -> None:
    """What the user knows at sign-up."""
    kind = learner.kind[0]
    mind.known = np.uint64(0)
    for k in range(len(plan.prior)):
        if kind.model == BKT and uniform(birth, PURPOSE_KNOWN + k) < scale_odds(plan.prior[k], prior_odds):
            mind.known = mind.known | (UNIT << np.uint64(k))
        if kind.model != BKT or kind.forgetting:
            memory = memories[k]
            spread = SPREAD_OF_ABILITY * normal(birth, PURPOSE_KNOWN + k) if kind.model == IRT else 0.0
            memory.prior = learner.base[k] + math.log(prior_odds) + spread
            memory.practised, memory.stability, memory.retained = 0.0, 0.0, 1.0
            memory.mastered = logistic(memory.prior)
            memory.time = mind.time
    mind.skill = share_known(plan, learner, mind, memories)


@compiled
def strength(memory: Any) -> float:
    """Log-odds of a skill: what was there at sign-up, and what is left of what was practised."""
    return memory.prior + memory.practised * memory.retained


@compiled
def logistic(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))


@compiled
def mastery_of(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, s: int) -> float:
    """Probability that what step `s` exercises is at hand; 1 where it exercises nothing."""
    spec, kind = plan.steps[s], learner.kind[0]
    if kind.model == BKT:
        if mind.known & spec.exercised != spec.exercised:
            return 0.0
        return recall_of_all(plan, memories, s) if kind.forgetting else 1.0
    n = spec.skills_to - spec.skills_from
    if n == 0:
        return 1.0
    total = 0.0
    for i in range(spec.skills_from, spec.skills_to):
        total += strength(memories[plan.skills[i]])
    return logistic(total / n)


@compiled
def recall_of_all(plan: Plan, memories: Any, s: int) -> float:
    """P(every skill that step `s` exercises comes to mind), where all are known."""
    together = 1.0
    for i in range(plan.steps[s].skills_from, plan.steps[s].skills_to):
        together *= memories[plan.skills[i]].retained
    return together


@compiled
def attempt(plan: Plan, learner: LearnerPlan, mind: Any, slip_odds: float, guess_odds: float, luck: np.uint64) -> bool:
    """Whether an attempt at the current step succeeds, with the difficulty and the help taken in this visit."""
    return uniform(luck, PURPOSE_SUCCESS) < chance_of_success(plan, learner, mind, slip_odds, guess_odds)


@compiled
def chance_of_success(plan: Plan, learner: LearnerPlan, mind: Any, slip_odds: float, guess_odds: float) -> float:
    """P(an attempt at the current step succeeds)."""
    if learner.kind[0].model == AFM and plan.steps[mind.step].exercised:
        ease = GUESS_ODDS_OF_RUNG[mind.taken] / SLIP_ODDS_OF_DIFFICULTY[mind.variant]
        return scale_odds(mind.mastery, ease * guess_odds / slip_odds)
    slip = scale_odds(plan.slip[mind.step, mind.variant], slip_odds)
    guess = scale_odds(plan.guess[mind.step, mind.variant, mind.taken], guess_odds)
    return success_probability(mind.mastery, slip, guess)


@compiled
def practise(
    plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, learn_odds: float, success: bool, luck: np.uint64
) -> None:
    """Working through the current step refreshes what it exercises and may teach what it teaches."""
    spec, kind = plan.steps[mind.step], learner.kind[0]
    share = LEARN_OF_WATCHING if spec.video else 1.0
    if kind.model == BKT and not kind.forgetting:
        learn_or_not(plan, mind, spec.taught & ~mind.known, learn_odds, share, luck)
        mind.skill = count_members(mind.known) / len(plan.prior)
    else:
        if kind.forgetting and needs_refreshing(plan, mind, memories):
            refresh_memories(plan, learner, mind, memories, spec.taught_to if spec.video else spec.skills_to, success)
        if kind.model == BKT:
            learn_or_not(plan, mind, spec.taught & ~mind.known, learn_odds, share, luck)
        else:
            strengthen(plan, learner, mind, memories, learn_odds * share)
        mind.skill = share_known(plan, learner, mind, memories)
    if not success:  # the user goes on with the step
        mind.mastery = mastery_of(plan, learner, mind, memories, mind.step)


@compiled
def strengthen(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, learn_odds: float) -> None:
    """Continuous models: each taught skill grows stronger, by the difficulty and the help taken."""
    for i in range(plan.steps[mind.step].skills_from, plan.steps[mind.step].taught_to):
        k = plan.skills[i]
        relative = plan.learn[k, mind.variant, mind.taken] / plan.learn[k, STANDARD, 0]
        memories[k].practised += learner.gain[k] * relative * learn_odds
        memories[k].mastered = logistic(strength(memories[k]))


@compiled
def needs_refreshing(plan: Plan, mind: Any, memories: Any) -> bool:
    """Whether a skill of the current step was not practised yet since the user came in."""
    for i in range(plan.steps[mind.step].skills_from, plan.steps[mind.step].skills_to):
        memory = memories[plan.skills[i]]
        if memory.stability == 0.0 or memory.time < mind.entered:
            return True
    return False


@compiled
def learn_or_not(plan: Plan, mind: Any, missing: np.uint64, learn_odds: float, share: float, luck: np.uint64) -> None:
    """Binary mastery: each of the `missing` skills may come to be known."""
    for k in range(len(plan.prior)):
        bit = UNIT << np.uint64(k)
        if missing & bit and uniform(luck, PURPOSE_LEARN + k) < chance_of_learning(plan, mind, k, learn_odds, share):
            mind.known = mind.known | bit


@compiled
def chance_of_learning(plan: Plan, mind: Any, k: int, learn_odds: float, share: float) -> float:
    """P(the unknown skill `k` comes to be known in one practice), of which watching gives a `share`."""
    return scale_odds(share * plan.learn[k, mind.variant, mind.taken], learn_odds)


@compiled_apart
def refresh_memories(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, skills_to: int, success: bool) -> None:
    """The first practice of a skill since the user came in is a review of it, as in `journeys.tracing.trace_memory`."""
    for i in range(plan.steps[mind.step].skills_from, skills_to):
        memory = memories[plan.skills[i]]
        if memory.stability == 0.0 or memory.time < mind.entered:
            if memory.stability > 0.0:
                memory.stability = next_stability(memory.stability, memory.retained, success)
            elif learner.kind[0].model == BKT and mind.known >> np.uint64(plan.skills[i]) & UNIT:
                memory.stability = next_stability(STABILITY_OF_OLD, memory.retained, success)
            else:
                memory.stability = first_stability(success)
            memory.retained, memory.time = 1.0, mind.time
            if learner.kind[0].model != BKT:
                memory.mastered = logistic(strength(memory))


@compiled_apart
def fade(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any, memory_trait: float, now: int) -> None:
    """See what is forgotten at `now` (ms). Within a session nothing fades."""
    if not learner.kind[0].forgetting:
        return
    for k in range(len(memories)):
        memory = memories[k]
        stability = memory.stability if memory.stability > 0.0 else STABILITY_OF_OLD
        memory.retained = recall(now - memory.time, stability * memory_trait)
        if learner.kind[0].model != BKT:
            memory.mastered = logistic(strength(memory))
    mind.skill = share_known(plan, learner, mind, memories)


@compiled
def share_known(plan: Plan, learner: LearnerPlan, mind: Any, memories: Any) -> float:
    """Share of the journey's skills that the user knows and recalls; graded where ability is."""
    kind = learner.kind[0]
    if kind.model == BKT and not kind.forgetting:
        return count_members(mind.known) / len(plan.prior)
    total = 0.0
    for k in range(len(memories)):
        if kind.model == BKT:
            total += memories[k].retained if mind.known >> np.uint64(k) & UNIT else 0.0
        else:
            total += memories[k].mastered
    return total / len(plan.prior)
