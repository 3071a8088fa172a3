"""What is measured: samples of numbers that belong to people, and measures that say how two samples are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

Scale = Literal["times", "counts", "share", "factor", "ratio"]
Verdict = Literal["close", "comparable", "different"]
Statistic = Callable[[np.ndarray, np.ndarray], float]
"""A number of `values` `(n,)` with `weights` `(n,)`, which count how often each value is there."""


class Sample(NamedTuple):
    """`values` `(n,)` and the number of the person that each belongs to, `people` `(n,)`.

    Values of one person hang together, so intervals are drawn over people and not over values.
    """

    values: np.ndarray
    people: np.ndarray

    @property
    def n_people(self) -> int:
        """How many people there are values of."""
        return len(np.unique(self.people))


class Measure(NamedTuple):
    """One thing that is compared. `name` is the field of the comparison's samples that holds it.

    `scale` `times` (positive) and `counts` (0 and up) compare whole distributions; `share`, `factor` and `ratio`
    compare one number each, which `statistic` takes from the sample. `why` says why the two sides differ, or what keeps
    them together; `judged` is the verdict that it was written for, so that a change of the simulation that moves a
    verdict is seen to ask for another sentence.
    """

    name: str
    title: str
    unit: str
    scale: Scale
    judged: Verdict
    why: str
    statistic: Statistic | None = None
    tail: bool = False  # drawn as a complementary distribution on two log axes


def mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean: the share where values are 0 and 1."""
    return float(np.average(values, weights=weights))


def geometric_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted geometric mean of positive values."""
    return float(np.exp(np.average(np.log(values), weights=weights)))


def quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The least value that at least `share` of the weight does not exceed (inverse of the distribution function)."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(reached, share * reached[-1] * (1.0 - 1e-12))]])


def gini(values: np.ndarray, weights: np.ndarray) -> float:
    """Gini coefficient of values of 0 and up: 0 where all have the same, towards 1 where one has everything.

    Raises `ValueError` where nobody has anything.
    """
    order = np.argsort(values, kind="stable")
    w, held = weights[order], np.cumsum(weights[order] * values[order])
    if held[-1] <= 0.0:
        raise ValueError("a Gini coefficient needs somebody who has something")
    before = np.concatenate([[0.0], held[:-1]])
    return float(1.0 - (w * (held + before)).sum() / (w.sum() * held[-1]))


def tail_ratio(values: np.ndarray, weights: np.ndarray) -> float:
    """99th percentile over median: how far the most active are from the middle."""
    return quantile(values, weights, 0.99) / quantile(values, weights, 0.5)
