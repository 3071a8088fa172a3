"""Means and paired differences with 95% intervals.

Student's t: mean ± t(0.975, n - 1) · s / √n, exact for normal values and, by the central limit theorem, close to 95%
for the hundreds of users that an experiment plays. Intervals stand for one number each: of twenty of them that cover
95%, one is expected to miss.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean over `n` users and the ends of its 95% interval; with a single user the interval is unbounded."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2.0

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        return self.low > 0.0 or self.high < 0.0


def mean_interval(values: np.ndarray) -> Interval:
    """Mean of `values` `(n,)` with its interval. Raises `ValueError` where there are none."""
    n = len(values)
    if n == 0:
        raise ValueError("a mean needs at least one value")
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, -math.inf, math.inf, 1)
    half = float(stdtrit(n - 1, (1.0 + LEVEL) / 2.0)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def paired_interval(values: np.ndarray, reference: np.ndarray) -> Interval:
    """Mean of `values - reference`, both `(n,)` over the same users in the same order, with its interval.

    Raises `ValueError` where the lengths differ: unpaired users cannot be subtracted.
    """
    if len(values) != len(reference):
        raise ValueError(f"paired differences need the same users: {len(values)} against {len(reference)}")
    return mean_interval(values - reference)
