"""What no policy may see: a user's hidden state as numbers, for a critic that is thrown away after training.

A critic may look at what the actor may not (asymmetric actor-critic, Pinto et al. 2018): the value of what happened is
then known with less noise, and what is exported has still only seen the fold.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from agents.kernel import World
from agents.learner import BKT
from agents.mind import AWAY_NOW, NEVER, REASONS
from agents.sessions import next_check, tired
from journeys.compiled import compiled
from journeys.plan import Plan
from journeys.words import UNIT
from personas.traits import TRAIT_NAMES

N_TRAITS = len(TRAIT_NAMES)
FEELINGS = (
    "motivation",
    "frustration",
    "exposure",
    "message_exposure",
    "mastery",
    "tired",
    "skill",
    "returns_unprompted",
    "returns_before_check",
    "interrupted",
    "serves_nothing",
    "decisions",
)
HIDDEN_SIZE = N_TRAITS + len(FEELINGS) + len(REASONS)  # of every journey; then one number per skill
USUAL_EXPOSURE, USUAL_DECISIONS = 4.0, 64.0  # read 1
LEAST_TRAIT, MOST_TRAIT = 1e-3, 1e6  # beyond them a trait's logarithm says nothing more; some are endless


@compiled
def write_hidden(plan: Plan, world: World, row: int, out: Any) -> None:
    """The hidden state of the user in `row` in `out` `(HIDDEN_SIZE + K,)` float32; traits as logarithms."""
    mind = world.minds[row]
    for t in range(N_TRAITS):
        out[t] = math.log(min(MOST_TRAIT, max(LEAST_TRAIT, world.traits_flat[row, t])))
    at = N_TRAITS
    out[at], out[at + 1] = mind.motivation, mind.frustration
    out[at + 2], out[at + 3] = mind.exposure / USUAL_EXPOSURE, mind.message_exposure
    out[at + 4], out[at + 5], out[at + 6] = mind.mastery, tired(mind), mind.skill
    away = mind.phase == AWAY_NOW
    out[at + 7] = away and mind.returns_at < NEVER
    out[at + 8] = away and mind.returns_at <= next_check(plan, mind)
    out[at + 9] = mind.interrupted
    out[at + 10] = mind.goal < 0
    out[at + 11] = mind.decisions / USUAL_DECISIONS
    at += len(FEELINGS)
    for r in range(len(REASONS)):
        out[at + r] = away and mind.reason == r
    at += len(REASONS)
    for k in range(len(plan.prior)):
        out[at + k] = knows(world, row, k)


@compiled
def knows(world: World, row: int, k: int) -> float:
    """How far the user has skill `k` at hand, 0 to 1."""
    bit = 1.0 if world.minds[row].known & (UNIT << np.uint64(k)) else 0.0
    if world.memories.shape[1] == 0:
        return bit
    memory = world.memories[row, k]
    if world.learner.kind[0].model == BKT:
        return bit * memory.retained
    return memory.mastered


@compiled
def write_hidden_of_rows(plan: Plan, world: World, rows: Any, out: Any) -> None:
    """`write_hidden` of each of `rows` `(m,)` in `out` `(m, HIDDEN_SIZE + K)`."""
    for i in range(len(rows)):
        write_hidden(plan, world, rows[i], out[i])
