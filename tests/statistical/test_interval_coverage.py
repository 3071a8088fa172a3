"""95% intervals hold the truth 95 times in a hundred, for few normal values and for many skewed ones."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.statistics import mean_interval, paired_interval

pytestmark = pytest.mark.slow

TRIALS = 4000
TOLERANCE = 4.0 * np.sqrt(0.95 * 0.05 / TRIALS)  # four standard errors of the coverage itself


def test_five_normal_values() -> None:
    luck = np.random.default_rng(1)
    held = sum(covers(mean_interval(luck.normal(2.0, 3.0, 5)), 2.0) for _ in range(TRIALS))
    assert held / TRIALS == pytest.approx(0.95, abs=TOLERANCE)


def test_rare_completions_of_paired_users() -> None:
    """Shares of 0.8 and 0.9 with shared luck, as two policies on the same users give: the difference is 0.1."""
    luck = np.random.default_rng(2)
    held = 0
    for _ in range(TRIALS):
        shared = luck.random(500)
        held += covers(paired_interval((shared < 0.9).astype(float), (shared < 0.8).astype(float)), 0.1)
    assert held / TRIALS == pytest.approx(0.95, abs=TOLERANCE + 0.005)  # skewness costs some of the coverage


def covers(interval: object, truth: float) -> bool:
    return interval.low <= truth <= interval.high  # type: ignore[attr-defined]
