"""How far a simulated sample is from a real one, how sure that is, and a verdict in one word.

The tolerances were written down before any simulated figure was looked at, and are not to be moved to fit one. They are
our choice; each says what it lets pass.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
from scipy.stats import ks_2samp, wasserstein_distance

from experiments.realism.samples import Measure, Sample, Scale, Statistic, Verdict, quantile

VERDICTS: tuple[Verdict, ...] = ("close", "comparable", "different")
SHARES = (0.1, 0.5, 0.9)  # the quantiles that are shown
LEVEL = 0.95
RESAMPLES = 400  # of people; the ends of a 95% interval then have ten resamples beyond each
SEED = 20_260_101


class Tolerance(NamedTuple):
    """Up to `close` two samples are close, up to `comparable` comparable, beyond it different."""

    close: float
    comparable: float
    why: str


KOLMOGOROV = Tolerance(0.10, 0.25, "largest vertical distance of the distributions: a tenth, a quarter of all values")
LOG_DISTANCE = Tolerance(
    math.log(1.25), math.log(2.0), "values at the same rank differ, on average, by a factor of 1.25 or 2"
)
SCALARS: dict[Scale, Tolerance] = {
    "share": Tolerance(0.05, 0.15, "5 points are the error of a good estimate, 15 turn another decision"),
    "factor": Tolerance(math.log(1.25), math.log(2.0), "a factor of 1.25 or 2, as between ranks"),
    "ratio": Tolerance(
        math.log(1.10),
        math.log(1.25),
        "effects within a person are small: interruptions cost 3 to 27% (Bailey, Konstan)",
    ),
}


class Estimate(msgspec.Struct, frozen=True):
    """A number with its 95% bootstrap interval over people."""

    value: float
    low: float
    high: float


class Finding(msgspec.Struct, frozen=True):
    """One measure of both samples.

    `real` and `simulated` hold the quantiles of `SHARES`, or one number. Of a distribution `ks` is the two-sample
    Kolmogorov-Smirnov distance and `distance` the Wasserstein distance of the logarithms (of 1 + x for counts); of a
    number `ks` is None and `distance` is the difference (shares) or the logarithm of the quotient, unsigned.
    `ks_floor` and `floor` are the same between random halves of the real people: what chance alone makes.
    """

    name: str
    real: tuple[Estimate, ...]
    simulated: tuple[float, ...]
    ks: float | None
    distance: float
    ks_floor: float | None
    floor: float
    verdict: Verdict
    real_values: int
    real_people: int
    simulated_values: int
    simulated_people: int

    @property
    def within_chance(self) -> bool:
        """Whether random halves of the real people are as far apart: the real sample cannot tell the two apart."""
        return self.distance <= self.floor and (self.ks is None or self.ks_floor is None or self.ks <= self.ks_floor)


def compare(measure: Measure, real: Sample, simulated: Sample) -> Finding:
    """Compare two samples. Raises `ValueError` that names the measure where one of them is too small."""
    for side, sample in (("real", real), ("simulated", simulated)):
        if sample.n_people < 2:
            raise ValueError(f"{measure.name}: the {side} sample has {sample.n_people} people. Mend: give more users")
    statistics = statistics_of(measure)
    ks, distance = distances(measure, real, simulated)
    ks_floor, floor = noise(measure, real)
    return Finding(
        name=measure.name,
        real=tuple(bootstrap(real, statistic) for statistic in statistics),
        simulated=tuple(statistic(simulated.values, np.ones(len(simulated.values))) for statistic in statistics),
        ks=ks,
        distance=distance,
        ks_floor=ks_floor,
        floor=floor,
        verdict=verdict(measure.scale, ks, distance),
        real_values=len(real.values),
        real_people=real.n_people,
        simulated_values=len(simulated.values),
        simulated_people=simulated.n_people,
    )


def statistics_of(measure: Measure) -> tuple[Statistic, ...]:
    """The numbers that describe a sample: its statistic, or its quantiles."""
    if measure.statistic is not None:
        return (measure.statistic,)
    return tuple(quantile_at(share) for share in SHARES)


def quantile_at(share: float) -> Statistic:
    """The statistic that is one quantile."""
    return lambda values, weights: quantile(values, weights, share)


def distances(measure: Measure, a: Sample, b: Sample) -> tuple[float | None, float]:
    """Kolmogorov-Smirnov distance (None for single numbers) and the distance on the measure's scale."""
    if measure.statistic is not None:
        x, y = (measure.statistic(sample.values, np.ones(len(sample.values))) for sample in (a, b))
        return None, abs(x - y) if measure.scale == "share" else abs(math.log(x / y))
    return kolmogorov(a.values, b.values), log_wasserstein(a.values, b.values, counts=measure.scale == "counts")


def kolmogorov(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sample Kolmogorov-Smirnov distance of values `(n,)` and `(m,)`."""
    return float(ks_2samp(a, b, method="asymp").statistic)


def log_wasserstein(a: np.ndarray, b: np.ndarray, counts: bool = False) -> float:
    """Wasserstein-1 distance of the natural logarithms of `(n,)` and `(m,)`; of 1 + x for counts, which may be 0."""
    return float(wasserstein_distance(*(np.log1p(x) if counts else np.log(x) for x in (a, b))))


def verdict(scale: Scale, ks: float | None, distance: float) -> Verdict:
    """The worse of what the distances say."""
    pairs = [(distance, SCALARS[scale])] if ks is None else [(ks, KOLMOGOROV), (distance, LOG_DISTANCE)]
    return VERDICTS[max(0 if d <= t.close else 1 if d <= t.comparable else 2 for d, t in pairs)]


def bootstrap(sample: Sample, statistic: Statistic, resamples: int = RESAMPLES, seed: int = SEED) -> Estimate:
    """The statistic with its percentile interval, people drawn with replacement (values follow their person)."""
    luck = np.random.default_rng(seed)
    _, person = np.unique(sample.people, return_inverse=True)
    n = int(person.max()) + 1
    order = np.argsort(sample.values, kind="stable")  # sorted once, so that the statistics sort what is sorted
    values, person = sample.values[order], person[order]
    found = np.empty(resamples)
    for i in range(resamples):
        drawn = np.bincount(luck.integers(0, n, n), minlength=n)[person]
        found[i] = statistic(values, drawn.astype(float)) if drawn.any() else np.nan
    low, high = np.nanquantile(found, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Estimate(statistic(values, np.ones(len(values))), float(low), float(high))


def noise(measure: Measure, real: Sample, splits: int = 40, seed: int = SEED) -> tuple[float | None, float]:
    """Mean distances between random halves of the real people: half as many on each side as there are."""
    luck = np.random.default_rng(seed)
    names, person = np.unique(real.people, return_inverse=True)
    found = []
    for _ in range(splits):
        side = (luck.permutation(len(names)) < len(names) // 2)[person]
        halves = (Sample(real.values[part], real.people[part]) for part in (side, ~side))
        found.append(distances(measure, *halves))
    floors = [ks for ks, _ in found if ks is not None]
    return (float(np.mean(floors)) if floors else None), float(np.mean([distance for _, distance in found]))
