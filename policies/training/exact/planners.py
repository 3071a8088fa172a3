"""Who plays the finite problems: the oracle, planners on the exact belief, and planners on what the fold believes.

All are policies for `rollout.play` that look into the world: to be compared with, never to be served.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from agents.kernel import World
from journeys.actions import REENGAGE
from journeys.events import SIGNUP
from journeys.state import NOWHERE
from policies.protocol import Choices
from policies.training.exact.belief import TRACE, begin_trace, follow
from policies.training.exact.planning import Workspace, assist_values, plan_rows, workspace_of
from policies.training.exact.problem import ExactProblem
from policies.training.exact.solver import Solution, first_belief, solve
from policies.training.exact.states import QUARTERS, Model


class Solved(NamedTuple):
    """A problem with its solution and the values of helping `q` (see `planning.assist_values`)."""

    problem: ExactProblem
    solution: Solution
    q: np.ndarray

    @property
    def model(self) -> Model:
        """The numbered states."""
        return self.solution.model


def solved(problem: ExactProblem) -> Solved:
    """Solve a problem for its planners."""
    solution = solve(problem)
    return Solved(problem, solution, assist_values(solution))


class Planner(ABC):
    """Plans by the belief that `believe` gives, with the optimal values of the hidden states."""

    def __init__(self, name: str, of: Solved, look_ahead: bool = False) -> None:
        self.name, self.of, self.look_ahead = name, of, look_ahead
        self.room: Workspace = workspace_of(of.model)
        self._actions = np.empty(0, np.int64)

    @abstractmethod
    def believe(self, world: World, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Traces `(m,)` TRACE and beliefs `(m, P, 2**K)` of the users in `rows`."""

    def look_into(self, world: World, rows: np.ndarray) -> None:
        """Plan for the users in `rows`."""
        traces, beliefs = self.believe(world, rows)
        self._actions = np.empty(len(rows), np.int64)
        solution = self.of.solution
        plan_rows(
            solution.model, solution.values, self.of.q, self.room, traces, beliefs, self.look_ahead, self._actions
        )

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """One-hot rows `(n, A)` of what was planned by `look_into`."""
        chances = np.zeros(masks.shape)
        chances[np.arange(len(masks)), self._actions] = 1.0
        return chances

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """What was planned by `look_into`."""
        return Choices(self._actions, np.ones(len(self._actions)))


class Oracle(Planner):
    """Knows kind and skills, and does what is best: nobody does better on average."""

    def __init__(self, of: Solved) -> None:
        super().__init__("oracle", of)

    def believe(self, world: World, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The truth."""
        beliefs = np.zeros((len(rows), *self.room.beliefs.shape[1:]))
        minds = world.minds[rows]
        beliefs[np.arange(len(rows)), minds["persona"], minds["known"].astype(np.int64)] = 1.0
        return traces_of(world, rows), beliefs


class FoldPlanner(Planner):
    """QMDP on what production knows: the fold's belief in each skill, and of kinds only how common they are."""

    def __init__(self, of: Solved) -> None:
        super().__init__("qmdp_fold", of)

    def believe(self, world: World, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Skills independent of each other and of the kind."""
        known = world.skills[rows]["belief"]  # (m, K)
        members = np.arange(self.room.beliefs.shape[2])[:, None] >> np.arange(known.shape[1]) & 1  # (2**K, K)
        chances = np.where(members[None], known[:, None, :], 1.0 - known[:, None, :]).prod(axis=2)
        return traces_of(world, rows), self.of.model.shares[None, :, None] * chances[:, None, :]


class BeliefPlanner(Planner):
    """Knows the population, and of each user all events: the exact belief, by QMDP or by a step of lookahead."""

    def __init__(self, of: Solved, look_ahead: bool) -> None:
        super().__init__("lookahead" if look_ahead else "qmdp", of, look_ahead)
        self.traces = np.empty(0, TRACE).view(np.recarray)
        self.first = first_belief(of.model)
        self.beliefs = np.empty((0, *self.room.beliefs.shape[1:]))
        self._world: World | None = None

    def believe(self, world: World, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Beliefs moved by the events since the last decision."""
        if world is not self._world:
            self._begin(world)
        new = rows[(world.n_events[rows] == 1) & (world.log["kind"][rows, 0] == SIGNUP)]
        for row in new:
            begin_trace(self.traces[row])
        self.beliefs[new] = self.first
        follow(self.of.model, self.traces, self.beliefs, self.room.beliefs[0], rows, world.log, world.n_events)
        return self.traces[rows], self.beliefs[rows]

    def _begin(self, world: World) -> None:
        n = len(world.users)
        self._world, self.traces = world, np.zeros(n, TRACE).view(np.recarray)
        self.beliefs = np.zeros((n, *self.beliefs.shape[1:]))


def traces_of(world: World, rows: np.ndarray) -> np.ndarray:
    """What is known for certain of the users in `rows`, `(m,)` TRACE, read off the world."""
    users, minds = world.users[rows], world.minds[rows]
    traces = np.zeros(len(rows), TRACE).view(np.recarray)
    traces["done"], traces["step"], traces["variant"] = users["done"], users["current"], users["variant"]
    traces["taken"], traces["shown"], traces["asked"] = users["taken"], users["rung"], users["asked_now"]
    traces["interrupted"], traces["offers"] = minds["interrupted"], users["unsolicited"]
    watching = (users["current"] != NOWHERE) & (users["current"] == users["video"])
    traces["quarter"] = np.where(watching, np.rint(QUARTERS * users["position"]), 0)
    traces["gone"] = users["moment"] == REENGAGE
    return traces


def planners(of: Solved) -> list[Planner]:
    """All planners of a solved problem, the best informed first."""
    return [Oracle(of), BeliefPlanner(of, True), BeliefPlanner(of, False), FoldPlanner(of)]
