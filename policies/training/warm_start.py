"""Warm start: before it improves on its own, the actor learns to imitate a teacher, and the critic to judge it.

Behaviour cloning by cross-entropy over the legal actions, and regression of the critic on the teacher's discounted
returns. The critic matters: with an untrained one, the first updates of PPO would undo the imitation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from sb3_contrib import MaskablePPO

from envs.reward import RewardWeights
from journeys.spec import Journey
from personas.persona import Population
from policies.protocol import Policy
from policies.training.rollout import Moment, rounds

USERS = 4_000  # whose lives under the teacher are studied
PASSES = 8
BATCH = 1_024
LEARNING_RATE = 1e-3
WARM_START_SALT = 15_485_863  # the teacher is watched on users that the training does not meet


class Lessons(NamedTuple):
    """What the teacher saw and did, and what came of it: `m` decisions."""

    observations: np.ndarray  # (m, D) float32
    masks: np.ndarray  # (m, A) bool
    actions: np.ndarray  # (m,) int64
    returns: np.ndarray  # (m,) float32, discounted


def watch(
    journey: Journey, population: Population, teacher: Policy, seed: int, weights: RewardWeights, gamma: float
) -> Lessons:
    """Let `teacher` guide `USERS` users."""
    seen: list[Moment] = []
    rewards: list[np.ndarray] = []
    scale = weights.array()
    for moment in rounds(journey, population, teacher, USERS, seed + WARM_START_SALT):
        if seen:
            rewards.append(moment.world.terms[seen[-1].rows] @ scale)
        seen.append(moment)
    ahead, returns = np.zeros(USERS), []
    for moment, reward in zip(reversed(seen[:-1]), reversed(rewards), strict=True):
        ahead[moment.rows] = reward + gamma * ahead[moment.rows]
        returns.append(ahead[moment.rows].astype(np.float32))
    decided = seen[:-1]
    return Lessons(
        np.concatenate([moment.observations for moment in decided]),
        np.concatenate([moment.masks for moment in decided]),
        np.concatenate([moment.choices.actions for moment in decided]),
        np.concatenate(returns[::-1]),
    )


def imitate(model: MaskablePPO, lessons: Lessons, seed: int) -> None:
    """Fit the model's actor to the teacher's actions and its critic to the teacher's returns."""
    policy = model.policy
    optimiser = torch.optim.Adam(policy.parameters(), lr=LEARNING_RATE)
    order = np.random.default_rng(seed)
    observations, masks = torch.from_numpy(lessons.observations), lessons.masks
    actions, returns = torch.from_numpy(lessons.actions), torch.from_numpy(lessons.returns)
    for _ in range(PASSES):
        shuffled = order.permutation(len(actions))
        for start in range(0, len(shuffled) - BATCH + 1, BATCH):
            rows = shuffled[start : start + BATCH]
            values, log_probabilities, _ = policy.evaluate_actions(
                observations[rows], actions[rows], action_masks=masks[rows]
            )
            loss = -log_probabilities.mean() + 0.5 * ((values.squeeze(-1) - returns[rows]) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
