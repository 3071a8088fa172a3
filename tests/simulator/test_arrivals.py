"""Arrivals follow the rate of their scenario, by thinning that leaves other hours as they are."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from simulator.arrivals import arrivals_between, highest_rate, rate_at, rate_of
from simulator.scenario import DAY_MS, HOUR_MS, Arrivals, Scenario, Spike, Wave

MONDAY = date(2026, 1, 5)
SEED = 11


def scenario(arrivals: Arrivals, days: float = 14.0) -> Scenario:
    return Scenario("test", "", days, arrivals, start=MONDAY)


def times_of(plan: Scenario, seed: int = SEED) -> np.ndarray:
    return arrivals_between(rate_of(plan), seed, plan.start_ms, plan.end_ms)


EVERYTHING = scenario(Arrivals(4_000.0, Wave(15.5, 0.8), 0.4, (Spike(2, 5_000.0, 5.0, 9.5), Spike(9, 900.0, 0.5))))


def wave_integral(arrivals: Arrivals, hour: float) -> float:
    """Integral of the wave from midnight to `hour`, in hours."""
    angle = 2.0 * math.pi / 24.0
    phase = math.sin(angle * (hour - arrivals.wave.peak)) + math.sin(angle * arrivals.wave.peak)
    return hour + arrivals.wave.depth * phase / angle


def expected(plan: Scenario, hours: np.ndarray) -> np.ndarray:
    """Expected arrivals from the start to each of `hours` after it, in closed form."""
    arrivals, totals = plan.arrivals, []
    for hour in hours:
        days, rest = divmod(hour, 24.0)
        weights = [arrivals.weekend if day % 7 >= 5 else 1.0 for day in range(int(days) + 1)]
        total = arrivals.users_per_day / 24.0 * (24.0 * sum(weights[:-1]) + weights[-1] * wave_integral(arrivals, rest))
        for spike in arrivals.spikes:
            since = hour - (24.0 * spike.day + spike.hour)
            total += spike.users * (1.0 - 0.5 ** (since / spike.half_life_hours)) if since > 0.0 else 0.0
        totals.append(total)
    return np.array(totals)


def test_counts_follow_the_integral_of_the_rate() -> None:
    """Chi-squared over pieces of three hours: Poisson counts vary by their mean."""
    edges = np.arange(0.0, 14 * 24.0 + 1.0, 3.0)
    counts, _ = np.histogram((times_of(EVERYTHING) - EVERYTHING.start_ms) / HOUR_MS, edges)
    means = np.diff(expected(EVERYTHING, edges))
    chi_squared = float(((counts - means) ** 2 / means).sum())
    freedom = len(means)
    assert abs(chi_squared - freedom) < 4.0 * math.sqrt(2.0 * freedom)
    assert abs(counts.sum() - means.sum()) < 4.0 * math.sqrt(means.sum())


def test_gaps_of_a_steady_stream_are_exponential() -> None:
    gaps = np.diff(times_of(scenario(Arrivals(10_000.0)))) / HOUR_MS * (10_000.0 / 24.0)
    shares = np.sort(1.0 - np.exp(-gaps))
    distance = np.abs(shares - (np.arange(len(gaps)) + 0.5) / len(gaps)).max()
    assert distance < 1.63 / math.sqrt(len(gaps)), "Kolmogorov-Smirnov at one per cent"


def test_the_bound_of_an_hour_holds_everywhere_in_it() -> None:
    rate = rate_of(EVERYTHING)
    for begin in range(EVERYTHING.start_ms, EVERYTHING.end_ms, HOUR_MS):
        inside = [rate_at(rate, begin + share * (HOUR_MS - 1)) for share in np.linspace(0.0, 1.0, 25)]
        assert max(inside) <= highest_rate(rate, begin) * (1.0 + 1e-12)


def test_a_launch_leaves_the_days_before_it_as_they_were() -> None:
    quiet = scenario(Arrivals(500.0))
    launch = scenario(Arrivals(500.0, spikes=(Spike(3, 4_000.0, 6.0),)))
    until = quiet.start_ms + 3 * DAY_MS
    before, with_launch = times_of(quiet), times_of(launch)
    np.testing.assert_array_equal(before[before < until], with_launch[with_launch < until])
    assert len(with_launch) > len(before) + 3_000


def test_any_part_may_be_played_by_itself() -> None:
    whole, rate = times_of(EVERYTHING), rate_of(EVERYTHING)
    edges = [
        EVERYTHING.start_ms,
        EVERYTHING.start_ms + 5 * HOUR_MS + 1,
        EVERYTHING.start_ms + DAY_MS,
        EVERYTHING.end_ms,
    ]
    parts = [arrivals_between(rate, SEED, begin, end) for begin, end in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert (np.diff(whole) >= 0).all()
    assert whole.min() >= EVERYTHING.start_ms
    assert whole.max() < EVERYTHING.end_ms


def test_weekends_and_seeds_differ() -> None:
    plan = scenario(Arrivals(2_000.0, weekend=0.25), 28.0)
    times = times_of(plan)
    by_day = np.bincount((times - plan.start_ms) // DAY_MS % 7, minlength=7) / 4.0
    assert by_day[:5] == pytest.approx(2_000.0, rel=0.1)
    assert by_day[5:] == pytest.approx(500.0, rel=0.15)
    assert not np.array_equal(times[:100], times_of(plan, SEED + 1)[:100])


def test_more_than_the_room_for_an_hour_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = scenario(Arrivals(2_400.0), 2.0)
    usual = times_of(plan)
    monkeypatch.setattr("simulator.arrivals.SPARE", -170)  # leaves room for ten of a hundred
    np.testing.assert_array_equal(times_of(plan), usual)
