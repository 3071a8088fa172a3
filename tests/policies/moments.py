"""Real decision moments of simulated users, and every policy that is held to the policies' contract."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.greedy_belief import greedy_belief
from policies.network import NetworkPolicy, Weights
from policies.protocol import Policy
from policies.random_legal import RandomLegal
from policies.training.rollout import rounds

POLICIES = ("random", "fixed", "rules", "greedy", "network", "cold network")
HIDDEN = 24  # units of the random network


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
    baselines = {"random": RandomLegal, "fixed": fixed_path, "rules": expert_rules, "greedy": greedy_belief}
    if name in baselines:
        return baselines[name]()
    moments = moments_of(journey)
    weights = random_weights(moments.observations.shape[1], moments.masks.shape[1])
    return NetworkPolicy(name, weights, 1.0 if name == "network" else 0.02)
