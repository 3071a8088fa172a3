"""The simulation as a function of the traits' medians: completion and return of the same users with the same luck.

User number u has the same luck at every design point, so that two points differ by their traits alone. Many points are
played at a time, side by side in one world.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agents.kernel import COMPLETION, EVENTS_PER_DECISION, TERMS, World, advance, enter_all, make_world
from envs.vector import MOST_DECISIONS
from experiments.progress import Tell
from experiments.settings import HELD_OUT, Problem
from journeys.events import EVENT
from journeys.plan import Plan, compile_plan
from journeys.state import ONGOING
from personas.persona import People
from policies.protocol import Policy

ROWS = 8_192  # users side by side: more do not go faster


class Responses(NamedTuple):
    """Means over the users of each design point, `(m,)` each: share who completed, and reward."""

    completion: np.ndarray
    returns: np.ndarray


OUTPUTS = Responses._fields


def respond(problem: Problem, policy: Policy, points: Sequence[People], users: int, seed: int, tell: Tell) -> Responses:
    """Play `policy` on `users` users at each of `points`; `tell` hears how many points are done."""
    plan = compile_plan(problem.journey)
    together = max(1, ROWS // users)
    world = make_world(plan, problem.journey, problem.learner, together * users, keep_log=False)
    weights = problem.weights.array()
    completion, returns = [], []
    for start in range(0, len(points), together):
        batch = points[start : start + together]
        terms = live_all(plan, world, policy, batch, users, seed + HELD_OUT)
        by_point = terms[: len(batch) * users].reshape(len(batch), users, len(TERMS)).mean(axis=1)
        completion.append(by_point[:, COMPLETION])
        returns.append((by_point * weights).sum(axis=1))  # a matrix product rounds by the size of the batch
        tell(start + len(batch))
    return Responses(np.concatenate(completion), np.concatenate(returns))


def live_all(plan: Plan, world: World, policy: Policy, points: Sequence[People], users: int, seed: int) -> np.ndarray:
    """Let the users of all `points` live their onboardings; reward terms `(n, 6)`, 0 for rows that are left over."""
    n = len(world.users)
    scratch = np.zeros(EVENTS_PER_DECISION, EVENT).view(np.recarray)
    world.users["ended"] = ONGOING + 1  # whoever is left over is not played
    for i, people in enumerate(points):
        low = i * users
        enter_all(plan, people, world, seed, -low, scratch, low, low + users)  # rows from `low` on: users from 0 on
    terms, actions = np.zeros((n, len(TERMS))), np.zeros(n, np.int64)
    for _ in range(MOST_DECISIONS):
        rows = np.flatnonzero(world.users["ended"] == ONGOING)
        if not len(rows):
            break
        actions[rows] = policy.decide(world.observations[rows], world.masks[rows], world.keys[rows]).actions
        advance(plan, world, actions, scratch, 0, n)
        terms[rows] += world.terms[rows]
    return terms
