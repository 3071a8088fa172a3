"""The vector loops give the bits of the plain Python beside them, for any sizes and wherever arrays lie in memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.compiled import compiled_apart
from policies import vector
from policies.vector import LINE, aligned
from policies.vector_code import LANES


@compiled_apart
def layer(inputs, initial, weights, which, values, outputs):
    count = vector.gather(inputs, which, values)
    vector.add_products(initial, which, values, count, weights, outputs)
    return count


@compiled_apart
def above(inputs, which, values):
    return vector.gather_above(inputs, which, values)


@compiled_apart
def product(one, other):
    return vector.dot(one, other)


def room(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(n + LANES, np.int32), np.zeros(n + LANES, np.float32)


def numbers(luck: np.random.Generator, n: int) -> np.ndarray:
    """Normal numbers, some of them zero, somewhere in memory."""
    begin = luck.integers(8)
    drawn = luck.normal(size=n + 8).astype(np.float32) * (luck.random(n + 8) < luck.random())
    return drawn[begin : begin + n]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 100), st.integers(1, 9))
def test_a_layer_is_its_plain_python(seed: int, n_inputs: int, n_vectors: int) -> None:
    luck, width = np.random.default_rng(seed), n_vectors * LANES
    inputs, initial = numbers(luck, n_inputs), numbers(luck, width)
    weights = aligned(luck.normal(size=(n_inputs, width)).astype(np.float32), 1)
    given, expected = np.zeros((2, width), np.float32)
    which, values = room(n_inputs)
    count = layer(inputs, initial, weights, which, values, given)
    mine, kept = room(n_inputs)
    assert vector.gather(inputs, mine, kept) == count == np.count_nonzero(inputs)
    vector.add_products(initial, mine, kept, count, weights, expected)
    assert given.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(which[:count], mine[:count])
    np.testing.assert_array_equal(values[:count], kept[:count])
    np.testing.assert_allclose(given, initial + inputs @ weights, rtol=1e-4, atol=1e-4)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_dot_is_its_plain_python(seed: int, n_vectors: int) -> None:
    luck, width = np.random.default_rng(seed), n_vectors * LANES
    one, other = numbers(luck, width), numbers(luck, width)
    assert product(one, other) == vector.dot(one, other)
    np.testing.assert_allclose(product(one, other), one @ other, rtol=1e-4, atol=1e-4)


def test_what_is_above_zero_or_no_number_is_gathered() -> None:
    """A number that is none must come out in the end, where the fallback sees it."""
    inputs = np.tile(np.array([1.0, -1.0, 0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40], np.float32), 4)
    (which, values), (mine, kept) = room(32), room(32)
    count = above(inputs, which, values)
    assert count == vector.gather_above(inputs, mine, kept) == 16
    np.testing.assert_array_equal(which[:count], mine[:count])
    np.testing.assert_array_equal(values[:count], kept[:count])


def test_padding_is_zero_and_begins_a_cache_line() -> None:
    plain = np.arange(15.0, dtype=np.float32).reshape(5, 3)
    out = aligned(plain, 1)
    assert (out.shape, out.ctypes.data % LINE) == ((5, LANES), 0)
    np.testing.assert_array_equal(out[:, :3], plain)
    assert not out[:, 3:].any()
    assert aligned(plain, 0, 1).shape == (LANES, LANES)
