"""How a synthetic user comes into the world: persona, traits, goal, first knowledge, moment of arrival."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.learner import LearnerPlan, first_knowledge
from agents.mind import ARRIVING, CASUAL, NEVER
from journeys.actions import STANDARD
from journeys.compiled import compiled, compiled_apart
from journeys.draws import PURPOSE_ARRIVAL, PURPOSE_GOAL, PURPOSE_PERSONA, nth_key, uniform, user_key
from journeys.plan import Plan
from journeys.state import NOWHERE, UNDECLARED, UNKNOWN_DEVICE
from personas.persona import People
from personas.traits import draw_traits

ARRIVAL_MS = 1_767_225_600_000  # 2026-01-01 UTC: on the decision clock every user signs up on that day
DAY_MS = 86_400_000


@compiled
def arrival_time(seed: int, user: int) -> int:
    """When user number `user` signs up on the decision clock: any time of the first day, ms since the Unix epoch."""
    birth = nth_key(user_key(seed, user), -1)
    return ARRIVAL_MS + int(DAY_MS * uniform(birth, PURPOSE_ARRIVAL))


@compiled_apart
def be_born(
    plan: Plan,
    learner: LearnerPlan,
    people: People,
    seed: int,
    user: int,
    arrival: int,
    mind: Any,
    memories: Any,
    traits: Any,
    flat: Any,
) -> None:
    """Create user number `user`, who signs up at `arrival` (ms); `flat` `(T,)` is the memory of `traits` (TRAITS).

    Who a user is depends on the seed and the number alone, not on the time of arrival.
    """
    key = user_key(seed, user)
    birth = nth_key(key, -1)
    mind.key, mind.user, mind.n = key, user, 0
    mind.persona = draw_persona(people, uniform(birth, PURPOSE_PERSONA))
    p = mind.persona
    draw_traits(people.distributions[p], people.a[p], people.b[p], birth, flat)
    mind.motivation = traits.motivation
    mind.time = mind.left_at = mind.entered = arrival
    mind.returns_at = NEVER
    mind.phase, mind.step, mind.variant = ARRIVING, NOWHERE, STANDARD
    mind.video = NOWHERE
    mind.session_start = mind.session_ms = 0
    mind.frustration = mind.exposure = mind.message_exposure = mind.annoyance = 0.0
    mind.decisions = mind.aways = mind.humans = mind.taken = 0
    mind.asked = mind.interrupted = mind.started = mind.reneges = 0
    mind.mastery = mind.position = mind.wait = 0.0
    mind.peers = -1.0
    mind.reason, mind.device = CASUAL, UNKNOWN_DEVICE
    mind.done = np.uint64(0)
    n_goals = len(plan.goals)
    mind.goal = int(n_goals * uniform(birth, PURPOSE_GOAL)) if n_goals else UNDECLARED
    first_knowledge(plan, learner, traits.prior_odds, birth, mind, memories)


@compiled
def draw_persona(people: People, u: float) -> int:
    """Index of the persona whose share of (0, 1) holds `u`."""
    last = len(people.cumulative) - 1
    for p in range(last):
        if u < people.cumulative[p]:
            return p
    return last
