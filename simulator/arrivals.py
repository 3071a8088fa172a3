"""When users sign up: a Poisson process whose rate follows the hour, the weekday and the launches of a scenario.

Thinning (Lewis and Shedler 1979), hour by hour: candidates come at the hour's highest rate, and each stays with
probability rate / highest rate. What happens in an hour depends on the seed and that hour alone, so a launch on one
day leaves the arrivals of the days before it as they were, and any part of a scenario can be played by itself.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled
from journeys.draws import PURPOSE_ARRIVAL, PURPOSE_THINNING, nth_key, uniform, user_key
from simulator.scenario import DAY_MS, HOUR_MS, Arrivals, Scenario

NOBODY = 2**62  # the user number whose luck is that of the arrivals: no user is ever called so
HOURS_A_DAY = 24.0
MONDAY_OF_EPOCH = 3  # 1970-01-01 was a Thursday: days since then + 3, modulo 7, is 0 on Mondays
FRIDAY = 4
SPARE = 64  # room beyond the expected candidates of an hour, and eight standard deviations


class Rate(NamedTuple):
    """The rate of arrivals. `P` spikes: `at` ms since the Unix epoch, `users` in all, half-lives `half` in hours."""

    base: float  # users per hour on weekdays, over the day's mean
    peak: float  # hour of the day, UTC
    depth: float
    weekend: float
    at: np.ndarray
    users: np.ndarray
    half: np.ndarray


def rate_of(scenario: Scenario) -> Rate:
    """The rate of a scenario's arrivals."""
    arrivals: Arrivals = scenario.arrivals
    starts = [scenario.start_ms + spike.day * DAY_MS + round(spike.hour * HOUR_MS) for spike in arrivals.spikes]
    return Rate(
        arrivals.users_per_day / HOURS_A_DAY,
        arrivals.wave.peak,
        arrivals.wave.depth,
        arrivals.weekend,
        np.array(starts, np.int64),
        np.array([spike.users for spike in arrivals.spikes], np.float64),
        np.array([spike.half_life_hours for spike in arrivals.spikes], np.float64),
    )


@compiled
def wave(rate: Rate, hour: float) -> float:
    """The day's wave at an hour of the day."""
    return 1.0 + rate.depth * math.cos(2.0 * math.pi * (hour - rate.peak) / HOURS_A_DAY)


@compiled
def base_rate(rate: Rate, time: int) -> float:
    """Users per hour on the day of `time` (ms), before the wave and without spikes."""
    weekday = (time // DAY_MS + MONDAY_OF_EPOCH) % 7
    return rate.base * (rate.weekend if weekday > FRIDAY else 1.0)


@compiled
def spike_rate(rate: Rate, p: int, time: float) -> float:
    """Users per hour whom spike `p` brings at `time` (ms)."""
    if time < rate.at[p]:
        return 0.0
    return rate.users[p] * math.log(2.0) / rate.half[p] * 0.5 ** ((time - rate.at[p]) / (HOUR_MS * rate.half[p]))


@compiled
def rate_at(rate: Rate, time: float) -> float:
    """Users per hour at `time`, ms since the Unix epoch."""
    total = base_rate(rate, int(time)) * wave(rate, (time % DAY_MS) / HOUR_MS)
    for p in range(len(rate.at)):
        total += spike_rate(rate, p, time)
    return total


@compiled
def highest_rate(rate: Rate, begin: int) -> float:
    """No less than the rate at any time of the hour that begins at `begin`."""
    hour = (begin % DAY_MS) / HOUR_MS
    top = max(wave(rate, hour), wave(rate, hour + 1.0))
    if (rate.peak - hour) % HOURS_A_DAY <= 1.0:
        top = 1.0 + rate.depth
    total = base_rate(rate, begin) * top
    for p in range(len(rate.at)):
        if rate.at[p] < begin + HOUR_MS:
            total += spike_rate(rate, p, max(begin, rate.at[p]))
    return total


@compiled
def arrive_in(rate: Rate, highest: float, seed: int, begin: int, times: Any) -> int:
    """Write the arrivals of the hour that begins at `begin` into `times`, in order; returns how many there are.

    There may be more than `times` has room for: the rest is counted but not written.
    """
    key = nth_key(user_key(seed, NOBODY), begin // HOUR_MS)
    count, candidate, passed = 0, 0, 0.0  # hours since `begin`
    while True:
        luck = nth_key(key, candidate)
        passed -= math.log(uniform(luck, PURPOSE_ARRIVAL)) / highest
        if passed >= 1.0:
            return count
        time = begin + HOUR_MS * passed
        if uniform(luck, PURPOSE_THINNING) * highest < rate_at(rate, time):
            if count < len(times):
                times[count] = np.int64(time)
            count += 1
        candidate += 1


def arrivals_between(rate: Rate, seed: int, begin: int, end: int) -> np.ndarray:
    """Times of all arrivals from `begin` on and before `end`, `(n,)` int64 ms, in order."""
    first = begin // HOUR_MS * HOUR_MS
    found = np.concatenate([hour_of_arrivals(rate, seed, hour) for hour in range(first, end, HOUR_MS)])
    return found[(found >= begin) & (found < end)]


def hour_of_arrivals(rate: Rate, seed: int, begin: int) -> np.ndarray:
    """Times of the arrivals of one hour."""
    highest = highest_rate(rate, begin)
    if highest <= 0.0:
        return np.empty(0, np.int64)
    times = np.empty(math.ceil(highest + 8.0 * math.sqrt(highest)) + SPARE, np.int64)
    count = arrive_in(rate, highest, seed, begin, times)
    if count > len(times):  # far luck: once more, with room
        times = np.empty(count, np.int64)
        arrive_in(rate, highest, seed, begin, times)
    return times[:count]
