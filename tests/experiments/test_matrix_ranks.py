"""Ranks, Friedman's test and the critical difference against closed forms, tables and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare

from experiments.matrix.ranks import critical_difference, not_told_apart, ranks_of

# Demsar 2006, table 5(a): critical values of the two-tailed Nemenyi test at 0.05, for 2 to 10 classifiers.
NEMENYI = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)

returns = st.integers(2, 6).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 4), min_size=k, max_size=k), min_size=2, max_size=12)
)


def test_the_critical_values_are_those_of_the_table() -> None:
    for k, q in enumerate(NEMENYI, start=2):
        assert critical_difference(k, 1) / math.sqrt(k * (k + 1) / 6.0) == pytest.approx(q, abs=1.1e-3)
    assert critical_difference(4, 100) == pytest.approx(critical_difference(4, 1) / 10.0)


def test_by_hand() -> None:
    """Three policies, two blocks: ranks 1 2 3 and 1 3 2, so 12·2/(3·4)·((1-2)² + (2.5-2)²·2) = 3."""
    ranks = ranks_of(np.array([[9.0, 5.0, 1.0], [3.0, 1.0, 2.0]]))
    assert ranks.mean.tolist() == [1.0, 2.5, 2.5]
    assert ranks.chi_squared == pytest.approx(3.0)
    assert ranks.p_value == pytest.approx(math.exp(-1.5)), "two degrees of freedom: exp(-x / 2)"
    assert ranks.blocks == 2


def test_equals_share_their_ranks() -> None:
    ranks = ranks_of(np.array([[2.0, 2.0, 1.0], [7.0, 7.0, 7.0]]))
    assert ranks.mean.tolist() == [1.75, 1.75, 2.5]


@given(returns)
def test_friedman_is_that_of_scipy(rows: list[list[int]]) -> None:
    values = np.array(rows, float)
    ranks = ranks_of(values)
    k = values.shape[1]
    assert ranks.mean.sum() == pytest.approx(k * (k + 1) / 2)
    if (values == values[:, :1]).all():
        assert (ranks.chi_squared, ranks.p_value) == (0.0, 1.0)
    elif k > 2:
        theirs = friedmanchisquare(*values.T)
        assert ranks.chi_squared == pytest.approx(theirs.statistic)
        assert ranks.p_value == pytest.approx(theirs.pvalue)


@given(returns)
def test_only_the_order_counts(rows: list[list[int]]) -> None:
    values = np.array(rows, float)
    np.testing.assert_array_equal(ranks_of(values).mean, ranks_of(np.exp(values) - 100.0).mean)


def test_runs_are_the_widest_and_none_lies_within_another() -> None:
    assert list(not_told_apart([1.0, 1.5, 3.0, 3.2, 6.0], 2.0)) == [(0, 1), (1, 3)]
    assert list(not_told_apart([1.0, 2.0, 3.0], 5.0)) == [(0, 2)]
    assert list(not_told_apart([1.0, 4.0], 3.0)) == [], "so far apart differs"


def test_nobody_ranks_alone() -> None:
    with pytest.raises(ValueError, match="at least two"):
        ranks_of(np.ones((3, 1)))
