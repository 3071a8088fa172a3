"""Lives of calm people, and what the exact model says of them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from journeys.loading import parse_journey
from policies.protocol import Policy
from policies.training.exact.kinds import Kind, calm_population
from policies.training.exact.planners import Solved, solved
from policies.training.exact.problem import ExactProblem, exact_problem
from policies.training.exact.solver import Solution
from policies.training.rollout import Moment, play

SEED = 31
ONE_STEP = """
name: one-step
skills:
  - {name: only, prior: 0.3, learn: 0.25, slip: 0.1, guess: 0.2}
rules: {cooldown_seconds: 0, human_support: false, help_budget: 0}
steps:
  - name: only-step
    teaches: [only]
    minutes: 2
    difficulties: [standard]
    help: {hint: a, guidance: b, full: c, human: d}
"""


class Lived(NamedTuple):
    """Returns `(n,)` of users of these kinds `(n,)` with these skills `(n,)` at sign-up."""

    returns: np.ndarray
    kinds: np.ndarray
    known: np.ndarray


@lru_cache
def solved_problem(name: str) -> Solved:
    """One of the shipped exact problems with its solution."""
    return solved(exact_problem(name))


def live(problem: ExactProblem, policy: Policy, n_users: int) -> Lived:
    """Play `policy` in the real kernel."""
    known = np.empty(0, np.int64)

    def remember(moment: Moment) -> None:
        nonlocal known
        if not len(known):
            known = moment.world.minds["known"].astype(np.int64)

    played = play(problem.journey, problem.population, policy, n_users, SEED, problem.weights, remember)
    return Lived(played.returns, played.personas.copy(), known)


def surprise(lived: Lived, solution: Solution) -> np.ndarray:
    """Return less the value at birth of a user's kind and skills `(n,)`: its mean is 0 where the model is the world."""
    return np.asarray(lived.returns - solution.values.boundary[lived.kinds, 0, -1, lived.known])


def one_step(kind: Kind) -> ExactProblem:
    """A journey of one step that teaches one skill, without help, for users of one kind."""
    return ExactProblem(parse_journey(ONE_STEP, "one-step.yaml"), calm_population({"only": kind}))


def with_budget(problem: ExactProblem, help_budget: int) -> ExactProblem:
    """The problem with another budget of unasked help."""
    rules = msgspec.structs.replace(problem.journey.rules, help_budget=help_budget)
    return ExactProblem(msgspec.structs.replace(problem.journey, rules=rules), problem.population, problem.weights)
