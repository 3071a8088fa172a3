"""Measures of forecasts against their definitions, and intervals that know whose forecasts they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.prediction import auc, bias, brier, calibration, difference, interval, log_loss, resamples

pairs = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30)


@given(pairs)
def test_auc_counts_pairs_in_the_right_order(made: list[tuple[bool, int]]) -> None:
    outcomes, chances = np.array([o for o, _ in made]), np.array([c / 4 for _, c in made])
    wins, losses = chances[outcomes], chances[~outcomes]
    if not len(wins) or not len(losses):
        assert math.isnan(auc(outcomes, chances))
        return
    right = np.mean([(w > lo) + 0.5 * (w == lo) for w in wins for lo in losses])
    assert auc(outcomes, chances) == pytest.approx(right)


def test_a_constant_forecast_is_worth_its_entropy() -> None:
    outcomes = np.array([True, True, True, False])
    chances = np.full(4, 0.75)
    assert log_loss(outcomes, chances) == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert brier(outcomes, chances) == pytest.approx(0.75 * 0.25)
    assert bias(outcomes, chances) == pytest.approx(0.0)
    assert auc(outcomes, chances) == 0.5


def test_a_wrong_certainty_costs_much_but_not_everything() -> None:
    assert 10.0 < log_loss(np.array([True]), np.array([0.0])) < 20.0


def test_calibration_bins_hold_every_forecast_in_order() -> None:
    luck = np.random.default_rng(1)
    chances = luck.random(1003)
    outcomes = luck.random(1003) < chances
    bins = calibration(outcomes, chances)
    assert sum(b.size for b in bins) == 1003
    assert [b.forecast for b in bins] == sorted(b.forecast for b in bins)
    assert all(abs(b.forecast - b.observed) < 4 * 0.5 / math.sqrt(b.size) for b in bins)  # honest forecasts


def test_samples_take_persons_whole() -> None:
    persons = np.array([4, 4, 4, 9, 9, 7])
    for sample in resamples(persons, 50, 0):
        counts = np.bincount(sample, minlength=6)
        assert counts[0] == counts[1] == counts[2]
        assert counts[3] == counts[4]
        assert counts[0] + counts[3] + counts[5] == 3


def test_intervals_by_person_are_wider_where_a_persons_outcomes_hang_together() -> None:
    luck = np.random.default_rng(2)
    persons = np.repeat(np.arange(40), 25)
    outcomes = np.repeat(luck.random(40) < 0.5, 25)
    chances = np.full(1000, 0.5)
    by_person = interval(bias, outcomes, chances, resamples(persons, 400, 0))
    by_attempt = interval(bias, outcomes, chances, resamples(np.arange(1000), 400, 0))
    assert (by_person.high - by_person.low) > 3.5 * (by_attempt.high - by_attempt.low)  # sqrt(25) = 5 expected
    assert by_person.low < by_person.value < by_person.high


def test_a_difference_is_paired() -> None:
    luck = np.random.default_rng(3)
    outcomes, chances = luck.random(200) < 0.6, luck.random(200)
    samples = resamples(np.arange(200), 200, 0)
    same = difference(log_loss, outcomes, chances, chances, samples)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    better = difference(log_loss, outcomes, np.where(outcomes, 0.8, 0.3), chances, samples)
    assert better.high < 0.0
