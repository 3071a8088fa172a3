"""Reasons and the next best action, against policies whose reasons are known."""

from __future__ import annotations

import numpy as np

from policies.network import NetworkPolicy, Weights
from policies.reasons import contributions, next_best, top_reasons
from policies.rowwise import RowwisePolicy

ENTRIES, ACTIONS = 5, 4
ALL = np.ones(ACTIONS, bool)


class LooksAtTwo:
    """Prefers action 1 by entry 2 of the observation, and nothing else."""

    name = "looks at two"

    def probabilities(self, observations, masks):
        liking = np.full(masks.shape, 0.1)
        liking[:, 1] = 0.1 + observations[:, 2]
        liking = np.where(masks, liking, 0.0)
        return liking / liking.sum(axis=1, keepdims=True)


def stubborn(action):
    def choose(observations, masks, actions):
        actions[:] = action

    return RowwisePolicy("stubborn", choose)


def test_occlusion_names_the_entry_that_the_policy_reads():
    observation = np.array([0.9, 0.1, 0.8, 0.3, 0.5], np.float32)
    weights = contributions(LooksAtTwo(), observation, ALL, 1, np.zeros(ENTRIES, np.float32))
    np.testing.assert_allclose(weights, [0, 0, 0.9 / 1.2 - 0.25, 0, 0], atol=1e-7)
    (reason,) = top_reasons(weights, observation, 3)
    assert (reason.entry, reason.value) == (2, np.float32(0.8))


def test_occlusion_tells_against_from_for():
    observation, usual = np.zeros(ENTRIES, np.float32), np.full(ENTRIES, 0.5, np.float32)
    assert (
        contributions(LooksAtTwo(), observation, ALL, 1, usual)[2]
        < 0
        < contributions(LooksAtTwo(), observation, ALL, 0, usual)[2]
    )


def test_a_usual_user_gives_no_reasons():
    usual = np.full(ENTRIES, 0.5, np.float32)
    assert top_reasons(contributions(LooksAtTwo(), usual, ALL, 1, usual), usual, 3) == []


def test_a_linear_network_is_explained_exactly():
    """With every unit active, the contributions add up to the change of (own logit - mean of the others)."""
    luck = np.random.default_rng(0)
    eye, big = np.eye(ENTRIES, dtype=np.float32), np.full(ENTRIES, 10.0, np.float32)
    w3 = luck.normal(size=(ENTRIES, ACTIONS)).astype(np.float32)
    policy = NetworkPolicy("linear", Weights(eye, big, eye, big, w3, np.zeros(ACTIONS, np.float32)))
    observation, usual = luck.random((2, ENTRIES)).astype(np.float32)
    mask = np.array([True, True, False, True])
    got = contributions(policy, observation, mask, 1, usual)
    expected = (observation - usual) * (w3[:, 1] - w3[:, [0, 3]].mean(axis=1))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_top_reasons_come_by_size_and_are_as_many_as_asked():
    weights = np.array([0.1, -0.5, 0.0, 0.3, 0.2])
    assert [r.entry for r in top_reasons(weights, np.zeros(ENTRIES), 3)] == [1, 3, 4]


def test_next_best_is_the_likeliest_other_legal_action():
    observations = np.zeros((3, ENTRIES), np.float32)
    observations[:, 2] = 0.5
    masks = np.array([ALL, ALL, [False, True, True, False]])
    assert next_best(LooksAtTwo(), observations, masks, np.array([0, 1, 1])).tolist() == [1, 0, 2]


def test_there_is_no_next_best_where_nothing_else_is_legal_or_named():
    observations, alone = np.zeros((1, ENTRIES), np.float32), np.array([[False, True, False, False]])
    assert next_best(LooksAtTwo(), observations, alone, np.array([1])).tolist() == [-1]
    assert next_best(stubborn(1), observations, ALL[None], np.array([1])).tolist() == [-1]
