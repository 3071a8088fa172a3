"""The arithmetic of small networks, one user at a time: the same float32 operations in the same order at any batch.

Inputs that are zero are left out (half of an observation is, and half of what a ReLU gives); the others are applied
`TOGETHER` at a time, so that a pass over the outputs loads and stores each of them once for all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.compiled import compiled

TOGETHER = 8  # inputs applied in one pass; more than 8 run out of vector registers
LANES = 16  # float32 numbers in the widest vector register: sums of products are kept in so many parts


def padded(array: np.ndarray, *axes: int) -> np.ndarray:
    """`array` as contiguous float32 with zeros at the end of `axes`, up to the next multiple of `LANES`.

    A unit with weights and bias of zero gives zero and takes part in nothing.
    """
    ends = [(0, -size % LANES if axis in axes else 0) for axis, size in enumerate(array.shape)]
    return np.ascontiguousarray(np.pad(array, ends), np.float32)


@compiled
def gather(inputs: Any, which: Any, values: Any) -> int:
    """Numbers and values of the `inputs` `(n,)` that are not zero, in order; returns how many there are."""
    count = 0
    for i in range(len(inputs)):
        which[count], values[count] = i, inputs[i]
        count += inputs[i] != 0.0
    return count


@compiled
def gather_rectified(inputs: Any, which: Any, values: Any) -> int:
    """The same of `max(0, inputs)`; a number that is none stays in."""
    count = 0
    for i in range(len(inputs)):
        which[count], values[count] = i, inputs[i]
        count += not inputs[i] <= 0.0
    return count


@compiled
def start(initial: Any, outputs: Any) -> None:
    """`outputs = initial`, both `(m,)`."""
    for j in range(len(outputs)):
        outputs[j] = initial[j]


@compiled
def apply(which: Any, values: Any, count: int, weights: Any, outputs: Any) -> None:
    """Add `values[i] * weights[which[i]]` to `outputs` `(m,)`, for `i` from 0 to `count - 1`, one after the other."""
    full = count - count % TOGETHER
    for i in range(0, full, TOGETHER):
        w0, w1, w2, w3 = which[i], which[i + 1], which[i + 2], which[i + 3]
        w4, w5, w6, w7 = which[i + 4], which[i + 5], which[i + 6], which[i + 7]
        x0, x1, x2, x3 = values[i], values[i + 1], values[i + 2], values[i + 3]
        x4, x5, x6, x7 = values[i + 4], values[i + 5], values[i + 6], values[i + 7]
        for j in range(len(outputs)):
            total = outputs[j] + x0 * weights[w0, j]
            total += x1 * weights[w1, j]
            total += x2 * weights[w2, j]
            total += x3 * weights[w3, j]
            total += x4 * weights[w4, j]
            total += x5 * weights[w5, j]
            total += x6 * weights[w6, j]
            outputs[j] = total + x7 * weights[w7, j]
    for i in range(full, count):
        w, x = which[i], values[i]
        for j in range(len(outputs)):
            outputs[j] += x * weights[w, j]


@compiled
def product(one: Any, other: Any, parts: Any) -> Any:
    """Sum of `one * other`, both `(m,)` with `m` a multiple of `LANES`; `parts` `(LANES,)` is room to work in."""
    for lane in range(LANES):
        parts[lane] = 0.0
    for j in range(0, len(one), LANES):
        for lane in range(LANES):
            parts[lane] += one[j + lane] * other[j + lane]
    for lane in range(LANES // 2):
        parts[lane] += parts[lane + LANES // 2]
    for lane in range(LANES // 4):
        parts[lane] += parts[lane + LANES // 4]
    return (parts[0] + parts[1]) + (parts[2] + parts[3])


@compiled
def rectify(outputs: Any) -> None:
    """`outputs = max(0, outputs)`."""
    for j in range(len(outputs)):
        outputs[j] = max(outputs[j], np.float32(0.0))
