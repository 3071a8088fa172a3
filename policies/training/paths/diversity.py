"""How different the paths of a population are: where they agree, the search is sure; elsewhere it hardly matters.

A population that all but agrees has settled. One that differs in a place has paths of nearly the same worth there, and
a team may choose among them by taste.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from journeys.actions import N_VARIANTS
from policies.path import LearningPath


class Diversity(NamedTuple):
    """Of `paths` paths through `S` steps, of which there are `orders` distinct orders.

    `distance` is the mean Kendall distance of two orders: the share of pairs of steps that they have in common but in
    opposite order, 0 to 1. `included` `(S,)` share of paths with the step. `ranks` `(S, S)`: share of paths that have
    step `s` at place `i`. `shares` `(S, V)` of the difficulties among the paths with the step, and their `entropy`
    `(S,)`: 0 where all agree, 1 where every difficulty is as frequent.
    """

    paths: int
    orders: int
    distance: float
    included: np.ndarray
    ranks: np.ndarray
    shares: np.ndarray
    entropy: np.ndarray


def diversity_of(paths: Sequence[LearningPath], n_steps: int) -> Diversity:
    """The diversity of `paths` through a journey of `n_steps` steps. Raises `ValueError` where there are none."""
    if not paths:
        raise ValueError("the diversity of no paths is not defined. Mend: give at least one")
    ranks, counts = np.zeros((n_steps, n_steps)), np.zeros((n_steps, N_VARIANTS))
    for path in paths:
        ranks[path.steps, np.arange(len(path.steps))] += 1.0
        counts[path.steps, path.difficulties] += 1.0
    included = counts.sum(axis=1)
    shares = counts / np.maximum(1.0, included)[:, None]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0.0)
    return Diversity(
        paths=len(paths),
        orders=len({path.steps.tobytes() for path in paths}),
        distance=mean_distance(paths, n_steps),
        included=included / len(paths),
        ranks=ranks / len(paths),
        shares=shares,
        entropy=-(shares * logs).sum(axis=1) / np.log(N_VARIANTS) + 0.0,
    )


def mean_distance(paths: Sequence[LearningPath], n_steps: int) -> float:
    """Mean Kendall distance over all pairs of paths; 0 of a single one."""
    pairs = [kendall_distance(one, other, n_steps) for one, other in combinations(paths, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def kendall_distance(one: LearningPath, other: LearningPath, n_steps: int) -> float:
    """Share of the pairs of steps that both paths have which they have in opposite order (Kendall 1938)."""
    places = np.full((2, n_steps), -1)
    for row, path in zip(places, (one, other), strict=True):
        row[path.steps] = np.arange(len(path.steps))
    common = places[:, (places >= 0).all(axis=0)]
    first, second = np.triu_indices(common.shape[1], 1)
    turned = np.sign(common[0, second] - common[0, first]) != np.sign(common[1, second] - common[1, first])
    return float(turned.mean()) if len(turned) else 0.0
