"""The inner loops of small networks on whole vector registers.

LLVM finds these loops only in part, and works around arrays that might overlap; written as vectors of `LANES` numbers
they run at what the machine can do. They are elementwise float32 products and sums in a fixed order, so the bits are
those of the plain Python beside each, whatever the machine's registers: wider vectors are simply split.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload

from journeys.compiled import OPTIONS
from policies.vector_code import ABOVE_ZERO, FOUR, LANES, ONE, OTHER_THAN_ZERO, TWO, lanewise_dot

LINE = 64  # bytes of a cache line: a vector that crosses one takes twice as long to load
INLINE = {**OPTIONS, "forceinline": True}


def aligned(array: np.ndarray, *axes: int) -> np.ndarray:
    """`array` as float32 on whole cache lines, with zeros at the end of `axes` up to the next multiple of `LANES`.

    A unit with weights and bias of zero gives zero and takes part in nothing.
    """
    shape = [size + (-size % LANES if axis in axes else 0) for axis, size in enumerate(array.shape)]
    room = np.zeros(int(np.prod(shape)) + LANES, np.float32)
    begin = -room.ctypes.data % LINE // room.itemsize
    out = room[begin : begin + int(np.prod(shape))].reshape(shape)
    out[tuple(slice(size) for size in array.shape)] = array
    return out


def add_products(initial: Any, which: Any, values: Any, count: int, weights: Any, outputs: Any) -> None:
    """Write `initial` `(m,)` plus `values[i] * weights[which[i]]`, for `i` from 0 to `count - 1` one after the other.

    Into `outputs` `(m,)`; `m` is a multiple of `LANES`; `which` is int32, the others float32.
    """
    outputs[:] = initial
    for i in range(count):
        outputs += values[i] * weights[which[i]]


def dot(one: Any, other: Any) -> Any:
    """Sum of `one * other`, both `(m,)` float32, `m` a multiple of `LANES`: by lane, then the lanes by halves."""
    lanes = np.zeros(LANES, np.float32)
    for j in range(0, len(one), LANES):
        lanes += one[j : j + LANES] * other[j : j + LANES]
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    return lanes[0]


def gather(inputs: Any, which: Any, values: Any) -> int:
    """Numbers and values of the `inputs` `(n,)` that are not zero, in order; returns how many there are.

    `which` int32 and `values` float32 are `(n + LANES,)`, room for a last vector included.
    """
    found = np.flatnonzero(inputs != 0.0)
    which[: len(found)], values[: len(found)] = found, inputs[found]
    return len(found)


def gather_above(inputs: Any, which: Any, values: Any) -> int:
    """The same of `max(0, inputs)`, with `n` a multiple of `LANES`; a number that is none stays in."""
    found = np.flatnonzero(~(inputs <= 0.0))
    which[: len(found)], values[: len(found)] = found, inputs[found]
    return len(found)


@overload(add_products, jit_options=INLINE)  # type: ignore[untyped-decorator]
def _add_products(initial: Any, which: Any, values: Any, count: Any, weights: Any, outputs: Any) -> Any:  # noqa: ARG001 (Numba passes types)
    def compiled(initial: Any, which: Any, values: Any, count: Any, weights: Any, outputs: Any) -> None:
        at, end = 0, len(outputs)
        while end - at >= 4 * LANES:
            FOUR(initial, which, values, count, weights, at, outputs)
            at += 4 * LANES
        if end - at >= 2 * LANES:
            TWO(initial, which, values, count, weights, at, outputs)
            at += 2 * LANES
        if end - at >= LANES:
            ONE(initial, which, values, count, weights, at, outputs)

    return compiled


@overload(dot, jit_options=INLINE)  # type: ignore[untyped-decorator]
def _dot(one: Any, other: Any) -> Any:  # noqa: ARG001 (Numba passes types)
    def compiled(one: Any, other: Any) -> Any:
        return lanewise_dot(one, other, len(one) // LANES)

    return compiled


@overload(gather, jit_options=INLINE)  # type: ignore[untyped-decorator]
def _gather(inputs: Any, which: Any, values: Any) -> Any:  # noqa: ARG001 (Numba passes types)
    def compiled(inputs: Any, which: Any, values: Any) -> int:
        whole = len(inputs) // LANES
        count = OTHER_THAN_ZERO(inputs, which, values, whole)
        for i in range(LANES * whole, len(inputs)):
            which[count], values[count] = i, inputs[i]
            count += inputs[i] != 0.0
        return count

    return compiled


@overload(gather_above, jit_options=INLINE)  # type: ignore[untyped-decorator]
def _gather_above(inputs: Any, which: Any, values: Any) -> Any:  # noqa: ARG001 (Numba passes types)
    def compiled(inputs: Any, which: Any, values: Any) -> int:
        return ABOVE_ZERO(inputs, which, values, len(inputs) // LANES)

    return compiled
