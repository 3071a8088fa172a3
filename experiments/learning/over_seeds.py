"""From trials to intervals over seeds: every seed trains anew and is judged on users of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from experiments.comparison import OVERALL
from experiments.learning.trial import Trial
from experiments.statistics import Interval, mean_interval


def trials_of(folder: Path, study: str) -> list[Trial]:
    """All finished trials of a study, by seed."""
    found = [msgspec.json.decode(path.read_bytes(), type=Trial) for path in (folder / study).glob("seed-*.json")]
    return sorted(found, key=lambda trial: trial.seed)


def gain(
    trials: Sequence[Trial], place: str, reference: str, measure: str = "return", group: str = OVERALL
) -> Interval:
    """Mean difference to `reference`, with an interval over seeds. Raises `ValueError` where nobody was judged so."""
    return mean_interval(np.array(list(gains(trials, place, reference, measure, group))))


def gains(trials: Sequence[Trial], place: str, reference: str, measure: str, group: str) -> Iterator[float]:
    """One difference per seed."""
    for trial in trials:
        for d in trial.differences:
            if (d.place, d.reference, d.measure, d.group) == (place, reference, measure, group):
                yield d.mean


def level(trials: Sequence[Trial], place: str, policy: str, measure: str, group: str = OVERALL) -> float:
    """Mean over seeds of the mean over users."""
    return float(
        np.mean(
            [
                row.mean
                for trial in trials
                for row in trial.levels
                if (row.place, row.policy, row.measure, row.group) == (place, policy, measure, group)
            ]
        )
    )


def places(trials: Sequence[Trial]) -> list[str]:
    """Where the trials were judged, in order."""
    return list(dict.fromkeys(d.place for d in trials[0].differences))


def groups(trials: Sequence[Trial], place: str) -> list[str]:
    """Personas that occur in a place."""
    found = dict.fromkeys(d.group for d in trials[0].differences if d.place == place)
    return [group for group in found if group != OVERALL]


def against_trials(trials: Sequence[Trial], base: Sequence[Trial], place: str) -> Interval:
    """Return of a study less that of another on the same users, seed by seed, with an interval over seeds."""
    theirs = {trial.seed: level([trial], place, trial.study, "return") for trial in base}
    both = [trial for trial in trials if trial.seed in theirs]
    return mean_interval(np.array([level([t], place, t.study, "return") - theirs[t.seed] for t in both]))
