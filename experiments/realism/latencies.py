"""Times of single answers, against Memphis (fill-in practice in statistics, 478 students with 122 trials each).

A latency is the time until an answer is handed in: `CF..End.Latency.` (ms), simulated the duration of an attempt. Tasks
differ in length and people in pace, so a latency is taken over the median of its item, then over its person's median of
those. A trial that ran out of time (no answer within about 12 s) is an error with no latency; a STUDY trial shows the
answer, and is neither. Trials are ordered by `CF..Response.Time.`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.realism.samples import Measure, Sample, geometric_mean, mean
from experiments.realism.tables import read_columns
from experiments.realism.visits import attempts, centred
from experiments.tutorial.data import DataError
from journeys.events import SUCCEED

FILE = "memphis_statistics/practice.parquet"
CORRECT, INCORRECT, STUDY = "CORRECT", "INCORRECT", "STUDY"
LEAST_OF_ITEM = 5  # latencies, before an item's median means something
LEAST_OF_PERSON = 10  # latencies: a median of fewer would swallow much of the spread that is measured
LEAST_OF_KIND = 3  # latencies after an error and after a success, before a person's ratio means something
CUT_MS = 1_800_000  # half an hour: what follows a longer pause does not follow the answer before


class Trials(NamedTuple):
    """Trials sorted by person, each person's in order, all `(n,)`.

    `seconds` is NaN where there was no answer; `success` is 1, 0, or NaN where nothing was asked; `time` in ms.
    """

    person: np.ndarray
    item: np.ndarray
    time: np.ndarray
    seconds: np.ndarray
    success: np.ndarray


class Latencies(NamedTuple):
    """Samples of one side: pooled latencies; one spread and one ratio per person; outcomes (0 or 1 each)."""

    relative: Sample
    spread: Sample
    after_error: Sample
    of_error: Sample
    correct: Sample


MEASURES = (
    Measure(
        "relative", "Latency over the medians of item and person", "ratio", "times", "close",
        "The spread of one activity's time, 0.45, was taken from van der Linden (2006: 0.3 to 0.6) and "
        "not from these people. That the two curves lie on each other is the best news of this page.",
    ),
    Measure(
        "spread", "Spread of a person's latencies", "standard deviation of ln", "times", "comparable",
        "Real people differ in how regular they are, measured over some hundred answers each. All "
        "simulated users have the same spread; the width of their curve is only the chance of few "
        "attempts per person.",
    ),
    Measure(
        "after_error", "Latency after an error over after a success", "ratio", "ratio", "comparable",
        "Real people take longer after an error, although what follows is another item and feedback of 16 "
        "seconds lies between. Simulated times do not know what happened before, so their ratio is 1 but "
        "for the company that errors keep. Slowing down after errors is missing from the model.",
        geometric_mean,
    ),
    Measure(
        "of_error", "Latency of an error over of a success", "ratio", "ratio", "different",
        "Who does not know searches, and answers late: real errors take about 30% longer. Simulated "
        "attempts take their time whatever comes of them, so a policy trained here cannot learn that a "
        "slow attempt speaks against knowing.",
        geometric_mean,
    ),
    Measure(
        "correct", "Answers that are right", "share of answers", "share", "comparable",
        "`course` was written so that a typical user gets 65% right at first (Koedinger et al. 2023). The "
        "real questions are filled in from memory against the clock, and every tenth answer is an error "
        "because time ran out.",
        mean,
    ),
)  # fmt: skip


def real(path: str | Path) -> Latencies:
    """The students' trials; `path` is the Parquet file. Raises `DataError`."""
    frame = read_columns(
        path,
        {
            "Anon.Student.Id": "text",
            "KC..Default.": "text",
            "Outcome": "text",
            "Condition.Name": "text",
            "CF..Response.Time.": "number",
            "CF..End.Latency.": "number",
        },
    )
    strange = set(frame["Outcome"]) - {CORRECT, INCORRECT, STUDY}
    if strange:
        raise DataError(f"{path}: column 'Outcome' holds {min(strange)!r}. Mend: use {CORRECT}, {INCORRECT} or {STUDY}")
    frame = frame.sort_values(["Anon.Student.Id", "CF..Response.Time."], kind="stable")
    outcome = frame["Outcome"].to_numpy()
    answered = (frame["Condition.Name"] == "keypress").to_numpy() & (outcome != STUDY)
    latency = frame["CF..End.Latency."].to_numpy() / 1000.0
    return latencies_of(
        Trials(
            np.unique(frame["Anon.Student.Id"], return_inverse=True)[1],
            np.unique(frame["KC..Default."], return_inverse=True)[1],
            frame["CF..Response.Time."].to_numpy(),
            np.where(answered & (latency > 0.0), latency, np.nan),
            np.where(outcome == STUDY, np.nan, (outcome == CORRECT).astype(float)),
        )
    )


def simulated(log: np.ndarray) -> Latencies:
    """Attempts in a log of EVENT records; an item is a step at a difficulty."""
    tried = attempts(log)
    item = np.unique(np.stack([tried["step"], tried["variant"]], axis=1), axis=0, return_inverse=True)[1].ravel()
    seconds = np.where(tried["duration"] > 0.0, tried["duration"], np.nan)
    return latencies_of(Trials(tried["user"], item, tried["time"], seconds, (tried["kind"] == SUCCEED).astype(float)))


def latencies_of(trials: Trials) -> Latencies:
    """All samples of some trials."""
    answered = np.isfinite(trials.seconds)
    logs = np.full(len(answered), np.nan)
    logs[answered] = centred(np.log(trials.seconds[answered]), trials.item[answered], LEAST_OF_ITEM)
    known = np.isfinite(logs)
    logs[known] = centred(logs[known], trials.person[known], LEAST_OF_PERSON)
    known = np.isfinite(logs)
    before = outcome_before(trials)
    asked = np.isfinite(trials.success)
    return Latencies(
        Sample(np.exp(logs[known]), trials.person[known]),
        spread_by_person(logs[known], trials.person[known]),
        ratio_by_person(logs, trials.person, known & (before == 0.0), known & (before == 1.0)),
        ratio_by_person(logs, trials.person, known & (trials.success == 0.0), known & (trials.success == 1.0)),
        Sample(trials.success[asked], trials.person[asked]),
    )


def outcome_before(trials: Trials) -> np.ndarray:
    """Outcome `(n,)` of the same person's trial before, NaN where there was none, or a long pause between."""
    before = np.full(len(trials.person), np.nan)
    follows = (np.diff(trials.person) == 0) & (np.diff(trials.time) <= CUT_MS)
    before[1:][follows] = trials.success[:-1][follows]
    return before


def spread_by_person(logs: np.ndarray, person: np.ndarray) -> Sample:
    """Standard deviation of each person's logarithms."""
    people = np.unique(person)
    return Sample(np.array([logs[person == p].std(ddof=1) for p in people]), people)


def ratio_by_person(logs: np.ndarray, person: np.ndarray, above: np.ndarray, below: np.ndarray) -> Sample:
    """Each person's geometric mean over the trials `above` over that of `below`, where there are enough of both."""
    names, number = np.unique(person, return_inverse=True)
    n_above, n_below = (np.bincount(number[part], minlength=len(names)) for part in (above, below))
    enough = (n_above >= LEAST_OF_KIND) & (n_below >= LEAST_OF_KIND)
    sums = [np.bincount(number[part], logs[part], len(names))[enough] for part in (above, below)]
    return Sample(np.exp(sums[0] / n_above[enough] - sums[1] / n_below[enough]), names[enough])
