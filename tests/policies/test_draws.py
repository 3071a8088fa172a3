"""The draw of an action: its edges, and that chance is what the propensities say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from journeys import draws
from journeys.draws import PURPOSE_POLICY, nth_key, uniform, user_key
from policies.protocol import draw
from tests.policies.moments import make_policy, moments_of

MANY = 200_000
SURPRISE = 1e-4  # the keys are fixed: a test either always passes or never does; this is how odd the luck may look


def keys_of(n: int, seed: int = 3) -> np.ndarray:
    """Event keys `(n,)` as simulated users have them: many users, some events each."""
    per_user = 20
    owners = [user_key(seed, user) for user in range(n // per_user)]
    return np.array([nth_key(np.uint64(owner), event) for owner in owners for event in range(per_user)], np.uint64)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.floats(0, 1)), st.integers(0))
def test_a_drawn_action_is_possible(weights: np.ndarray, seed: int) -> None:
    weights[:, seed % weights.shape[1]] += 0.5  # at least one action is possible
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    keys = np.array([(seed + row) % 2**64 for row in range(len(weights))], np.uint64)
    choices = draw(probabilities, keys)
    taken = probabilities[np.arange(len(keys)), choices.actions]
    assert (taken > 0.0).all()
    np.testing.assert_array_equal(choices.propensities, taken)


def test_impossible_heads_and_tails_are_never_drawn() -> None:
    probabilities = np.tile([0.0, 0.0, 0.5, 0.0, 0.5, 0.0], (2_000, 1))
    assert set(draw(probabilities, keys_of(2_000)).actions) == {2, 4}


def test_a_sum_below_one_falls_to_the_last_possible_action() -> None:
    """Rounding may leave the cumulated sum a hair short of 1; here it is much more than a hair."""
    choices = draw(np.tile([0.0, 0.25, 0.25, 0.0], (2_000, 1)), keys_of(2_000))
    assert set(choices.actions) == {1, 2}
    assert np.mean(choices.actions == 1) == pytest.approx(0.25, abs=0.03)


def test_one_certain_action() -> None:
    assert (draw(np.tile([0.0, 0.0, 1.0], (500, 1)), keys_of(500)).actions == 2).all()


def test_the_boundaries_are_cumulated_probabilities() -> None:
    """Inverse transform: action a where the key's uniform lies in [c(a-1), c(a))."""
    probabilities, keys = np.array([0.1, 0.2, 0.0, 0.3, 0.4]), keys_of(3_000)
    u = np.array([uniform(np.uint64(key), PURPOSE_POLICY) for key in keys])
    expected = np.searchsorted(np.cumsum(probabilities), u, side="right")
    np.testing.assert_array_equal(draw(np.tile(probabilities, (3_000, 1)), keys).actions, expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "zpdes", "network"])
def test_logged_propensities_are_frequencies(name: str) -> None:
    """One moment of each kind answered under many keys: chi-square of the actions against the probabilities."""
    moments, policy, keys = moments_of("tiny"), make_policy(name, "tiny"), keys_of(MANY)
    for kind in range(3):
        row = np.flatnonzero(moments.observations[:, kind] == 1.0)[-1]
        observations = np.tile(moments.observations[row], (MANY, 1))
        masks = np.tile(moments.masks[row], (MANY, 1))
        choices = policy.decide(observations, masks, keys)
        expected = MANY * policy.probabilities(observations[:1], masks[:1])[0]
        counts = np.bincount(choices.actions, minlength=len(expected))
        likely = expected >= 5.0  # the usual condition of the chi-square approximation
        assert counts[~likely].sum() <= 30
        if likely.sum() > 1:
            seen, due = counts[likely], expected[likely]
            assert stats.chisquare(seen, due * seen.sum() / due.sum()).pvalue > SURPRISE
        np.testing.assert_allclose(choices.propensities, expected[choices.actions] / MANY, rtol=1e-12)


@pytest.mark.slow
def test_luck_of_one_purpose_says_nothing_about_another() -> None:
    """Uniforms of all purposes over the same keys: none correlates with any other, nor with the next event's."""
    purposes = sorted(value for name, value in vars(draws).items() if name.startswith("PURPOSE_"))
    keys = keys_of(40_000)
    u = np.array([[uniform(np.uint64(key), purpose) for key in keys] for purpose in purposes])
    bound = stats.norm.isf(SURPRISE / len(purposes) ** 2) / np.sqrt(len(keys))
    correlations = np.corrcoef(u) - np.eye(len(purposes))
    assert np.abs(correlations).max() < bound
    lagged = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in u]
    assert np.abs(lagged).max() < bound
    for row in u:
        assert stats.kstest(row, "uniform").pvalue > SURPRISE


def test_purposes_are_unique() -> None:
    values = [value for name, value in vars(draws).items() if name.startswith("PURPOSE_")]
    assert len(values) == len(set(values))
