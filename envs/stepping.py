"""One step of many environments: live, account, and let a new user take the place of one who is through."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents.kernel import AHEAD, World, enter_world, expect, live_and_look
from journeys.compiled import compiled
from journeys.plan import Plan
from journeys.state import ONGOING
from personas.persona import People


class Outcome(NamedTuple):
    """What one step returns beside the world itself, one row per environment."""

    rewards: np.ndarray  # (n,) float64
    terminated: np.ndarray  # (n,) bool
    truncated: np.ndarray  # (n,) bool


def make_outcome(n: int) -> Outcome:
    """Room for the outcome of stepping `n` environments."""
    return Outcome(np.zeros(n), np.zeros(n, bool), np.zeros(n, bool))


@compiled
def step_rows(
    plan: Plan,
    world: World,
    outcome: Outcome,
    weights: Any,
    actions: Any,
    scratch: Any,
    most_decisions: int,
    low: int,
    high: int,
) -> None:
    """Step rows `low` to `high` and account for it."""
    for row in range(low, high):
        log = world.log[row] if len(world.log) else scratch
        expect(world, row + AHEAD)
        live_and_look(plan, world, row, actions[row], log)
        reward = 0.0
        for t in range(len(weights)):
            reward += weights[t] * world.terms[row, t]
        outcome.rewards[row] = reward
        over = world.users[row].ended != ONGOING
        outcome.terminated[row] = over
        outcome.truncated[row] = not over and world.minds[row].decisions >= most_decisions


@compiled
def renew_rows(plan: Plan, people: People, world: World, rows: Any, scratch: Any, seed: int, apart: int) -> None:
    """Let a new user take the place of each in `rows` (Gymnasium's SAME_STEP autoreset).

    The user after user `u` of a row is `u + apart`, so which users live does not depend on how episodes end elsewhere.
    """
    for i in range(len(rows)):
        row = rows[i]
        log = world.log[row] if len(world.log) else scratch
        enter_world(plan, people, world, seed, row, world.minds[row].user + apart, log)
