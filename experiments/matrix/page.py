"""The page that a team reads before it chooses: differences, ranks, costs, and what doing without RL costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from experiments.markdown import table
from experiments.matrix.findings import Matrix
from experiments.matrix.pictures import KIND_NAMES, differences_picture, ranks_picture
from experiments.matrix.serving_cost import BATCH
from experiments.matrix.words import bandits_against_rl, ranking
from experiments.plots import save
from experiments.statistics import Interval

PICTURES = "pictures"  # folder beside the page
RANKS_PICTURE, DIFFERENCES_PICTURE = "matrix-ranks.png", "matrix-differences.png"

HEAD = """# Which policy to choose

*Written by `{command}`; measured, so it changes with the simulated users.*

Policies: {policies}, journeys: {journeys}, learner models: {learners}, seeds: {seeds}; users of the population
`{population}`. Every seed trains anew and is judged on {users:,} held-out users of its own; within a seed, all policies
meet the same people with the same luck. Intervals are 95%, by Student's t over the seeds (of one seed there is none),
of paired differences: they hold for the next training as well as for the next users, not for other journeys. **Bold**:
clear of zero. Nothing is corrected for their multitude: of twenty that hold 0 in truth, one is expected to miss it.
Everybody here is synthetic.
"""

BANDITS = """## What doing without RL costs

The best of each kind is the one of highest mean return on the journey, over all learner models; chosen by the same
seeds that it is judged by, which flatters both.
"""

DIFFERENCES = """## Return

Mean difference to `{reference}` per user (2 is one onboarding completed at default weights); in its own row, its level.

![Difference of return to {reference} by journey]({picture})
"""

COMPLETION = """## Completion

Share of users who completed, in percent; ± half of the interval over seeds.
"""

RANKS = """## Ranks

Every block (journey, learner model, seed) ranks the policies by return, 1 the best; Friedman's test and Nemenyi's
critical difference as in Demšar (2006). Bars join policies that are not told apart. Seeds of one journey and learner
model are blocks of their own, so the test speaks of these journeys and learner models, not of others.

![Mean ranks with the critical difference]({picture})
"""

COSTS = """## Costs

Medians over all cells. Training: CPU seconds of one core, and decisions of simulated users (millions). Serving: CPU
microseconds a decision, one at a time and {batch:,} at a time, drawing included; kilobytes of the policy's tensors.
Taken while other cells may run beside: good for orders, not for percents.
"""


class Made(NamedTuple):
    """How the cells were found: the command, and the population and number of users that each was judged on."""

    command: str
    population: str
    users: int


def write_page(path: Path, matrix: Matrix, made: Made) -> None:
    """Write the page to `path` and its pictures beside it."""
    pictures = path.parent / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    save(differences_picture(matrix), pictures / DIFFERENCES_PICTURE)
    save(ranks_picture(matrix, matrix.ranks()), pictures / RANKS_PICTURE)
    path.write_text(text_of(matrix, made), encoding="utf-8")


def text_of(matrix: Matrix, made: Made) -> str:
    """The whole page."""
    sizes = {name: len(getattr(matrix, name)) for name in ("policies", "journeys", "learners", "seeds")}
    parts = [
        HEAD.format(**sizes, **made._asdict()),
        BANDITS,
        "\n".join(bandits_against_rl(matrix)) + "\n",
        DIFFERENCES.format(reference=matrix.reference, picture=f"{PICTURES}/{DIFFERENCES_PICTURE}"),
        *(f"`{journey}`:\n\n{returns_table(matrix, journey)}\n" for journey in matrix.journeys),
        COMPLETION,
        completion_table(matrix) + "\n",
        RANKS.format(picture=f"{PICTURES}/{RANKS_PICTURE}"),
        ranking(matrix, matrix.ranks()) + "\n",
        COSTS.format(batch=BATCH),
        costs_table(matrix) + "\n",
    ]
    return "\n".join(parts)


def returns_table(matrix: Matrix, journey: str) -> str:
    """Differences of return to the reference on one journey, a column per learner model, then their mean."""
    head = ("policy", *(f"`{learner}`" for learner in matrix.learners), *(("all",) if len(matrix.learners) > 1 else ()))
    columns = (*matrix.learners, *((None,) if len(matrix.learners) > 1 else ()))
    return table(head, ((f"`{p}`", *(gain_text(matrix, p, journey, c) for c in columns)) for p in matrix.policies))


def gain_text(matrix: Matrix, policy: str, journey: str, learner: str | None) -> str:
    """A difference to the reference, bold where it is clear of zero; of the reference its level."""
    if policy == matrix.reference:
        return f"({with_half(matrix.level(policy, 'return', journey, learner), 1.0, 3, sign='')})"
    gain = matrix.difference(policy, matrix.reference, "return", journey, learner)
    text = with_half(gain, 1.0, 3, sign="+")
    return f"**{text}**" if gain.excludes_zero and math.isfinite(gain.low) else text


def with_half(interval: Interval, scale: float, digits: int, sign: str) -> str:
    """Mean ± half width; of one seed the mean alone."""
    mean = f"{scale * interval.mean:{sign}.{digits}f}"
    return f"{mean} ± {scale * interval.half_width:.{digits}f}" if math.isfinite(interval.low) else mean


def completion_table(matrix: Matrix) -> str:
    """Completion of every policy, a column per journey and learner model."""
    places = [(journey, learner) for journey in matrix.journeys for learner in matrix.learners]
    rows = (
        (f"`{policy}`", *(with_half(matrix.level(policy, "completion", *place), 100.0, 1, sign="") for place in places))
        for policy in matrix.policies
    )
    return table(("policy", *(f"`{journey}` `{learner}`" for journey, learner in places)), rows)


def costs_table(matrix: Matrix) -> str:
    """What each policy costs to train and to serve."""
    head = ("policy", "kind", "CPU-s to train", "decisions (M)", "µs alone", "µs in a batch", "kB")
    return table(head, (tuple(costs_of(matrix, policy)) for policy in matrix.policies))


def costs_of(matrix: Matrix, policy: str) -> Iterator[str]:
    """One row of the costs."""
    results = matrix.of_policy(policy)
    yield f"`{policy}`"
    yield KIND_NAMES[matrix.kind(policy)]
    if matrix.kind(policy) == "baseline":
        yield from ("", "")
    else:
        yield f"{median(result.training.cpu_seconds for result in results):.1f}"
        yield f"{median(result.training.decisions for result in results) / 1e6:.2f}"
    yield f"{median(result.serving.alone_us for result in results):.1f}"
    yield f"{median(result.serving.batched_us for result in results):.2f}"
    yield f"{median(result.serving.tensor_bytes for result in results) / 1e3:.1f}"
