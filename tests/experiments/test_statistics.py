"""Intervals against closed forms and textbook values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.statistics import mean_interval, paired_interval

numbers = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


def test_textbook_example() -> None:
    """1 to 5: mean 3, s = sqrt(2.5), t(0.975, 4) = 2.776445 (any table), half width t s / sqrt(5)."""
    interval = mean_interval(np.arange(1.0, 6.0))
    assert interval.mean == 3.0
    assert interval.half_width == pytest.approx(2.776445105 * math.sqrt(2.5) / math.sqrt(5.0), rel=1e-9)
    assert interval.n == 5


def test_two_values_have_the_cauchy_quantile() -> None:
    """With one degree of freedom t is Cauchy: t(0.975) = tan(0.475 pi); s / sqrt(2) of {0, 2} is 1."""
    assert mean_interval(np.array([0.0, 2.0])).half_width == pytest.approx(math.tan(0.475 * math.pi))


def test_many_values_have_the_normal_quantile() -> None:
    values = np.tile([0.0, 1.0], 50_000)
    expected = 1.959964 * 0.5 / math.sqrt(100_000)
    assert mean_interval(values).half_width == pytest.approx(expected, rel=1e-4)


@given(numbers)
def test_difference_to_itself_is_exactly_zero(values: list[float]) -> None:
    interval = paired_interval(np.array(values), np.array(values))
    assert (interval.mean, interval.low, interval.high) == (0.0, 0.0, 0.0)
    assert not interval.excludes_zero


@given(numbers, st.integers(0, 2**32 - 1))
def test_swapping_the_two_changes_the_sign_only(values: list[float], seed: int) -> None:
    mine = np.array(values)
    other = np.random.default_rng(seed).permutation(mine)
    there, back = paired_interval(mine, other), paired_interval(other, mine)
    assert (there.mean, there.low, there.high) == (-back.mean, -back.high, -back.low)


def test_pairing_removes_what_the_pairs_share() -> None:
    """Users differ by thousands, the policies by exactly 1: the paired interval has no width."""
    users = np.random.default_rng(0).integers(0, 10_000, 500).astype(float)
    interval = paired_interval(users + 1.0, users)
    assert (interval.mean, interval.half_width) == (1.0, 0.0)
    assert mean_interval(users).half_width > 100.0


def test_one_user_says_nothing_of_the_spread() -> None:
    interval = mean_interval(np.array([0.7]))
    assert interval.mean == 0.7
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert not interval.excludes_zero


def test_unpaired_users_and_nobody_are_errors() -> None:
    with pytest.raises(ValueError, match="same users: 3 against 2"):
        paired_interval(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval(np.zeros(0))
