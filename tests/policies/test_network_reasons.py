"""The compiled reasons of a network are those that its gradient and the general code give, at any batch."""

from __future__ import annotations

import numpy as np
import pytest

from policies.network import NetworkPolicy, Weights
from policies.network_reasons import NO_ACTION, NO_ENTRY, NetworkReasons
from policies.reasons import next_best, top_reasons

ENTRIES, HIDDEN, ACTIONS, K = 37, 20, 11, 4
SINGLE = 1e-4  # relative: sums of float32 products in another order


@pytest.fixture(scope="module")
def policy() -> NetworkPolicy:
    luck = np.random.default_rng(5)
    shapes = ((ENTRIES, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, ACTIONS), (ACTIONS,))
    return NetworkPolicy("net", Weights(*(luck.normal(0, 0.5, shape).astype(np.float32) for shape in shapes)))


@pytest.fixture(scope="module")
def seen():
    luck = np.random.default_rng(6)
    observations = luck.normal(size=(300, ENTRIES)).astype(np.float32)
    masks = luck.random((300, ACTIONS)) < 0.4
    masks[np.arange(300), luck.integers(0, ACTIONS, 300)] = True
    actions = np.array([luck.choice(np.flatnonzero(mask)) for mask in masks])
    return observations, masks, actions, luck.normal(size=ENTRIES).astype(np.float32)


def test_reasons_are_the_largest_attributions(policy, seen):
    observations, masks, actions, usual = seen
    told = NetworkReasons(policy, usual, K).explain(observations, masks, actions)
    for row in np.flatnonzero(masks.sum(axis=1) > 1):
        weights = policy.attributions(observations[row], masks[row], int(actions[row]), usual)
        expected = top_reasons(weights, observations[row], K)
        np.testing.assert_allclose(
            [weights[d] for d in told.entries[row]], told.contributions[row], rtol=SINGLE, atol=SINGLE
        )
        np.testing.assert_allclose(
            np.abs(told.contributions[row]), [abs(r.contribution) for r in expected], rtol=SINGLE, atol=SINGLE
        )


def test_the_next_best_is_that_of_the_general_code(policy, seen):
    observations, masks, actions, usual = seen
    told = NetworkReasons(policy, usual, K).explain(observations, masks, actions)
    assert told.others.tolist() == next_best(policy, observations, masks, actions).tolist()


def test_one_legal_action_has_no_reason_and_no_other(policy, seen):
    observations, masks, actions, usual = seen
    alone = np.zeros_like(masks)
    alone[np.arange(len(actions)), actions] = True
    told = NetworkReasons(policy, usual, K).explain(observations, alone, actions)
    assert (told.entries == NO_ENTRY).all()
    assert (told.others == NO_ACTION).all()


def test_a_row_is_explained_the_same_alone_and_among_others(policy, seen):
    observations, masks, actions, usual = seen
    reasons = NetworkReasons(policy, usual, K)
    together = reasons.explain(observations, masks, actions)
    for row in range(0, 300, 17):
        alone = reasons.explain(observations[row : row + 1], masks[row : row + 1], actions[row : row + 1])
        for one, many in zip(alone, together, strict=True):
            assert one[0].tolist() == many[row].tolist()


def test_what_is_no_number_is_no_reason(seen):
    observations, masks, actions, usual = seen
    luck = np.random.default_rng(5)
    shapes = ((ENTRIES, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, ACTIONS), (ACTIONS,))
    huge = NetworkPolicy("huge", Weights(*((1e30 * luck.normal(size=shape)).astype(np.float32) for shape in shapes)))
    told = NetworkReasons(huge, usual, K).explain(observations, masks, actions)
    assert np.isfinite(told.contributions).all()
    assert ((told.entries == NO_ENTRY) == (told.contributions == 0.0)).all()
