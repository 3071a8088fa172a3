"""The same environment for one user at a time, as Gymnasium's single `Env`."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from agents.kernel import TERMS
from agents.learners import Learner, load_learner
from envs.reward import RewardWeights
from envs.vector import MOST_DECISIONS, OnboardingVectorEnv
from journeys.loading import load_journey
from journeys.spec import Journey
from personas.persona import Population, load_population


class OnboardingEnv(gym.Env[np.ndarray, np.int64]):
    """One user's onboarding: observation `(D,)` float32 in [0, 1], flat `Discrete` action space, masks in `info`.

    An illegal action is not an error here, because generic tools sample the whole space: it is replaced by the
    first legal one and `info["replaced"]` says so. Policies should read `info["action_mask"]`.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  (declared so by Gymnasium)

    def __init__(
        self,
        journey: Journey | str = "tiny",
        population: Population | str = "mixed",
        weights: RewardWeights | None = None,
        most_decisions: int = MOST_DECISIONS,
        learner: Learner | str = "bkt",
    ) -> None:
        journey = load_journey(journey) if isinstance(journey, str) else journey
        population = load_population(population) if isinstance(population, str) else population
        learner = load_learner(learner) if isinstance(learner, str) else learner
        self.many = OnboardingVectorEnv(journey, population, 1, weights, most_decisions, copy=True, learner=learner)
        self.observation_space = self.many.single_observation_space
        self.action_space = self.many.single_action_space
        self._next_user = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin with the next user; with a seed, with user 0 of that seed. `options["first_user"]` chooses one."""
        super().reset(seed=seed)
        self._next_user = 0 if seed is not None else self._next_user
        first = int((options or {}).get("first_user", self._next_user))
        self._next_user = first + 1
        observations, info = self.many.reset(seed=seed, options={"first_user": first})
        return observations[0], self._single(info)

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Apply one action."""
        legal = self.many.action_masks()[0]
        replaced = not legal[int(action)]
        chosen = int(np.argmax(legal)) if replaced else int(action)
        observations, rewards, terminated, truncated, info = self.many.step(np.array([chosen]))
        over = bool(terminated[0] or truncated[0])
        observation = info["final_obs"][0] if over else observations[0]
        return (
            observation,
            float(rewards[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            {**self._single(info), "replaced": replaced},
        )

    def action_masks(self) -> np.ndarray:
        """Legal actions `(A,)`, bool: the name under which sb3-contrib looks for them."""
        return self.many.action_masks()[0]

    @staticmethod
    def _single(info: dict[str, Any]) -> dict[str, Any]:
        return {
            "action_mask": info["action_mask"][0],
            "event_key": int(info["event_key"][0]),
            "elapsed": float(info["elapsed"][0]),
            "terms": dict(zip(TERMS, info["terms"][0].tolist(), strict=True)),
            "user": int(info["user"][0]),
            "persona": int(info["persona"][0]),
        }
