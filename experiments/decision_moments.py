"""Decision moments as they come up: what the speed of a policy is measured on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.spec import Journey
from personas.persona import Population
from policies.random_legal import RandomLegal
from policies.training.rollout import rounds

USERS = 300  # whose moments are drawn from: some nine thousand on `saas`


class Moments(NamedTuple):
    """`observations` `(n, D)`, `masks` `(n, A)` and event `keys` `(n,)` of users whose actions were random."""

    observations: np.ndarray
    masks: np.ndarray
    keys: np.ndarray


def some_moments(journey: Journey, population: Population, n: int) -> Moments:
    """`n` moments of every kind, as often as they come up, in no order."""
    played = rounds(journey, population, RandomLegal(), USERS, seed=1)
    seen = [(moment.observations, moment.masks, moment.keys) for moment in played if len(moment.rows)]
    whole = [np.concatenate(part) for part in zip(*seen, strict=True)]
    picked = np.random.default_rng(1).choice(len(whole[0]), n)
    return Moments(*(np.ascontiguousarray(part[picked]) for part in whole))
