"""How good forecasts of yes-or-no outcomes are: AUC, log-loss, Brier score and calibration, with intervals by person.

Attempts of one person hang together, so intervals come from drawing whole persons again (bootstrap by cluster).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from scipy.stats import rankdata

Measure = Callable[[np.ndarray, np.ndarray], float]
CERTAIN = 1e-6  # forecasts are held this far from 0 and 1, as a log-loss of infinity compares nothing


class Estimate(msgspec.Struct, frozen=True):
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Bin(msgspec.Struct, frozen=True):
    """One bin of a calibration table: mean forecast, share that came true, number of forecasts in it."""

    forecast: float
    observed: float
    size: int


def auc(outcomes: np.ndarray, chances: np.ndarray) -> float:
    """P(a success had the higher forecast than a failure), ties half (Mann and Whitney); NaN where one is missing."""
    wins = int(outcomes.sum())
    losses = len(outcomes) - wins
    if not wins or not losses:
        return float("nan")
    return float((rankdata(chances)[outcomes].sum() - wins * (wins + 1) / 2) / (wins * losses))


def log_loss(outcomes: np.ndarray, chances: np.ndarray) -> float:
    """Mean of -ln P(what happened); ln 2 = 0.693 is a coin's."""
    held = np.clip(chances, CERTAIN, 1.0 - CERTAIN)
    return float(-np.log(np.where(outcomes, held, 1.0 - held)).mean())


def brier(outcomes: np.ndarray, chances: np.ndarray) -> float:
    """Mean squared error of the forecasts (Brier 1950)."""
    return float(((chances - outcomes) ** 2).mean())


def bias(outcomes: np.ndarray, chances: np.ndarray) -> float:
    """Mean forecast less the share that came true: calibration in the large."""
    return float(chances.mean() - outcomes.mean())


MEASURES: dict[str, Measure] = {"AUC": auc, "log-loss": log_loss, "Brier": brier, "bias": bias}


def calibration(outcomes: np.ndarray, chances: np.ndarray, bins: int = 5) -> list[Bin]:
    """Forecasts in `bins` groups of equal size, lowest first; fewer where there are fewer forecasts."""
    order = np.argsort(chances, kind="stable")
    return [
        Bin(float(chances[part].mean()), float(outcomes[part].mean()), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def resamples(persons: np.ndarray, draws: int, seed: int) -> list[np.ndarray]:
    """Numbers of the forecasts in each of `draws` bootstrap samples of whole persons; `persons` `(m,)` says whose."""
    members = [np.flatnonzero(persons == person) for person in np.unique(persons)]
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, len(members), (draws, len(members)))
    return [np.concatenate([members[i] for i in pick]) for pick in picks]


def interval(measure: Measure, outcomes: np.ndarray, chances: np.ndarray, samples: list[np.ndarray]) -> Estimate:
    """A measure with its percentile interval over `samples`."""
    drawn = [measure(outcomes[sample], chances[sample]) for sample in samples]
    return Estimate(measure(outcomes, chances), *np.nanquantile(drawn, (0.025, 0.975)).tolist())


def difference(
    measure: Measure, outcomes: np.ndarray, chances: np.ndarray, others: np.ndarray, samples: list[np.ndarray]
) -> Estimate:
    """Measure of `chances` less that of `others`, on the same samples: a paired interval."""
    drawn = [measure(outcomes[s], chances[s]) - measure(outcomes[s], others[s]) for s in samples]
    return Estimate(
        measure(outcomes, chances) - measure(outcomes, others), *np.nanquantile(drawn, (0.025, 0.975)).tolist()
    )


def mean_estimate(values: np.ndarray, persons: np.ndarray, draws: int, seed: int) -> Estimate | None:
    """Mean of `values` `(m,)` with its interval by person; None where there are no values."""
    if not len(values):
        return None
    drawn = [values[sample].mean() for sample in resamples(persons, draws, seed)]
    return Estimate(float(values.mean()), *np.quantile(drawn, (0.025, 0.975)).tolist())
