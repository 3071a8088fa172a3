"""Who ranks where over many problems, and which mean ranks can be told apart (Demsar 2006, JMLR 7, 1-30).

Every block (one problem) ranks the policies, 1 the best, equals sharing the mean of their ranks. Friedman's test asks
whether any differ at all; Nemenyi's critical difference says how far apart two mean ranks have to be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc
from scipy.stats import rankdata, studentized_range

from experiments.statistics import LEVEL


class Ranks(NamedTuple):
    """`mean` `(k,)` ranks of `k` policies over `blocks`, and Friedman's chi-squared with its p-value.

    `critical`: mean ranks at least so far apart differ by Nemenyi's test at 95%.
    """

    mean: np.ndarray
    blocks: int
    chi_squared: float
    p_value: float
    critical: float


def ranks_of(returns: np.ndarray) -> Ranks:
    """Ranks of the policies in the columns of `returns` `(N, k)`, higher is better.

    Raises `ValueError` where there are fewer than two policies: nobody ranks alone.
    """
    n, k = returns.shape
    if k < 2:
        raise ValueError("ranks need at least two policies")
    each = rankdata(-returns, axis=1)
    mean = each.mean(axis=0)
    chi_squared = friedman(each)
    return Ranks(mean, n, chi_squared, float(chdtrc(k - 1, chi_squared)), critical_difference(k, n))


def friedman(ranks: np.ndarray) -> float:
    """Friedman's statistic of `ranks` `(N, k)`, corrected for equals; 0 where all are equal in every block.

    12 N / (k (k + 1)) · Σ (R_j - (k + 1) / 2)², divided by 1 - Σ (t³ - t) / (N (k³ - k)) over groups of t equals.
    """
    n, k = ranks.shape
    spread = float(((ranks.mean(axis=0) - (k + 1) / 2.0) ** 2).sum())
    groups = np.concatenate([np.unique(block, return_counts=True)[1] for block in ranks])
    correction = 1.0 - float((groups**3 - groups).sum()) / (n * (k**3 - k))
    return 12.0 * n / (k * (k + 1)) * spread / correction if correction > 0.0 else 0.0


def critical_difference(k: int, n: int) -> float:
    """Nemenyi's: q √(k (k + 1) / 6 N), q the 95% point of the studentised range of `k` means over √2."""
    q = float(studentized_range.ppf(LEVEL, k, math.inf)) / math.sqrt(2.0)
    return q * math.sqrt(k * (k + 1) / (6.0 * n))


def not_told_apart(mean: Sequence[float], critical: float) -> Iterator[tuple[int, int]]:
    """The widest runs of policies whose `mean` ranks, ascending, lie within less than `critical`: first and last."""
    reached = 0
    for first, rank in enumerate(mean):
        last = max(i for i, other in enumerate(mean) if other - rank < critical)
        if last > max(first, reached):
            yield first, last
            reached = last
