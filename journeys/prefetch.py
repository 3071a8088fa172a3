"""Asking for a row of an array before it is needed.

Thousands of users do not fit into the caches near the processor, and what one decision touches of a user lies in many
arrays. While one user lives, the memory of a later one is fetched: the compiled loop then seldom waits.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from journeys.compiled import compiled

LINE = 64  # bytes that a cache fetches at once, on every processor of note
WRITE, ALL_CACHES, DATA = 1, 3, 1  # the last arguments of LLVM's prefetch: what for, how near, of what


def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """LLVM's `prefetch` for the cache line at byte `arguments[2]` of row `arguments[1]` of the array."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    stride = cgutils.unpack_tuple(builder, array.strides)[0]
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    place = builder.add(builder.mul(arguments[1], stride), arguments[2])
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    line = builder.gep(builder.bitcast(array.data, byte), [place])
    builder.call(fetch, [line, word(WRITE), word(ALL_CACHES), word(DATA)])
    return context.get_dummy_value()


if numba.config.DISABLE_JIT:

    def prefetch_line(array: Any, row: int, offset: int) -> None:
        """Nothing: plain Python has no such thing."""

else:

    @intrinsic  # type: ignore[untyped-decorator]
    def prefetch_line(typing: Any, array: Any, row: Any, offset: Any) -> Any:  # noqa: ARG001 (read by `emit`)
        """Ask for the cache line at byte `offset` of row `row` of `array`."""
        return types.void(array, types.intp, types.intp), emit


@compiled
def prefetch(array: Any, row: int, n_bytes: int) -> None:
    """Ask for the first `n_bytes` of row `row` of `array`, whose first axis is rows."""
    for offset in range(0, n_bytes, LINE):
        prefetch_line(array, row, offset)
