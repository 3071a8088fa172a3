"""Ridge regressions as running sums: what every linear bandit knows, and all that it needs to go on learning.

Head `k` of `K` predicts the reward of one action (or kind of action) from `d` inputs `x`. With `w_t` the weight of
observation `t` (1 without drift, else `discount ** (T - t)`, T the observations so far, of any head), its sums are

    precision = sum w_t x_t x_t'        moment = sum w_t r_t x_t        widening = sum w_t^2 x_t x_t'

and with V = precision + ridge I the prediction for `x` is x' V^-1 moment. How much it may be wrong is measured by
x' V^-1 x, the same as inverting one observation at a time by Sherman and Morrison gives (Li et al. 2010, algorithm 1);
with drift by x' V^-1 W V^-1 x, W = widening + ridge I (Russac, Vernade and Cappe 2019, algorithm 1).

Sums are added to in the order of the observations, so learning from two logs one after the other gives the bits that
learning from both at once gives.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled, compiled_apart


class Sums(NamedTuple):
    """Sums of `K` regressions of `d` inputs.

    `precision` `(K, d, d)`, `moment` `(K, d)`, `widening` `(K, d, d)` where there is drift, else `(0, d, d)`: float64.
    `touched` `(K,)` int64: how many observations there had been when the head's sums were last added to; `seen` `(1,)`
    int64: how many there are.
    """

    precision: np.ndarray
    moment: np.ndarray
    widening: np.ndarray
    touched: np.ndarray
    seen: np.ndarray


class Posterior(NamedTuple):
    """What `Sums` come to: `means` `(K, d)`, and `roots` `(K, d, d)` with |roots' x|^2 the squared width at `x`."""

    means: np.ndarray
    roots: np.ndarray


def nothing_seen(n_heads: int, n_inputs: int, drifts: bool) -> Sums:
    """Sums before the first observation."""
    square = n_inputs, n_inputs
    return Sums(
        np.zeros((n_heads, *square)),
        np.zeros((n_heads, n_inputs)),
        np.zeros((n_heads if drifts else 0, *square)),
        np.zeros(n_heads, np.int64),
        np.zeros(1, np.int64),
    )


@compiled
def fade(sums: Sums, head: int, discount: float) -> None:
    """Let the sums of `head` lose what they lost since they were last added to."""
    kept = discount ** float(sums.seen[0] - sums.touched[head])
    for i in range(sums.moment.shape[1]):
        sums.moment[head, i] *= kept
        for j in range(sums.moment.shape[1]):
            sums.precision[head, i, j] *= kept
            sums.widening[head, i, j] *= kept * kept


@compiled_apart
def add(sums: Sums, head: int, inputs: Any, reward: float, discount: float) -> None:
    """Add one observation: `inputs` `(d,)` float64. Most inputs are 0, and so are their rows of the product."""
    sums.seen[0] += 1
    if discount < 1.0:
        fade(sums, head, discount)
    sums.touched[head] = sums.seen[0]
    for i in range(len(inputs)):
        x = inputs[i]
        if x != 0.0:
            sums.moment[head, i] += reward * x
            row = sums.precision[head, i]
            for j in range(len(inputs)):
                row[j] += x * inputs[j]
            if discount < 1.0:
                wide = sums.widening[head, i]
                for j in range(len(inputs)):
                    wide[j] += x * inputs[j]


@compiled
def add_rows(sums: Sums, heads: Any, inputs: Any, rewards: Any, discount: float) -> None:
    """Add `n` observations in order: `heads` `(n,)` int64, `inputs` `(n, d)` float64, `rewards` `(n,)`."""
    for i in range(len(heads)):
        add(sums, heads[i], inputs[i], rewards[i], discount)


@compiled
def factorise(matrix: Any, lower: Any) -> None:
    """Cholesky: `lower` `(d, d)`, zero above its diagonal, with lower lower' the positive definite `matrix`.

    Our own, as BLAS rounds differently from machine to machine.
    """
    for i in range(len(matrix)):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            lower[i, j] = math.sqrt(rest) if i == j else rest / lower[j, j]


