"""Bandits that have learned something, if only from luck."""

from __future__ import annotations

import numpy as np

from journeys.spec import Journey
from policies.bandits.inputs import NETWORK
from policies.bandits.learning import Learner
from policies.bandits.regression import add_rows
from policies.bandits.settings import BANDITS, BanditSettings
from policies.bandits.tensors import LAYERS, beginner, read_by
from policies.network import Weights
from policies.step_features import INPUT_SIZE

HIDDEN, ROUNDS = 12, 3_000
SETTINGS = {
    "linucb": BanditSettings(scale=0.7),
    "linucb apart": BanditSettings(scale=0.7, shared=False),
    "linucb drifting": BanditSettings(scale=0.7, discount=0.999),
    "thompson": BanditSettings(scale=1.0),
    "thompson apart": BanditSettings(scale=1.0, shared=False),
    "epsilon_greedy": BanditSettings(scale=0.0, uniform=0.2),
    "neural_linear": BanditSettings(scale=1.0),
    "recovering": BanditSettings(scale=0.3),
}


def family_of(name: str) -> str:
    """The family of one of `SETTINGS`."""
    return name.split(maxsplit=1)[0]


def random_networks(seed: int = 3) -> tuple[Weights, Weights]:
    """Two untrained networks to read by."""
    rng = np.random.default_rng(seed)
    shapes = ((INPUT_SIZE, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,))
    assert len(shapes) == len(LAYERS)
    return read_by([rng.normal(0.0, 0.3, shape).astype(np.float32) for _ in range(2) for shape in shapes])


def random_learner(name: str, journey: Journey, seed: int = 5) -> Learner:
    """One of `SETTINGS` that was told anything, of any action, so that all its regressions know something."""
    family = family_of(name)
    networks = random_networks() if BANDITS[family].kind == NETWORK else None
    learner = beginner(family, SETTINGS[name], journey, networks)
    rng, (n_heads, size) = np.random.default_rng(seed), learner.sums.moment.shape
    inputs = rng.random((ROUNDS, size)) * (rng.random((ROUNDS, size)) < 0.4)
    add_rows(learner.sums, rng.integers(0, n_heads, ROUNDS), inputs, rng.normal(size=ROUNDS), learner.settings.discount)
    return learner
