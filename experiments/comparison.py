"""Levels of every policy and paired differences between them, overall and by persona."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from experiments.evaluation import MEASURE_NAMES, Evaluation
from experiments.settings import SettingsError
from experiments.statistics import Interval, mean_interval, paired_interval

OVERALL = "overall"


class Row(msgspec.Struct, frozen=True):
    """One interval. `reference` is None for the level of a policy, else the policy that was subtracted."""

    policy: str
    reference: str | None
    group: str
    measure: str
    mean: float
    low: float
    high: float
    users: int

    @property
    def interval(self) -> Interval:
        """The same as an `Interval`."""
        return Interval(self.mean, self.low, self.high, self.users)


class Comparison(msgspec.Struct, frozen=True):
    """All intervals of an experiment. `groups` are `overall` and the personas that occur."""

    policies: tuple[str, ...]
    references: tuple[str, ...]
    groups: tuple[str, ...]
    levels: tuple[Row, ...]
    differences: tuple[Row, ...]

    def level(self, policy: str, measure: str, group: str = OVERALL) -> Row:
        """The level of one policy."""
        return next(r for r in self.levels if (r.policy, r.measure, r.group) == (policy, measure, group))

    def difference(self, policy: str, reference: str, measure: str, group: str = OVERALL) -> Row:
        """One paired difference."""
        wanted = (policy, reference, measure, group)
        return next(r for r in self.differences if (r.policy, r.reference, r.measure, r.group) == wanted)


def compare_evaluations(
    evaluations: Sequence[Evaluation], references: Sequence[str], personas: Sequence[str]
) -> Comparison:
    """Every policy's levels, and its differences to each of `references`. Raises `SettingsError` for an unknown one.

    `personas` are the population's persona names in order. The evaluations are of the same users.
    """
    by_name = {evaluation.policy: evaluation for evaluation in evaluations}
    for reference in references:
        if reference not in by_name:
            raise SettingsError(f"reference {reference!r} was not played. Mend: use one of {', '.join(by_name)}")
    groups = groups_of(evaluations[0].personas, personas)
    return Comparison(
        policies=tuple(by_name),
        references=tuple(references),
        groups=tuple(groups),
        levels=tuple(row for e in evaluations for row in rows(e, None, groups)),
        differences=tuple(row for r in references for e in evaluations for row in rows(e, by_name[r], groups)),
    )


def groups_of(indices: np.ndarray, personas: Sequence[str]) -> dict[str, np.ndarray]:
    """All users, then those of each persona that occurs, as masks `(n,)`; `indices` `(n,)` name each user's."""
    members = {persona: indices == index for index, persona in enumerate(personas)}
    everybody = {OVERALL: np.ones(len(indices), bool)}
    return everybody | {persona: rows for persona, rows in members.items() if rows.any()}


def rows(evaluation: Evaluation, reference: Evaluation | None, groups: dict[str, np.ndarray]) -> Iterator[Row]:
    """One row per group and measure."""
    for group, members in groups.items():
        for measure in MEASURE_NAMES:
            values = evaluation.of(measure)[members]
            if reference is None:
                interval = mean_interval(values)
            else:
                interval = paired_interval(values, reference.of(measure)[members])
            yield Row(evaluation.policy, reference and reference.policy, group, measure, *interval)
