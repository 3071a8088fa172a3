"""What a trait's distribution says in numbers: its quantiles, in closed form."""

from __future__ import annotations

import math
from statistics import NormalDist

from personas.persona import Trait

STANDARD_NORMAL = NormalDist()


def quantile(trait: Trait, share: float) -> float:
    """The value below which `share` (strictly between 0 and 1) of users lie, in the trait's unit."""
    if trait.distribution == "fixed":
        return trait.a
    if trait.distribution == "uniform":
        return trait.a + (trait.b - trait.a) * share
    factor = math.exp(trait.b * STANDARD_NORMAL.inv_cdf(share))
    if trait.distribution == "lognormal":
        return trait.a * factor
    odds = trait.a / (1.0 - trait.a) * factor
    return odds / (1.0 + odds)
