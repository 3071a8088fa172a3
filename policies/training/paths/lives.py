"""Many paths at once: rows of one world, each on its own path, the same users with the same luck on every path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.kernel import EVENTS_PER_DECISION, World, advance, enter_all, make_world
from agents.learners import BINARY_MASTERY, Learner, journey_under
from envs.reward import RewardWeights
from envs.vector import MOST_DECISIONS
from journeys.compiled import compiled, entry_point
from journeys.events import EVENT
from journeys.plan import compile_plan
from journeys.spec import Journey
from journeys.state import ONGOING
from personas.persona import Population
from policies.path import END, NUMBERS, LearningPath, choose

ROWS = 4_096  # users side by side: fewer leave more rounds to a few stragglers, more do not fit the cache


@compiled
def choose_for_all(world: World, steps: Any, difficulties: Any, users: int, actions: Any) -> int:
    """Write the action of everybody who is not through into `actions` `(n,)`; returns how many that are.

    Rows are `users` on each path; `steps`, `difficulties` `(P, S)`, rows of which end at `END`.
    """
    n = 0
    for row in range(len(actions)):
        if world.users[row].ended == ONGOING:
            path = row // users
            actions[row] = choose(world.observations[row], world.masks[row], steps[path], difficulties[path])
            n += 1
        else:
            actions[row] = END
    return n


@compiled
def add_rewards(world: World, weights: Any, actions: Any, returns: Any) -> None:
    """Add the reward of the last decision to `returns` `(n,)` of those who made one."""
    for row in range(len(actions)):
        if actions[row] != END:
            for t in range(len(weights)):
                returns[row] += weights[t] * world.terms[row, t]


class Lives:
    """Room in which paths through one journey are lived by people of one population, under one seed."""

    def __init__(
        self,
        journey: Journey,
        population: Population,
        weights: RewardWeights,
        seed: int,
        learner: Learner = BINARY_MASTERY,
    ) -> None:
        journey = journey_under(journey, learner)
        self.lived = 0  # lives so far: what a search costs
        self.n_steps = len(journey.steps)
        self._people, self._seed, self._weights = population.people, seed, weights.array()
        self._plan, self._world = (
            compile_plan(journey),
            make_world(compile_plan(journey), journey, learner, ROWS, False),
        )
        self._scratch = np.zeros(EVENTS_PER_DECISION, EVENT).view(np.recarray)
        self._actions, self._returns = np.zeros(ROWS, np.int64), np.zeros(ROWS)
        paths = np.zeros((1, self.n_steps), NUMBERS)
        self._choose = entry_point(choose_for_all, self._world, paths, paths, 0, self._actions)
        self._advance = entry_point(advance, self._plan, self._world, self._actions, self._scratch, 0, 0)
        self._enter = entry_point(enter_all, self._plan, self._people, self._world, 0, 0, self._scratch, 0, 0)
        self._add = entry_point(add_rewards, self._world, self._weights, self._actions, self._returns)

    def returns(self, paths: Sequence[LearningPath], first_user: int, users: int) -> np.ndarray:
        """Return of each of `users` users, numbered from `first_user` on, on each of `paths`: `(P, users)`."""
        together = max(1, ROWS // users)
        batches = [paths[i : i + together] for i in range(0, len(paths), together)]
        return np.concatenate([self._side_by_side(batch, first_user, users) for batch in batches])

    def _side_by_side(self, paths: Sequence[LearningPath], first_user: int, users: int) -> np.ndarray:
        """The same for as many paths as there is room for; of more users than there is room for, in turns."""
        parts = []
        for done in range(0, users, ROWS):
            parts.append(self._live(paths, first_user + done, min(ROWS, users - done)))
        return np.concatenate(parts, axis=1)

    def _live(self, paths: Sequence[LearningPath], first_user: int, users: int) -> np.ndarray:
        """One play, from sign-up to everybody's end."""
        steps, difficulties = table_of(paths, self.n_steps)
        world, n = self._world, len(paths) * users
        world.users["ended"] = ONGOING + 1  # whoever is left over is not played
        for path in range(len(paths)):
            low = path * users
            self._enter(self._plan, self._people, world, self._seed, first_user - low, self._scratch, low, low + users)
        self._returns[:] = 0.0
        actions, returns = self._actions[:n], self._returns[:n]
        for _ in range(MOST_DECISIONS):
            if not self._choose(world, steps, difficulties, users, actions):
                break
            self._advance(self._plan, world, actions, self._scratch, 0, n)
            self._add(world, self._weights, actions, returns)
        self.lived += n
        return returns.reshape(len(paths), users).copy()


def table_of(paths: Sequence[LearningPath], n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and difficulties `(P, S)` of paths of any length, filled up by `END`."""
    steps, difficulties = np.full((2, len(paths), n_steps), END, NUMBERS)
    for row, path in enumerate(paths):
        steps[row, : len(path.steps)], difficulties[row, : len(path.steps)] = path
    return steps, difficulties
