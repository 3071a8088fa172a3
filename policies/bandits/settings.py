"""Which bandits there are, and what can be set of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from policies.bandits.exploration import HIGHEST, SAMPLED, SOFTENED, Rule
from policies.bandits.inputs import FEATURES, NETWORK, RECENCY
from policies.setting_checks import check_above_zero, check_not_below_zero, check_shares


class Bandit(NamedTuple):
    """A family: what it reads of an action, and how it explores."""

    kind: int
    how: int


BANDITS: Mapping[str, Bandit] = MappingProxyType(
    {
        "linucb": Bandit(FEATURES, HIGHEST),
        "thompson": Bandit(FEATURES, SAMPLED),
        "epsilon_greedy": Bandit(FEATURES, HIGHEST),
        "neural_linear": Bandit(NETWORK, SAMPLED),
        "recovering": Bandit(RECENCY, SOFTENED),
    }
)


@dataclass(frozen=True)
class BanditSettings:
    """What a bandit is told, and keeps wherever it is served and goes on learning.

    `scale` is LinUCB's optimism, the standard deviation of a single reward where draws are made from the posterior, or
    the temperature of `recovering`; `uniform` is the share of decisions that may be any. `trust` is what an action is
    worth more because the planner advises it, before anything else is known (in units of reward): what is learned has
    to outweigh it. `shared` regressions are one for each difficulty, rung and channel, else one for each action;
    `ridge` is the precision of the prior around 0; `discount` is what is left of an observation after a further one.
    `weights` of the reward's terms and `discount_per_day` say what counts, see policies/bandits/lived.py.
    """

    scale: float = 1.0
    uniform: float = 0.0
    trust: float = 0.2
    shared: bool = True
    ridge: float = 1.0
    discount: float = 1.0
    discount_per_day: float = 0.98
    weights: tuple[float, float, float, float, float, float] = (2.0, 2.0, -0.5, -0.1, -0.5, -0.5)

    def __post_init__(self) -> None:
        check_not_below_zero(self, "policy", "scale", "trust")
        check_shares(self, "policy", "uniform", "discount", "discount_per_day")
        check_above_zero(self, "policy", "ridge", "discount")

    def rule(self, how: int) -> Rule:
        """How chances are found."""
        return Rule(how, float(self.scale), float(self.uniform))

    def numbers(self) -> np.ndarray:
        """All settings as `(N_SETTINGS,)` float64, as a bundle keeps them."""
        *single, weights = astuple(self)
        return np.array([*map(float, single), *weights])


SINGLE = tuple(field.name for field in fields(BanditSettings))[:-1]
N_SETTINGS = len(SINGLE) + 6


def settings_from(numbers: np.ndarray) -> BanditSettings:
    """The inverse of `numbers`. Raises `ValueError` where they are none."""
    values = dict(zip(SINGLE, numbers[: len(SINGLE)].tolist(), strict=True))
    if values["shared"] not in {0.0, 1.0}:
        raise ValueError(f"tensor 'settings' says shared={values['shared']}, which is neither 0 nor 1")
    values["shared"] = bool(values["shared"])
    return BanditSettings(**values, weights=tuple(numbers[len(SINGLE) :].tolist()))
