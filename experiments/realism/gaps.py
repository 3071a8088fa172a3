"""Gaps between answers, against EdNet (half of a sample of 1,000 people who practise English with an app).

A gap lies between two consecutive answers of one person, simulated: two consecutive attempts. Answers of one second
count once: EdNet hands in several answers of one passage together. Only the first 30 days after a person's first answer
count on both sides, because a simulated onboarding ends then and EdNet's people were followed for up to two years.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.realism.samples import Measure, Sample, mean
from experiments.realism.tables import read_columns
from experiments.realism.visits import attempts

FILE = "ednet_small/half_a.parquet"
SESSION_CUT_S = 1800.0  # half an hour, the customary cut between sessions, and the one SOURCE.md uses
FIRST_DAYS = 30.0  # the horizon of a journey (Rules.horizon_days)
DAY_S, HOUR_S = 86_400.0, 3_600.0
HALF_A_DAY_H = 12.0  # only absences of at least so long can come back to the same time of day by habit
NEAR_HOURS = 2.0  # "the same time of day" is within so many hours: 4 of 24 hours, 17% without any rhythm


class Gaps(NamedTuple):
    """Samples of one side: absences beyond half an hour (hours), and shares (0 or 1 each)."""

    absences: Sample
    short: Sample
    same_hour: Sample


MEASURES = (
    Measure(
        "absences", "Absences beyond half an hour", "hours", "times", "different",
        "A quarter of the real absences is over within two hours, a tenth of the simulated ones: pauses of an "
        "hour or two hardly exist here, because who is called away is back within minutes, and who leaves "
        "stays away for `return_hours`, with a median of half a day and more. That trait was anchored on "
        "these very gaps, taken as one log-normal; they are more of a mixture (pauses, nights, weeks). The "
        "steps of the simulated curve at 24 and 72 hours are made by the policy: there the timer writes "
        "`away`, expert rules send a message, and who answers is back soon after. The real curve has a softer "
        "step at 24 hours: habit. The verdict hangs by little: before users left more often in frustration "
        "KS was 0.25, which would be comparable.",
    ),
    Measure(
        "short", "Gaps of under half an hour", "share of gaps", "share", "comparable",
        "About twenty real answers lie between two absences, about seven simulated ones. A real answer is a "
        "test item of half a minute, a simulated attempt takes minutes, and in `course` much of the time goes "
        "into videos, which are no attempts.",
        mean,
    ),
    Measure(
        "same_hour", "Absences over 12 h that end within 2 h of the same time of day", "share of them", "share",
        "comparable",
        "Without any rhythm 17% would. Real people keep hours. Simulated ones have none on this clock: what "
        "looks like habit is the answer to messages that are sent at whole days after leaving.",
        mean,
    ),
)  # fmt: skip


def real(path: str | Path) -> Gaps:
    """EdNet's gaps; `path` is the Parquet file. Raises `DataError`."""
    frame = read_columns(path, {"user_id": "number", "timestamp": "number"})
    return gaps_of(frame["user_id"].to_numpy(), frame["timestamp"].to_numpy())


def simulated(log: np.ndarray) -> Gaps:
    """Gaps between the attempts of a log of EVENT records."""
    tried = attempts(log)
    return gaps_of(tried["user"], tried["time"] // 1000)


def gaps_of(people: np.ndarray, seconds: np.ndarray) -> Gaps:
    """Gaps of answers by `people` `(n,)` at whole `seconds` `(n,)`, in any order."""
    moments = np.unique(np.stack([people, seconds], axis=1), axis=0)
    who, when = moments[:, 0], moments[:, 1].astype(float)
    births = when[np.searchsorted(who, who)]  # sorted: the first of each person
    same = (who[1:] == who[:-1]) & (when[1:] - births[1:] <= FIRST_DAYS * DAY_S)
    gaps, owners = np.diff(when)[same], who[1:][same]
    long = gaps > SESSION_CUT_S
    hours = gaps[long] / HOUR_S
    nights = hours >= HALF_A_DAY_H
    phase = hours[nights] % 24.0
    near = np.minimum(phase, 24.0 - phase) <= NEAR_HOURS
    return Gaps(
        Sample(hours, owners[long]),
        Sample((~long).astype(float), owners),
        Sample(near.astype(float), owners[long][nights]),
    )
