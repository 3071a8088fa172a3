"""The bold line of the learning curve: a mean over episodes, not over rollouts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from experiments import plots


class Point(NamedTuple):
    episodes: int
    mean_return: float


def test_it_weighs_rollouts_by_their_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "SMOOTHED", 0.5)  # two of four rollouts
    curve = [Point(1, 1.0), Point(3, 5.0), Point(0, math.nan), Point(2, 2.0)]
    np.testing.assert_allclose(plots.trailing_mean(curve), [1.0, 4.0, 5.0, 2.0])


def test_a_window_without_episodes_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "SMOOTHED", 0.0)
    assert np.isnan(plots.trailing_mean([Point(0, math.nan)])).all()
