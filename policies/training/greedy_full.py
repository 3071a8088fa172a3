"""Greedy with the truth in the place of the belief: what the greedy planner would do if it knew what the user knows.

It still does not know who the user is, and looks no further than greedy does. The distance from greedy to it is what a
better knowledge tracing could bring; that from it to the oracle, what planning could.
"""

from __future__ import annotations

import numpy as np

from agents.kernel import World
from agents.learner import BKT
from agents.learners import BINARY_MASTERY, Learner, journey_under
from journeys.observation import look
from journeys.plan import compile_plan
from journeys.spec import Journey
from policies.greedy_belief import greedy_belief
from policies.protocol import Choices


class GreedyFull:
    """Full-information greedy for any journey and learner model. It reads the world: to be played, never served."""

    name = "greedy_full"

    def __init__(self, journey: Journey, learner: Learner = BINARY_MASTERY) -> None:
        self.plan = compile_plan(journey_under(journey, learner))
        self._greedy = greedy_belief()
        self._informed = np.empty((0, 0), np.float32)

    def look_into(self, world: World, rows: np.ndarray) -> None:
        """See the users in `rows` `(m,)` as one would whose beliefs are the truth."""
        skills = world.skills[rows].copy()
        skills["belief"], skills["retained"] = true_knowledge(world, rows)
        self._informed = np.zeros((len(rows), world.observations.shape[1]), np.float32)
        masks = np.zeros((len(rows), world.masks.shape[1]), bool)
        users, steps, everybody = world.users[rows], world.steps[rows], np.arange(len(rows))
        look(self.plan, users, steps, skills.view(np.recarray), everybody, self._informed, masks)

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """One-hot rows `(n, A)` for the users that were looked into."""
        return self._greedy.probabilities(self._informed, masks)

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Greedy's choice on what is true of the users that were looked into."""
        return self._greedy.decide(self._informed, masks, keys)


def true_knowledge(world: World, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(known) and P(comes to mind where known) of each skill, both `(m, K)`, as they are.

    Binary mastery knows or does not, and may forget; in the continuous models it is mastery now that counts.
    """
    kind, n_skills = world.learner.kind[0], world.skills.shape[1]
    memories = world.memories[rows]
    if kind["model"] != BKT:
        return memories["mastered"], np.ones((len(rows), n_skills))
    known = world.minds["known"][rows, None] >> np.arange(n_skills, dtype=np.uint64) & np.uint64(1)
    return known.astype(float), memories["retained"] if kind["forgetting"] else np.ones(known.shape)
