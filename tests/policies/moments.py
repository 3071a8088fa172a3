"""Real decision moments of simulated users, and every policy that is held to the policies' contract."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from journeys.actions import INTERVENTIONS, N_VARIANTS, decode
from journeys.loading import load_journey
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from journeys.spec import Journey
from personas.persona import load_population
from policies.bandits.learning import policy_of
from policies.families import WITHOUT_TENSORS, baseline
from policies.network import NetworkPolicy, Weights
from policies.path import LearningPath, PathPolicy
from policies.protocol import Policy
from policies.random_legal import RandomLegal
from policies.step_features import INPUT_SIZE
from policies.step_scorer import StepScorer
from policies.training.paths import genome
from policies.training.paths.operators import luck_of, random_genome
from policies.training.rollout import rounds
from tests.policies.bandit_learners import SETTINGS, random_learner

POLICIES = (*WITHOUT_TENSORS, "network", "cold network", "scorer", "cold scorer", "path", *SETTINGS)
COLD = 0.02  # temperature
HIDDEN = 24  # units of the random network
TINY = load_journey("tiny")
NAMES = TINY.step_names()


class Moments(NamedTuple):
    """`m` decision moments: `observations` `(m, D)`, `masks` `(m, A)`, `keys` `(m,)`."""

    observations: np.ndarray
    masks: np.ndarray
    keys: np.ndarray


@cache
def moments_of(journey: str, n_users: int = 40) -> Moments:
    """Every decision moment of `n_users` users whose actions are random: select, assist and re-engage."""
    played = rounds(load_journey(journey), load_population("mixed"), RandomLegal(), n_users, seed=6)
    seen = [(moment.observations, moment.masks, moment.keys) for moment in played if len(moment.rows)]
    return Moments(*(np.concatenate(part) for part in zip(*seen, strict=True)))


def random_weights(n_inputs: int, n_actions: int, seed: int = 1, scale: float = 1.0) -> Weights:
    """Weights of an untrained network, with biases, float32."""
    rng = np.random.default_rng(seed)
    sizes = ((n_inputs, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, n_actions), (n_actions,))
    return Weights(*(scale * rng.normal(0.0, 1.0 / np.sqrt(size[0]), size).astype(np.float32) for size in sizes))


def make_policy(name: str, journey: str) -> Policy:
    """One of `POLICIES`, for a journey."""
    if name in WITHOUT_TENSORS:
        return baseline(name, load_journey(journey))
    if name == "path":
        return PathPolicy(name, random_path(load_journey(journey)), load_journey(journey))
    if name in SETTINGS:
        return policy_of(random_learner(name, load_journey(journey)), load_journey(journey))
    temperature = COLD if name.startswith("cold") else 1.0
    if name.endswith("scorer"):
        return StepScorer(name, *random_scorers(), load_journey(journey), temperature)
    moments = moments_of(journey)
    weights = random_weights(moments.observations.shape[1], moments.masks.shape[1])
    return NetworkPolicy(name, weights, temperature)


def random_path(journey: Journey, seed: int = 3) -> LearningPath:
    """A path that nobody searched for: any order that the prerequisites leave, any difficulties."""
    ground = genome.ground_of(journey)
    with luck_of(seed):
        return genome.decode(random_genome(ground), ground)


def random_scorers(seed: int = 2) -> tuple[Weights, Weights]:
    """Weights of an untrained step scorer: `select`, then `assist`."""
    return random_weights(INPUT_SIZE, N_VARIANTS, seed), random_weights(INPUT_SIZE, INTERVENTIONS, seed + 1)


def moment(kind: str, legal: list[str], **entries: float) -> tuple[np.ndarray, np.ndarray]:
    """A made-up moment of the tiny journey: observation `(1, D)` and mask `(1, A)`.

    `legal` names actions as `decode` prints them; `entries` sets the user block, `step__entry` a step's block.
    """
    observation = np.zeros((1, moments_of("tiny").observations.shape[1]), np.float32)
    mask = np.array([[str(decode(a, NAMES)) in legal for a in range(moments_of("tiny").masks.shape[1])]])
    observation[0, USER_INDEX[kind]] = 1.0
    for name, value in entries.items():
        if "__" in name:
            step, entry = name.split("__")
            at = USER_SIZE + STEP_SIZE * NAMES.index(step.replace("_", "-"))
            observation[0, at + STEP_INDEX[entry]] = value
        else:
            observation[0, USER_INDEX[name]] = value
    assert mask.sum() == len(legal), "an action of that name does not exist"
    return observation, mask


def choice(policy: Policy, seen: tuple[np.ndarray, np.ndarray]) -> str:
    """What the policy does, in words."""
    return str(decode(int(policy.decide(*seen, np.zeros(1, np.uint64)).actions[0]), NAMES))
