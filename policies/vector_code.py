"""The same loops as LLVM's code: policies/vector.py says in plain Python what each of them computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16  # float32 numbers in the widest vector register there is
MEMORY = 4  # bytes that addresses are a multiple of, for certain
FLOAT, WORD, INDEX = ir.FloatType(), ir.IntType(64), ir.IntType(32)
FLOATS, INDICES = ir.VectorType(FLOAT, LANES), ir.VectorType(INDEX, LANES)
ZEROS = ir.Constant(FLOATS, [0.0] * LANES)


def pointer(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Address of the first element of a Numba array."""
    return context.make_array(kind)(context, builder, array).data


def broadcast(builder: Any, value: Any, kind: Any) -> Any:
    """A vector of the same number in all lanes."""
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, value, INDEX(0))
    return builder.shuffle_vector(first, nothing, ir.Constant(INDICES, [0] * LANES))


def vector_at(builder: Any, address: Any, at: Any) -> Any:
    """Pointer to the `LANES` numbers from element `at` on."""
    element = builder.gep(address, [at])
    return builder.bitcast(element, ir.VectorType(element.type.pointee, LANES).as_pointer())


def load(builder: Any, address: Any, at: Any) -> Any:
    """`LANES` numbers from element `at` on, wherever they lie in memory."""
    return builder.load(vector_at(builder, address, at), align=MEMORY)


def counted(builder: Any, count: Any, initial: list[Any], step: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """`state = step(i, state)` for `i` from 0 to `count - 1`, the state in registers; returns the last."""
    before, loop, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed(">", count, WORD(0)), loop, after)
    builder.position_at_end(loop)
    i, state = builder.phi(WORD), [builder.phi(value.type) for value in initial]
    new, following = step(i, state), builder.add(i, WORD(1))
    i.add_incoming(WORD(0), before)
    i.add_incoming(following, loop)
    for phi, first, last in zip(state, initial, new, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(last, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    ends = [builder.phi(value.type) for value in initial]
    for phi, first, last in zip(ends, initial, new, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(last, loop)
    return ends


def block_of(vectors: int) -> Any:
    """`add_products` on `vectors` registers of outputs, from output `at` on."""

    @intrinsic  # type: ignore[untyped-decorator]
    def block(
        typing: Any,  # noqa: ARG001 (Numba passes it)
        initial: Any,
        which: Any,
        values: Any,
        count: Any,  # noqa: ARG001 (read from `arguments`)
        weights: Any,
        at: Any,  # noqa: ARG001 (read from `arguments`)
        outputs: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds, (_, _, _, n, matrix, first, _) = signature.args, arguments
            begin, numbers, inputs, rows, out = (
                pointer(context, builder, kinds[k], arguments[k]) for k in (0, 1, 2, 4, 6)
            )
            stride = builder.extract_value(context.make_array(kinds[4])(context, builder, matrix).shape, 1)
            places = [builder.add(first, WORD(v * LANES)) for v in range(vectors)]

            def step(i: Any, sums: list[Any]) -> list[Any]:
                row = builder.mul(builder.zext(builder.load(builder.gep(numbers, [i])), WORD), stride)
                value = broadcast(builder, builder.load(builder.gep(inputs, [i])), FLOATS)
                loaded = [load(builder, rows, builder.add(row, place)) for place in places]
                return [builder.fadd(s, builder.fmul(value, w)) for s, w in zip(sums, loaded, strict=True)]

            sums = counted(builder, n, [load(builder, begin, place) for place in places], step)
            for place, total in zip(places, sums, strict=True):
                builder.store(total, vector_at(builder, out, place), align=MEMORY)
            return context.get_dummy_value()

        return types.none(initial, which, values, types.int64, weights, types.int64, outputs), generate

    return block


ONE, TWO, FOUR = block_of(1), block_of(2), block_of(4)


@intrinsic  # type: ignore[untyped-decorator]
def lanewise_dot(typing: Any, one: Any, other: Any, vectors: Any) -> Any:  # noqa: ARG001 (Numba passes it)
    """`dot` of so many vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right = (pointer(context, builder, signature.args[k], arguments[k]) for k in (0, 1))

        def step(i: Any, sums: list[Any]) -> list[Any]:
            at = builder.mul(i, WORD(LANES))
            return [builder.fadd(sums[0], builder.fmul(load(builder, left, at), load(builder, right, at)))]

        (lanes,) = counted(builder, arguments[2], [ZEROS], step)
        width = LANES
        while width > 1:
            width //= 2
            halves = [list(range(width)), list(range(width, 2 * width))]
            kind = ir.VectorType(INDEX, width)
            parts = [builder.shuffle_vector(lanes, lanes, ir.Constant(kind, half)) for half in halves]
            lanes = builder.fadd(*parts)
        return builder.extract_element(lanes, INDEX(0))

    return types.float32(one, other, types.int64), generate


def compress_of(comparison: str) -> Any:
    """`gather` from whole vectors of inputs, of those that are `comparison` zero or are no numbers."""

    @intrinsic  # type: ignore[untyped-decorator]
    def compress(typing: Any, inputs: Any, which: Any, values: Any, vectors: Any) -> Any:  # noqa: ARG001 (Numba passes it)
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds = signature.args
            source, numbers, kept = (pointer(context, builder, kinds[k], arguments[k]) for k in range(3))
            mask_kind = ir.VectorType(ir.IntType(1), LANES)

            def store(name: str, vector: Any, address: Any, mask: Any) -> None:
                kind = ir.FunctionType(ir.VoidType(), [vector.type, address.type, mask_kind])
                writer = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.compressstore.{name}")
                builder.call(writer, [vector, address, mask])

            def step(i: Any, state: list[Any]) -> list[Any]:
                count, at = state[0], builder.mul(i, WORD(LANES))
                vector = load(builder, source, at)
                mask = builder.fcmp_unordered(comparison, vector, ZEROS)
                places = broadcast(builder, builder.trunc(at, INDEX), INDICES)
                places = builder.add(places, ir.Constant(INDICES, list(range(LANES))))
                store(f"v{LANES}f32", vector, builder.gep(kept, [count]), mask)
                store(f"v{LANES}i32", places, builder.gep(numbers, [count]), mask)
                ones = builder.ctpop(builder.bitcast(mask, ir.IntType(LANES)))
                return [builder.add(count, builder.zext(ones, WORD))]

            return counted(builder, arguments[3], [WORD(0)], step)[0]

        return types.int64(inputs, which, values, types.int64), generate

    return compress


OTHER_THAN_ZERO, ABOVE_ZERO = compress_of("!="), compress_of(">")
