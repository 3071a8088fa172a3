"""The network without torch equals the network with it, and its attributions are its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from policies.network import NetworkPolicy, Weights
from tests.policies.moments import Moments, moments_of, random_weights

SINGLE = 2e-5  # relative error of float32 sums over some two hundred terms


@pytest.fixture
def moments() -> Moments:
    return moments_of("saas")


@pytest.fixture
def weights(moments: Moments) -> Weights:
    return random_weights(moments.observations.shape[1], moments.masks.shape[1], scale=2.0)


def logits_in_double(weights: Weights, observations: np.ndarray) -> np.ndarray:
    """The same network in float64, by matrix products, shape `(n, A)`."""
    w = Weights(*(array.astype(np.float64) for array in weights))
    one = np.maximum(observations @ w.w1 + w.b1, 0.0)
    two = np.maximum(one @ w.w2 + w.b2, 0.0)
    return np.asarray(two @ w.w3 + w.b3)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_it_equals_the_network_in_double(weights: Weights, moments: Moments, temperature: float) -> None:
    logits = np.where(moments.masks, logits_in_double(weights, moments.observations) / temperature, -np.inf)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    given = NetworkPolicy("net", weights, temperature).probabilities(moments.observations, moments.masks)
    np.testing.assert_allclose(given, expected, rtol=SINGLE / temperature, atol=SINGLE / temperature)


def test_it_equals_torch(weights: Weights, moments: Moments) -> None:
    layers = [torch.nn.Linear(*w.shape) for w in (weights.w1, weights.w2, weights.w3)]
    with torch.no_grad():
        for layer, w, b in zip(layers, weights[::2], weights[1::2], strict=True):
            layer.weight.copy_(torch.from_numpy(w.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
        network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
        logits = network(torch.from_numpy(moments.observations))
        logits[~torch.from_numpy(moments.masks)] = -torch.inf
        expected = torch.softmax(logits, dim=1).numpy()
    given = NetworkPolicy("net", weights).probabilities(moments.observations, moments.masks)
    np.testing.assert_allclose(given, expected, rtol=5 * SINGLE, atol=SINGLE)


def test_attributions_are_the_gradient_times_the_departure_from_usual(weights: Weights, moments: Moments) -> None:
    """Central differences in float64; rows where a unit switches within the difference are no use and are few."""
    step, usual, policy, compared = 1e-6, moments.observations.mean(axis=0), NetworkPolicy("net", weights), 0
    for row in range(0, len(moments.masks), 101):
        observation, mask = moments.observations[row], moments.masks[row]
        action = int(np.flatnonzero(mask)[0])
        others = np.setdiff1d(np.flatnonzero(mask), [action])

        def preference(points: np.ndarray, action: int = action, others: np.ndarray = others) -> np.ndarray:
            logits = logits_in_double(weights, points)
            return logits[:, action] - (logits[:, others].mean(axis=1) if len(others) else 0.0)

        nudges = step * np.eye(len(observation))
        right, left = preference(observation + nudges), preference(observation - nudges)
        middle = preference(observation[None].astype(np.float64))
        if np.abs(right + left - 2.0 * middle).max() > step * 1e-3:
            continue
        expected = (right - left) / (2.0 * step) * (observation - usual)
        given = policy.attributions(observation, mask, action, usual)
        np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4)
        compared += 1
    assert compared > 10


def test_a_lower_temperature_decides_more_firmly(weights: Weights, moments: Moments) -> None:
    firmness = [
        NetworkPolicy("net", weights, temperature).probabilities(moments.observations, moments.masks).max(axis=1).mean()
        for temperature in (4.0, 1.0, 0.25, 0.01)
    ]
    assert firmness == sorted(firmness)
    assert firmness[-1] > 0.99


def test_huge_logits_do_not_overflow(weights: Weights, moments: Moments) -> None:
    """The softmax is taken from the largest legal logit, and legal actions far below it keep no probability."""
    huge = weights._replace(w3=weights.w3 * np.float32(1e6))
    probabilities = NetworkPolicy("net", huge).probabilities(moments.observations, moments.masks)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_is_positive(weights: Weights, temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        NetworkPolicy("net", weights, temperature)
