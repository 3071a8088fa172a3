"""What a decision costs: CPU time of one core, alone and in a batch, on moments as they come up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from experiments.decision_moments import Moments, some_moments
from experiments.matrix.cell import ServingCost
from experiments.settings import Problem
from policies.protocol import Policy

BATCH = 4_096  # decisions at a time where many users wait
SINGLES = 256  # different moments decided one at a time
REPEATS = 5  # of which the median counts
US = 1e6  # microseconds in a second


def serving_cost(policy: Policy, problem: Problem, tensor_bytes: int) -> ServingCost:
    """The cost of `policy` on the journey and people of `problem`."""
    moments = some_moments(problem.journey, problem.population, BATCH)
    singles = [Moments(*(part[i : i + 1] for part in moments)) for i in range(SINGLES)]
    return ServingCost(us_a_decision(policy, singles), us_a_decision(policy, [moments]), tensor_bytes)


def us_a_decision(policy: Policy, batches: Sequence[Moments]) -> float:
    """Median microseconds that this thread had the core for, per decision, once everything is compiled and loaded."""
    policy.decide(*batches[0])
    decisions = sum(len(batch.keys) for batch in batches)
    times = []
    for _ in range(REPEATS):
        began = time.thread_time()
        for batch in batches:
            policy.decide(*batch)
        times.append(time.thread_time() - began)
    return US * median(times) / decisions
