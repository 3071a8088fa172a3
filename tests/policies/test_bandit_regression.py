"""Running sums against the formulas that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.bandits.regression import Sums, add_rows, nothing_seen, posterior, renew

HEADS, SIZE, ROUNDS = 3, 7, 200
RIDGE, CLOSE = 1.5, 1e-9


def observations(seed: int, n: int = ROUNDS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, SIZE)) * (rng.random((n, SIZE)) < 0.6)
    return rng.integers(0, HEADS, n), inputs, rng.normal(size=n)


def learned(seed: int, discount: float = 1.0) -> Sums:
    sums = nothing_seen(HEADS, SIZE, discount < 1.0)
    add_rows(sums, *observations(seed), discount)
    return sums


def test_it_is_the_recursion_of_sherman_and_morrison() -> None:
    """One observation at a time, as algorithm 1 of Li et al. 2010 would be run."""
    heads, inputs, rewards = observations(1)
    inverse, moment = np.stack([np.eye(SIZE) / RIDGE] * HEADS), np.zeros((HEADS, SIZE))
    for head, x, reward in zip(heads, inputs, rewards, strict=True):
        moved = inverse[head] @ x
        inverse[head] -= np.outer(moved, moved) / (1.0 + x @ moved)
        moment[head] += reward * x
    found = posterior(learned(1), RIDGE, 1.0)
    for head in range(HEADS):
        np.testing.assert_allclose(found.means[head], inverse[head] @ moment[head], atol=CLOSE)
        np.testing.assert_allclose(found.roots[head] @ found.roots[head].T, inverse[head], atol=CLOSE)


def test_it_is_the_posterior_of_bayes() -> None:
    """Prior N(0, I / ridge), noise of variance 1: the exact posterior of the weights, through the evidence.

    Written with the covariance of the observations (Rasmussen and Williams 2006, equation 2.12), not with sums.
    """
    heads, inputs, rewards = observations(2)
    found = posterior(learned(2), RIDGE, 1.0)
    for head in range(HEADS):
        x, r = inputs[heads == head], rewards[heads == head]
        gain = (x.T / RIDGE) @ np.linalg.inv(x @ x.T / RIDGE + np.eye(len(r)))
        np.testing.assert_allclose(found.means[head], gain @ r, atol=CLOSE)
        covariance = np.eye(SIZE) / RIDGE - gain @ x / RIDGE
        np.testing.assert_allclose(found.roots[head] @ found.roots[head].T, covariance, atol=CLOSE)


@pytest.mark.parametrize("discount", [0.9, 0.99])
def test_with_drift_old_observations_weigh_less(discount: float) -> None:
    """V^-1 W V^-1 of Russac, Vernade and Cappe 2019, with a weight for every observation, of whichever head."""
    heads, inputs, rewards = observations(3)
    weights = discount ** np.arange(ROUNDS - 1, -1, -1)
    found = posterior(learned(3, discount), RIDGE, discount)
    for head in range(HEADS):
        x, r, w = inputs[heads == head], rewards[heads == head], weights[heads == head]
        v = (x.T * w) @ x + RIDGE * np.eye(SIZE)
        wide = (x.T * w**2) @ x + RIDGE * np.eye(SIZE)
        np.testing.assert_allclose(found.means[head], np.linalg.solve(v, (x.T * w) @ r), atol=CLOSE)
        covariance = np.linalg.inv(v) @ wide @ np.linalg.inv(v)
        np.testing.assert_allclose(found.roots[head] @ found.roots[head].T, covariance, atol=CLOSE)


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, ROUNDS), seed=st.integers(0, 99), discount=st.sampled_from([1.0, 0.97]))
def test_learning_in_two_goes_is_learning_in_one(cut: int, seed: int, discount: float) -> None:
    """Bit for bit, wherever the log is cut."""
    parts, whole = observations(seed), nothing_seen(HEADS, SIZE, discount < 1.0)
    add_rows(whole, *parts, discount)
    halves = nothing_seen(HEADS, SIZE, discount < 1.0)
    add_rows(halves, *(part[:cut] for part in parts), discount)
    add_rows(halves, *(part[cut:] for part in parts), discount)
    for one, other in zip(whole, halves, strict=True):
        np.testing.assert_array_equal(one, other)


def test_solving_again_what_was_learned_of_is_solving_everything() -> None:
    """Bit for bit, batch after batch, where nothing fades."""
    heads, inputs, rewards = observations(4)
    sums = nothing_seen(HEADS, SIZE, False)
    found = posterior(sums, RIDGE, 1.0)
    for low in range(0, ROUNDS, 2):
        part = slice(low, low + 2)
        add_rows(sums, heads[part], inputs[part], rewards[part], 1.0)
        renew(found, sums, np.unique(heads[part]), RIDGE, 1.0)
    for one, other in zip(found, posterior(sums, RIDGE, 1.0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_nothing_seen_nothing_is_expected_and_all_is_possible() -> None:
    found = posterior(nothing_seen(HEADS, SIZE, False), RIDGE, 1.0)
    assert not found.means.any()
    np.testing.assert_allclose(found.roots @ found.roots.transpose(0, 2, 1), np.stack([np.eye(SIZE) / RIDGE] * HEADS))
