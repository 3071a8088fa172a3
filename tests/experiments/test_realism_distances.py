"""Distances, statistics and intervals against closed forms; verdicts at the edges of their tolerances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.realism.distances import (
    KOLMOGOROV,
    LOG_DISTANCE,
    SCALARS,
    bootstrap,
    compare,
    kolmogorov,
    log_wasserstein,
    noise,
    verdict,
)
from experiments.realism.samples import Measure, Sample, geometric_mean, gini, mean, quantile, tail_ratio

TIMES = Measure("times", "Times", "s", "times", "close", "")
SHARE = Measure("share", "Share", "", "share", "close", "", mean)


def alone(values: np.ndarray) -> Sample:
    """Every value by a person of its own."""
    return Sample(values, np.arange(len(values)))


def test_the_kolmogorov_distance_is_the_largest_gap_of_the_distribution_functions() -> None:
    assert kolmogorov(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == 0.5
    assert kolmogorov(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert kolmogorov(np.arange(10.0), np.arange(10.0)) == 0.0


def test_stretching_by_a_factor_is_that_factors_logarithm_away() -> None:
    values = np.random.default_rng(0).lognormal(0.3, 1.1, 500)
    assert log_wasserstein(values, 3.0 * values) == pytest.approx(math.log(3.0))
    assert log_wasserstein(values, values[::-1]) == 0.0


def test_counts_may_be_zero() -> None:
    assert log_wasserstein(np.array([0.0, 0.0]), np.array([1.0, 3.0]), counts=True) == pytest.approx(
        1.5 * math.log(2.0)
    )


def test_lognormal_samples_are_as_far_apart_as_their_laws() -> None:
    """Medians a factor m apart with the same spread s: KS is 2 Phi(ln m / 2 s) - 1, log distance ln m."""
    luck = np.random.default_rng(1)
    a, b = luck.lognormal(0.0, 0.6, 40_000), luck.lognormal(math.log(1.5), 0.6, 40_000)
    assert kolmogorov(a, b) == pytest.approx(math.erf(math.log(1.5) / (2 * 0.6) / math.sqrt(2.0)), abs=0.015)
    assert log_wasserstein(a, b) == pytest.approx(math.log(1.5), abs=0.02)


def test_a_gini_coefficient_is_0_for_equals_and_nears_1_for_one_who_has_all() -> None:
    ones = np.ones(5)
    assert gini(np.full(5, 7.0), ones) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 0.0, 0.0, 3.0]), ones) == pytest.approx(0.8)  # 1 - 1/n
    exponential = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000)
    assert gini(exponential, np.ones(20_000)) == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(ValueError, match="somebody who has something"):
        gini(np.zeros(3), np.ones(3))


def test_weights_count_values_as_often_as_they_say() -> None:
    luck = np.random.default_rng(2)
    values, weights = luck.exponential(1.0, 50), luck.integers(0, 4, 50)
    repeated = np.repeat(values, weights)
    ones = np.ones(len(repeated))
    for statistic in (mean, geometric_mean, gini, tail_ratio):
        assert statistic(values, weights.astype(float)) == pytest.approx(statistic(repeated, ones))
    for share in (0.1, 0.5, 0.9):
        expected = np.quantile(repeated, share, method="inverted_cdf")
        assert quantile(values, weights.astype(float), share) == expected


def test_an_interval_of_a_mean_is_that_of_the_central_limit() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, 900)
    found = bootstrap(alone(values), mean, resamples=2_000)
    half = 1.96 * values.std() / math.sqrt(900)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_values_of_one_person_are_not_counted_as_many() -> None:
    """Ten equal values by each of 100 people tell no more than one each: sqrt(10) wider than if they were 1,000."""
    each = np.random.default_rng(4).normal(0.0, 1.0, 100)
    values = np.repeat(each, 10)
    people = bootstrap(Sample(values, np.repeat(np.arange(100), 10)), mean, resamples=1_000)
    single = bootstrap(alone(values), mean, resamples=1_000)
    assert (people.high - people.low) / (single.high - single.low) == pytest.approx(math.sqrt(10.0), rel=0.12)


def test_intervals_and_halves_are_the_same_again() -> None:
    sample = alone(np.random.default_rng(5).lognormal(size=200))
    assert bootstrap(sample, mean) == bootstrap(sample, mean)
    assert noise(TIMES, sample) == noise(TIMES, sample)


def test_halves_of_few_people_are_far_apart_and_halves_of_many_are_near() -> None:
    luck = np.random.default_rng(6)
    few, many = (noise(TIMES, alone(luck.lognormal(size=n))) for n in (20, 2_000))
    assert few[0] is not None
    assert many[0] is not None
    assert few[0] > 0.2
    assert many[0] < 0.05
    assert few[1] > many[1]


@pytest.mark.parametrize(
    ("ks", "distance", "expected"),
    [
        (KOLMOGOROV.close, LOG_DISTANCE.close, "close"),
        (KOLMOGOROV.close + 0.001, LOG_DISTANCE.close, "comparable"),
        (KOLMOGOROV.close, LOG_DISTANCE.comparable, "comparable"),
        (KOLMOGOROV.comparable, LOG_DISTANCE.comparable, "comparable"),
        (KOLMOGOROV.comparable + 0.001, 0.0, "different"),
        (0.0, LOG_DISTANCE.comparable + 0.001, "different"),
    ],
)
def test_the_worse_distance_decides(ks: float, distance: float, expected: str) -> None:
    assert verdict("times", ks, distance) == expected


def test_a_number_is_judged_on_its_own_scale() -> None:
    assert [verdict("share", None, d) for d in (0.05, 0.06, 0.15, 0.16)] == ["close", *["comparable"] * 2, "different"]
    assert [verdict("factor", None, math.log(f)) for f in (1.2, 1.9, 2.1)] == ["close", "comparable", "different"]
    assert [verdict("ratio", None, math.log(f)) for f in (1.09, 1.2, 1.3)] == ["close", "comparable", "different"]
    assert set(SCALARS) == {"share", "factor", "ratio"}


def test_a_finding_holds_both_sides_and_their_sizes() -> None:
    luck = np.random.default_rng(7)
    real = Sample(luck.lognormal(0.0, 1.0, 4_000), np.repeat(np.arange(1_000), 4))
    found = compare(TIMES, real, alone(luck.lognormal(2.0, 1.0, 500)))
    assert (found.real_values, found.real_people, found.simulated_values, found.simulated_people) == (
        4_000,
        1_000,
        500,
        500,
    )
    assert found.verdict == "different"
    assert not found.within_chance
    assert [e.low <= e.value <= e.high for e in found.real] == [True] * 3
    assert found.distance == pytest.approx(2.0, abs=0.15)
    assert compare(TIMES, real, Sample(real.values.copy(), real.people)).within_chance


def test_differences_of_shares_are_points_and_do_not_care_for_order() -> None:
    some, more = alone(np.array([1.0, 0.0, 0.0, 0.0])), alone(np.array([0.0, 1.0, 1.0, 0.0]))
    assert compare(SHARE, some, more).distance == compare(SHARE, more, some).distance == 0.25


def test_a_sample_of_one_person_is_refused_by_name() -> None:
    two = alone(np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="times: the simulated sample has 1 people"):
        compare(TIMES, two, Sample(np.array([1.0, 2.0]), np.array([5, 5])))
