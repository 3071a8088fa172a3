"""Chances against what they stand for: draws, closed forms, and the plain rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.bandits.exploration import HIGHEST, SAMPLED, SOFTENED, Rule, explore, fill_below, promise_of

DRAWS = 400_000
INTEGRAL_OFF = 0.002  # by cells of the integral, as policies/bandits/exploration.py states
A_CELL_OFF = 0.02  # where one of two is known exactly: all that it may be lies in one cell
PHI_OFF = 3e-7  # by the formula for the normal distribution
STANDARD_ERRORS = 4.5  # 1 in 150,000 is beyond: a hundred comparisons hold

ARMS = st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(0.01, 3.0)), min_size=2, max_size=8)


def chances(rule: Rule, means: list[float], widths: list[float]) -> np.ndarray:
    count = len(means)
    room, out = promise_of(count), np.zeros(count)
    room.means[:], room.widths[:] = means, widths
    explore(rule, room, count, out)
    return out


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(6))
def test_sampled_is_as_often_the_highest_as_its_draws(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    means, widths = rng.normal(size=7), rng.exponential(size=7)
    winners = rng.normal(means, scale * widths, size=(DRAWS, 7)).argmax(axis=1)
    seen = np.bincount(winners, minlength=7) / DRAWS
    error = STANDARD_ERRORS * np.sqrt(np.maximum(seen * (1 - seen), 1 / DRAWS) / DRAWS) + INTEGRAL_OFF
    assert (abs(chances(Rule(SAMPLED, scale, 0.0), list(means), list(widths)) - seen) < error).all()


def test_the_normal_distribution_is_that_of_the_library() -> None:
    points, mean, deviation = np.linspace(-12.0, 14.0, 2_001), 1.0, 0.7
    out = np.zeros(1)
    for point in points:
        fill_below(point, np.array([mean]), np.array([math.sqrt(0.5) / deviation]), 1, out)
        exact = 0.5 * math.erfc((mean - point) / deviation * math.sqrt(0.5))
        assert out[0] == pytest.approx(exact, rel=0.0, abs=PHI_OFF)


@settings(max_examples=60, deadline=None)
@given(gap=st.floats(-4.0, 4.0), one=st.floats(0.05, 2.0), other=st.floats(0.05, 2.0), scale=st.floats(0.1, 2.0))
def test_of_two_the_integral_is_one_normal(gap: float, one: float, other: float, scale: float) -> None:
    """P(a > b) = Phi(gap / sqrt(va + vb))."""
    exact = 0.5 * math.erfc(-gap / (scale * math.hypot(one, other)) / math.sqrt(2.0))
    assert chances(Rule(SAMPLED, scale, 0.0), [gap, 0.0], [one, other])[0] == pytest.approx(exact, abs=INTEGRAL_OFF)


@settings(max_examples=60, deadline=None)
@given(arms=ARMS, how=st.sampled_from([HIGHEST, SAMPLED, SOFTENED]), uniform=st.floats(0.0, 1.0))
def test_chances_sum_to_one_and_none_is_below_its_share(
    arms: list[tuple[float, float]], how: int, uniform: float
) -> None:
    found = chances(Rule(how, 0.5, uniform), *map(list, zip(*arms, strict=True)))
    assert found.sum() == pytest.approx(1.0)
    assert (found >= uniform / len(arms) - 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(arms=ARMS, scale=st.floats(0.0, 3.0))
def test_linucb_takes_the_highest_bound(arms: list[tuple[float, float]], scale: float) -> None:
    means, widths = map(np.array, zip(*arms, strict=True))
    found = chances(Rule(HIGHEST, scale, 0.0), list(means), list(widths))
    assert found[np.argmax(means + scale * widths)] == 1.0


def test_epsilon_greedy_is_the_best_and_a_share_of_everything() -> None:
    np.testing.assert_allclose(
        chances(Rule(HIGHEST, 0.0, 0.2), [1.0, 3.0, 2.0, 0.0], [9.0] * 4), [0.05, 0.85, 0.05, 0.05]
    )


def test_softened_is_a_softmax() -> None:
    means = np.array([0.1, -0.4, 2.0])
    np.testing.assert_allclose(
        chances(Rule(SOFTENED, 0.5, 0.0), list(means), [1.0] * 3), np.exp(means / 0.5) / np.exp(means / 0.5).sum()
    )


@pytest.mark.parametrize("means", [[1.0, 1.0, 0.0], [0.0, 2.0, 2.0]])
def test_where_all_is_certain_the_first_of_the_best_is_taken(means: list[float]) -> None:
    assert chances(Rule(SAMPLED, 1.0, 0.0), means, [0.0] * 3).argmax() == int(np.argmax(means))


@pytest.mark.parametrize("known", [0.0, 1e-200, 1e-12])
def test_of_one_known_exactly_the_other_wins_as_often_as_it_is_above(known: float) -> None:
    """Also where what is known is itself the floor, below which nothing wins."""
    found = chances(Rule(SAMPLED, 1.0, 0.0), [0.0, 0.5], [known, 1.0])
    assert found[1] == pytest.approx(0.5 * math.erfc(-0.5 / math.sqrt(2.0)), abs=A_CELL_OFF)


def test_a_single_one_that_may_be_the_highest_is_certain() -> None:
    np.testing.assert_array_equal(chances(Rule(SAMPLED, 1.0, 0.0), [9.0, 0.0, 1.0], [1.0, 1.0, 0.5]), [1.0, 0.0, 0.0])


def test_what_cannot_win_has_no_chance_and_what_is_known_exactly_can() -> None:
    found = chances(Rule(SAMPLED, 1.0, 0.0), [0.0, 50.0, 49.0], [1.0, 0.0, 1.0])
    assert found[0] == 0.0
    assert found[1] == pytest.approx(0.5 * math.erfc(-1.0 / math.sqrt(2.0)), abs=0.05)