@compiled
def invert_lower(lower: Any, inverse: Any) -> None:
    """The `inverse` `(d, d)` of a lower triangle, zero above its diagonal."""
    for i in range(len(lower)):
        for j in range(i + 1):
            total = 1.0 if i == j else 0.0
            for k in range(j, i):
                total -= lower[i, k] * inverse[k, j]
            inverse[i, j] = total / lower[i, i]


@compiled
def find_means(inverse: Any, moment: Any, rest: Any, means: Any) -> None:
    """`means` `(d,)` = V^-1 moment, V^-1 = inverse' inverse; `rest` `(d,)` is room."""
    for i in range(len(moment)):
        rest[i] = 0.0
        for j in range(i + 1):
            rest[i] += inverse[i, j] * moment[j]
    for j in range(len(moment)):
        means[j] = 0.0
        for i in range(j, len(moment)):
            means[j] += inverse[i, j] * rest[i]


@compiled
def find_roots(inverse: Any, wide: Any, room: Any, roots: Any) -> None:
    """`roots` = V^-1 wide, V^-1 = inverse' inverse, `wide` a lower triangle: the root of V^-1 W V^-1."""
    n = len(inverse)
    for i in range(n):
        for j in range(n):
            room[i, j] = 0.0
            for k in range(j, i + 1):
                room[i, j] += inverse[i, k] * wide[k, j]
    for i in range(n):
        for j in range(n):
            roots[i, j] = 0.0
            for k in range(i, n):
                roots[i, j] += inverse[k, i] * room[k, j]


@compiled
def with_ridge(matrix: Any, weight: float, ridge: float, out: Any) -> None:
    """Write weight matrix + ridge I into `out`; all `(d, d)`."""
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            out[i, j] = weight * matrix[i, j] + (ridge if i == j else 0.0)


@compiled
def solve_heads(sums: Sums, heads: Any, ridge: float, faded: Any, rooms: Any, means: Any, roots: Any) -> None:
    """Means and roots of the `heads`; `rooms` `(4, d, d)` is room, `faded` `(K,)` what is left of each head's sums."""
    weighed, lower, inverse, wide = rooms[0], rooms[1], rooms[2], rooms[3]
    n = sums.moment.shape[1]
    for h in heads:
        with_ridge(sums.precision[h], faded[h], ridge, weighed)
        factorise(weighed, lower)
        invert_lower(lower, inverse)
        find_means(inverse, sums.moment[h], weighed[0], means[h])
        for i in range(n):
            means[h, i] *= faded[h]
            for j in range(n):
                roots[h, i, j] = inverse[j, i]
        if len(sums.widening):
            with_ridge(sums.widening[h], faded[h] ** 2, ridge, weighed)
            factorise(weighed, wide)
            find_roots(inverse, wide, lower, roots[h])
            for i in range(n):  # `lower` was room: above its diagonal it is to be zero again
                for j in range(i + 1, n):
                    lower[i, j] = 0.0


def posterior(sums: Sums, ridge: float, discount: float) -> Posterior:
    """Means, and roots of the covariance, of every head; `ridge` above 0."""
    n_heads, d = sums.moment.shape
    found = Posterior(np.zeros((n_heads, d)), np.zeros((n_heads, d, d)))
    renew(found, sums, np.arange(n_heads), ridge, discount)
    return found


def renew(found: Posterior, sums: Sums, heads: np.ndarray, ridge: float, discount: float) -> None:
    """Solve `heads` `(m,)` int64 again. The others stay, which is right where nothing was added to them or faded."""
    d = sums.moment.shape[1]
    faded = discount ** (sums.seen[0] - sums.touched).astype(float)
    solve_heads(sums, heads, ridge, faded, np.zeros((4, d, d)), *found)
