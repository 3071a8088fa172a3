"""Sobol indices: which share of an output's variance comes from which input.

With inputs drawn independently, the first-order index of input i is the share of the variance that knowing i alone
would take away, Var(E(y | x_i)) / Var(y); its total index is what would be left if all inputs but i were known,
E(Var(y | x_~i)) / Var(y). Their difference is what i does together with others.

Estimators: Saltelli et al. 2010 (10.1016/j.cpc.2009.09.018), table 2 (b) for the first order and Jansen's (f) for the
total, on the matrices A, B and, for each input, A with that input's column from B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import qmc

RESAMPLES = 500  # of the base points, for the intervals: ends of a 95% interval then vary by some 3% of its width
LEVEL = 0.95


class Design(NamedTuple):
    """Base points `a`, `b` `(n, d)` in the unit cube, and `ab` `(d, n, d)`: `a` with one column each from `b`."""

    a: np.ndarray
    b: np.ndarray
    ab: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """All points in a row, `(n (d + 2), d)`: `a`, `b`, then the pages of `ab`."""
        return np.concatenate([self.a, self.b, self.ab.reshape(-1, self.a.shape[1])])


def slopes_of(outputs: np.ndarray, design: Design) -> np.ndarray:
    """Mean change of the output `(d,)` over the whole range of each input, all others being equal.

    Least squares through the origin over the pairs of points that differ in that input alone.
    """
    n = len(design.a)
    change = outputs[2 * n :].reshape(-1, n) - outputs[:n]
    step = (design.b - design.a).T
    return np.asarray((change * step).sum(axis=1) / (step**2).sum(axis=1))


class Indices(NamedTuple):
    """First-order and total indices `(d,)` of one output, with the ends of their 95% intervals."""

    first: np.ndarray
    first_low: np.ndarray
    first_high: np.ndarray
    total: np.ndarray
    total_low: np.ndarray
    total_high: np.ndarray


def make_design(n: int, d: int, seed: int) -> Design:
    """`n` base points, a power of 2, for `d` inputs, from a scrambled Sobol sequence."""
    pairs = qmc.Sobol(2 * d, rng=np.random.default_rng(seed)).random_base2(n.bit_length() - 1)
    a, b = pairs[:, :d], pairs[:, d:]
    ab = np.tile(a, (d, 1, 1))
    for i in range(d):
        ab[i, :, i] = b[:, i]
    return Design(a, b, ab)


def estimate(a: np.ndarray, b: np.ndarray, ab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices `(d,)` from outputs at `a`, `b` `(n,)`, `ab` `(d, n)`; 0 where nothing varies."""
    mean = np.concatenate([a, b]).mean()  # taken away, which lessens the estimators' noise (Sobol' and Levitan 1999)
    variance = np.concatenate([a, b]).var()
    if variance == 0.0:
        return np.zeros(len(ab)), np.zeros(len(ab))
    first = np.mean((b - mean) * (ab - a), axis=1) / variance
    total = 0.5 * np.mean((ab - a) ** 2, axis=1) / variance
    return first, total


def indices_of(outputs: np.ndarray, n: int, seed: int) -> Indices:
    """The indices of `outputs` `(n (d + 2),)` at a design's `points`; intervals by bootstrap of the base points."""
    a, b, ab = outputs[:n], outputs[n : 2 * n], outputs[2 * n :].reshape(-1, n)
    luck = np.random.default_rng(seed)
    draws = (luck.integers(0, n, n) for _ in range(RESAMPLES))
    again = np.array([estimate(a[rows], b[rows], ab[:, rows]) for rows in draws])
    tail = (1.0 - LEVEL) / 2.0
    (first_low, total_low), (first_high, total_high) = np.quantile(again, [tail, 1.0 - tail], axis=0)
    first, total = estimate(a, b, ab)
    return Indices(first, first_low, first_high, total, total_low, total_high)


def indices_of_function(function: Callable[[np.ndarray], np.ndarray], d: int, n: int, seed: int) -> Indices:
    """The indices of `function` from points `(m, d)` of the unit cube to outputs `(m,)`."""
    return indices_of(function(make_design(n, d, seed).points), n, seed)
