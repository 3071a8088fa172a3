"""Every policy passes the same suite, on real decision moments of every shipped journey."""

from __future__ import annotations

import numpy as np
import pytest

from journeys.loading import shipped
from policies.protocol import Policy, draw
from tests.policies.moments import POLICIES, Moments, make_policy, moments_of

ROUNDING = 1e-12


@pytest.fixture(params=shipped())
def journey(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def moments(journey: str) -> Moments:
    return moments_of(journey)


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest, journey: str) -> Policy:
    return make_policy(request.param, journey)


def test_it_is_a_policy_with_a_name(policy: Policy) -> None:
    assert isinstance(policy, Policy)
    assert policy.name


def test_probabilities_sum_to_one_over_the_legal_actions(policy: Policy, moments: Moments) -> None:
    probabilities = policy.probabilities(moments.observations, moments.masks)
    assert (probabilities.shape, probabilities.dtype) == (moments.masks.shape, np.float64)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=ROUNDING)
    assert not probabilities[~moments.masks].any()
    assert (probabilities >= 0.0).all()


def test_it_chooses_legal_actions_and_says_how_likely_they_were(policy: Policy, moments: Moments) -> None:
    choices, rows = policy.decide(*moments), np.arange(len(moments.keys))
    assert (choices.actions.dtype, choices.propensities.dtype) == (np.int64, np.float64)
    assert moments.masks[rows, choices.actions].all()
    probabilities = policy.probabilities(moments.observations, moments.masks)
    np.testing.assert_array_equal(choices.propensities, probabilities[rows, choices.actions])
    assert (choices.propensities > 0.0).all()


def test_its_draw_is_the_protocols(policy: Policy, moments: Moments) -> None:
    """Whoever knows probabilities and key can check an action: the fallback and replays rely on it."""
    drawn = draw(policy.probabilities(moments.observations, moments.masks), moments.keys)
    np.testing.assert_array_equal(policy.decide(*moments).actions, drawn.actions)


def test_the_same_moment_gets_the_same_decision(policy: Policy, moments: Moments) -> None:
    for one, other in zip(policy.decide(*moments), policy.decide(*moments), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_do_not_matter_to_each_other(policy: Policy, moments: Moments) -> None:
    """Bit for bit: alone, in batches of seven, in reverse, in memory of another layout."""
    whole = policy.decide(*moments)
    alone = [policy.decide(*(part[i : i + 1] for part in moments)) for i in range(0, len(moments.keys), 9)]
    np.testing.assert_array_equal([a.actions[0] for a in alone], whole.actions[::9])
    np.testing.assert_array_equal([a.propensities[0] for a in alone], whole.propensities[::9])
    for choice, same in ((slice(0, 7), slice(0, 7)), (slice(None, None, -1), slice(None, None, -1))):
        part = policy.decide(*(np.ascontiguousarray(array[choice]) for array in moments))
        np.testing.assert_array_equal(part.actions, whole.actions[same])
        np.testing.assert_array_equal(part.propensities, whole.propensities[same])


def test_it_leaves_what_it_was_shown_alone(policy: Policy, moments: Moments) -> None:
    before = [array.tobytes() for array in moments]
    policy.decide(*moments)
    assert [array.tobytes() for array in moments] == before


def test_nobody_due_is_no_error(policy: Policy, moments: Moments) -> None:
    choices = policy.decide(*(array[:0] for array in moments))
    assert (len(choices.actions), len(choices.propensities)) == (0, 0)


def test_the_moments_here_are_of_every_kind(moments: Moments) -> None:
    assert (moments.observations[:, :3].sum(axis=0) > 20).all()
    np.testing.assert_array_equal(moments.observations[:, :3].sum(axis=1), 1.0)
