"""What the cells say together: levels and paired differences with intervals over seeds, and the blocks that are ranked.

Every seed trains anew and is judged on people of its own, so seeds are independent, and an interval over them holds
for the next training as well as for the next users. Within a seed all policies meet the same people with the same
luck, so differences are paired. Over several learner models a seed's value is their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from scipy.stats import rankdata

from experiments.matrix.cell import Cell, Kind, Result
from experiments.matrix.ranks import Ranks, ranks_of
from experiments.statistics import Interval, mean_interval, paired_interval


class Matrix:
    """A whole matrix; its policies stand in order of their mean rank, the best first."""

    def __init__(self, results: Iterable[Result], reference: str) -> None:
        self.reference = reference
        self.results = {result.cell: result for result in results}
        played, self.journeys, self.learners, self.seeds = (
            tuple(dict.fromkeys(names)) for names in zip(*self.results, strict=True)
        )
        mean_ranks = rankdata(-self.returns(played), axis=1).mean(axis=0)
        self.policies = tuple(played[i] for i in np.argsort(mean_ranks, kind="stable"))

    def returns(self, policies: Sequence[str]) -> np.ndarray:
        """Mean return of the `policies` in every block (journey, learner model and seed), `(N, k)`."""
        blocks = product(self.journeys, self.learners, self.seeds)
        return np.array([[self.results[Cell(p, *block)].means["return"] for p in policies] for block in blocks])

    def ranks(self) -> Ranks:
        """Ranks of `policies` over the blocks. Raises `ValueError` where there is one policy only."""
        return ranks_of(self.returns(self.policies))

    def of_seeds(self, policy: str, measure: str, journey: str, learner: str | None = None) -> np.ndarray:
        """One value per seed `(n,)`; without a `learner` the mean over all learner models."""
        learners = self.learners if learner is None else (learner,)
        values = [
            [self.results[Cell(policy, journey, name, seed)].means[measure] for name in learners] for seed in self.seeds
        ]
        return np.array(values).mean(axis=1)

    def level(self, policy: str, measure: str, journey: str, learner: str | None = None) -> Interval:
        """The mean of a measure, with an interval over seeds."""
        return mean_interval(self.of_seeds(policy, measure, journey, learner))

    def difference(self, policy: str, other: str, measure: str, journey: str, learner: str | None = None) -> Interval:
        """The mean of a measure under `policy` less that under `other`, with an interval over seeds."""
        own, theirs = (self.of_seeds(name, measure, journey, learner) for name in (policy, other))
        return paired_interval(own, theirs)

    def kind(self, policy: str) -> Kind:
        """What kind of policy it is."""
        return next(result.kind for cell, result in self.results.items() if cell.policy == policy)

    def of_policy(self, policy: str) -> list[Result]:
        """All results of a policy."""
        return [result for cell, result in self.results.items() if cell.policy == policy]

    def best(self, kind: Kind, journey: str) -> str | None:
        """Who of a kind has the highest mean return on a journey; None where nobody of that kind played."""
        candidates = [policy for policy in self.policies if self.kind(policy) == kind]
        return max(candidates, key=lambda policy: self.level(policy, "return", journey).mean, default=None)
