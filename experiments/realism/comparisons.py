"""The comparisons: which data set, which journey stands beside it, and how both sides are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.realism import activity, gaps, latencies, solving
from experiments.realism.distances import Finding, compare
from experiments.realism.samples import Measure, Sample

COURSE, PRODUCT = "course", "saas"  # learning over several sessions; setting up a product in one or two


class Comparison(NamedTuple):
    """A data set beside a simulated journey; `real` and `simulated` give a NamedTuple of samples, named as `measures`."""

    name: str
    title: str
    journey: str
    file: str
    about: str
    measures: tuple[Measure, ...]
    real: Callable[[Path], Any]
    simulated: Callable[[np.ndarray], Any]
    cannot_say: str


class Compared(NamedTuple):
    """What a comparison came to: samples of both sides and findings, all in the order of the measures."""

    comparison: Comparison
    real: tuple[Sample, ...]
    simulated: tuple[Sample, ...]
    findings: tuple[Finding, ...]


COMPARISONS: tuple[Comparison, ...] = (
    Comparison("gaps", "Session gaps, against EdNet", COURSE, gaps.FILE, "", gaps.MEASURES, gaps.real, gaps.simulated, ""),
    Comparison(
        "solving", "Solving and giving up, against Flocs", PRODUCT, solving.FILE, "", solving.MEASURES, solving.real,
        solving.simulated, "",
    ),
    Comparison(
        "activity", "Return and activity, against Cookie Cats", COURSE, activity.FILE, "", activity.MEASURES,
        activity.real, activity.simulated, "",
    ),
    Comparison(
        "latencies", "Answer times, against Memphis", COURSE, latencies.FILE, "", latencies.MEASURES, latencies.real,
        latencies.simulated, "",
    ),
)  # fmt: skip


def carry_out(comparison: Comparison, real: Any, log: np.ndarray) -> Compared:
    """Measure a log of EVENT records beside the `real` samples. Raises `ValueError` where a sample is too small."""
    simulated = comparison.simulated(log)
    pairs = [(getattr(real, m.name), getattr(simulated, m.name)) for m in comparison.measures]
    findings = tuple(compare(m, *pair) for m, pair in zip(comparison.measures, pairs, strict=True))
    return Compared(comparison, tuple(r for r, _ in pairs), tuple(s for _, s in pairs), findings)
