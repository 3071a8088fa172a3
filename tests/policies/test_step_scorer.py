"""The step scorer is its formula, and knows nothing of a journey but what each step's row says."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from journeys.loading import load_journey, shipped
from policies.network import Weights
from policies.step_features import ROW_SIZE, SHARED_SIZE, step_skills, write_features_of_rows
from policies.step_scorer import StepScorer
from tests.policies.moments import moments_of, random_scorers

SINGLE = 2e-5  # relative error of float32 sums over some hundred terms


@cache
def features(journey: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`shared` `(m, 69)`, `rows` `(m, S, 30)` and `current` `(m,)` of the journey's moments."""
    seen, table = moments_of(journey).observations, step_skills(load_journey(journey))
    shared = np.zeros((len(seen), SHARED_SIZE), np.float32)
    rows, current = np.zeros((len(seen), len(table.starts), ROW_SIZE), np.float32), np.zeros(len(seen), np.int64)
    write_features_of_rows(table, seen, shared, rows, current)
    return shared, rows, current


def in_torch(weights: Weights, inputs: np.ndarray) -> np.ndarray:
    """The same network as torch computes it."""
    layers = [torch.from_numpy(array) for array in weights]
    one = torch.relu(torch.from_numpy(inputs) @ layers[0] + layers[1])
    return np.asarray(torch.relu(one @ layers[2] + layers[3]) @ layers[4] + layers[5])


def expected(journey: str, scorers: tuple[Weights, Weights], temperature: float) -> np.ndarray:
    """Probabilities `(m, A)` of the journey's moments, by torch and NumPy."""
    shared, rows, current = features(journey)
    n_steps = rows.shape[1]
    of_steps = np.concatenate([np.repeat(shared[:, None], n_steps, axis=1), rows], axis=2)
    here = np.where(current[:, None] >= 0, rows[np.arange(len(rows)), current], np.float32(0.0))
    of_here = np.concatenate([shared, here], axis=1)
    logits = [in_torch(scorers[0], of_steps).reshape(len(rows), -1), in_torch(scorers[1], of_here)]
    masked = np.where(moments_of(journey).masks, np.concatenate(logits, axis=1) / np.float64(temperature), -np.inf)
    odds = np.exp(masked - masked.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("journey", shipped())
@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_it_is_two_torch_networks_over_the_rows(journey: str, temperature: float) -> None:
    scorers, moments = random_scorers(), moments_of(journey)
    given = StepScorer("scorer", *scorers, load_journey(journey), temperature)
    probabilities = given.probabilities(moments.observations, moments.masks)
    rough = {"rtol": 5 * SINGLE / temperature, "atol": SINGLE / temperature}
    np.testing.assert_allclose(probabilities, expected(journey, scorers, temperature), **rough)


@pytest.mark.parametrize("hidden", [1, 16, 37, 64])
def test_any_number_of_units_will_do(hidden: int) -> None:
    """Units that pad the layers to whole vector registers add nothing."""
    select, assist = random_scorers()
    scorers, moments = (cut(select, hidden), cut(assist, 64)), moments_of("tiny")
    given = StepScorer("scorer", *scorers, load_journey("tiny")).probabilities(moments.observations, moments.masks)
    np.testing.assert_allclose(given, expected("tiny", scorers, 1.0), rtol=5 * SINGLE, atol=SINGLE)


def cut(weights: Weights, hidden: int) -> Weights:
    """The network with its units repeated or left out until there are `hidden`."""
    units = np.arange(hidden) % len(weights.b1)
    w1, b1, w2, b2, w3, b3 = weights
    return Weights(w1[:, units], b1[units], w2[units][:, units] / hidden, b2[units], w3[units] / hidden, b3)


def test_observations_of_another_journey_are_refused() -> None:
    """The machine code would read beyond them."""
    moments = moments_of("tiny")
    with pytest.raises(ValueError, match="not of this journey"):
        StepScorer("scorer", *random_scorers(), load_journey("saas")).decide(*moments)


def test_a_temperature_is_positive() -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        StepScorer("scorer", *random_scorers(), load_journey("tiny"), 0.0)
