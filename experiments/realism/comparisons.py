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
    """A data set beside a simulated journey. `real` and `simulated` give a NamedTuple of samples, named as `measures`.

    `about` says what is compared and how it is defined; `cannot_say` what the data leaves open. Both are Markdown.
    """

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
    Comparison(
        "gaps", "Session gaps, against EdNet", COURSE, gaps.FILE,
        "EdNet: 500 people who practise for an English test with an app, 44,538 answers. A gap lies between "
        "two consecutive answers (attempts) of one person; beyond half an hour it is an absence. Only the "
        "first 30 days of each person count on both sides: a journey ends then, while EdNet followed some "
        "people for two years. Answers of one person in the same second count as one (a quarter of EdNet's; "
        "it seems that questions of one passage are handed in together). For both reasons the figures differ "
        "from those in its SOURCE.md.",
        gaps.MEASURES, gaps.real, gaps.simulated,
        "Whether the app sent messages and when. Who left for good, because people were sampled for having "
        "answers. Only 127 of the 500 had an absence and a return within 30 days; thirteen of them make more "
        "than half of the absences, hence the wide intervals.",
    ),
    Comparison(
        "solving", "Solving and giving up, against Flocs", PRODUCT, solving.FILE,
        "Flocs: an adaptive programming game, 129 students, 549 visits of 50 tasks; only 57 students made an "
        "attempt. Its records become events by the [import of the tutorial](experiments/tutorial.md) and pass "
        "the same function as the simulated log. A visit lasts from opening a step until it is solved, given "
        "up or left for another; its time is active time. A task is a step at one difficulty; medians need "
        "five solutions.",
        solving.MEASURES, solving.real, solving.simulated,
        "What students did in a visit without an attempt, and for how long: no time is counted there. Four "
        "students made almost half of all attempts: there are far fewer people than values. Whether "
        "students sat in a class with a teacher, as nobody does who sets up a product.",
    ),
    Comparison(
        "activity", "Return and activity, against Cookie Cats", COURSE, activity.FILE,
        "Cookie Cats: 44,700 players of a mobile game (those with the first gate at level 30). Retention is "
        "taken as the data set words it, \"came back and played\" one or seven days after installing. The "
        "simulated side counts a user as back on day N where there is a sign of life between N x 24 and (N + "
        "1) x 24 hours after sign-up: the classic definition, by each user's own clock, because the data "
        "holds no calendar. Messages sent and `away` events are no signs of life. Since a simulated user "
        "stops at completion, both are shown again for those who were not through by then. Activity is rounds "
        "played, simulated attempts made, in the first 14 days; the units differ, so only shape is compared.",
        activity.MEASURES, activity.real, activity.simulated,
        "Why anybody came back: a game is played for its own sake, an onboarding is a way to something else. "
        "Whether \"one day after\" was counted in hours or by the calendar is not documented. The default "
        "`return_chance` of some personas cites the day-1 figure as a lower bound, so it is not independent "
        "of it.",
    ),
    Comparison(
        "latencies", "Answer times, against Memphis", COURSE, latencies.FILE,
        "Memphis: fill-in questions in statistics, 478 students with 122 trials each, 144 items. A latency is "
        "the time until an answer was handed in, simulated the duration of an attempt; both over the median "
        "of the item (a step at one difficulty) and then of the person, from people with at least ten. A "
        "trial without an answer in time is an error without a latency; STUDY trials, which show the answer, "
        "are neither.",
        latencies.MEASURES, latencies.real, latencies.simulated,
        "Anything about hints. No column records that help was asked for, offered or taken: STUDY trials show "
        "the answer to everybody unasked, and every error is followed by 16 seconds of the right answer. So "
        "there is no hint latency, no share of help and no effect of it to compare; the simulated `ask` and "
        "`accept` have no counterpart here. Answers were cut off after about 12 seconds without a key (10% of "
        "the answers asked for), which shortens the real upper tail.",
    ),
)  # fmt: skip


def carry_out(comparison: Comparison, real: Any, log: np.ndarray) -> Compared:
    """Measure a log of EVENT records beside the `real` samples. Raises `ValueError` where a sample is too small."""
    simulated = comparison.simulated(log)
    pairs = [(getattr(real, m.name), getattr(simulated, m.name)) for m in comparison.measures]
    findings = tuple(compare(m, *pair) for m, pair in zip(comparison.measures, pairs, strict=True))
    return Compared(comparison, tuple(r for r, _ in pairs), tuple(s for _, s in pairs), findings)
