"""The success head: the logistic function, bit for bit the same at any batch size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.success import SuccessHead


def test_it_is_the_logistic_function_of_the_weighted_sum():
    luck = np.random.default_rng(0)
    weight, observations = luck.normal(size=60), luck.random((50, 60)).astype(np.float32)
    expected = 1.0 / (1.0 + np.exp(-(observations.astype(float) @ weight - 0.7)))
    np.testing.assert_allclose(SuccessHead(weight, -0.7).predict(observations), expected, rtol=1e-12)


def test_no_weights_leave_the_bias():
    share = 0.83
    head = SuccessHead(np.zeros(4), np.log(share / (1 - share)))
    np.testing.assert_allclose(head.predict(np.ones((3, 4), np.float32)), share)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_one_user_alone_gets_the_same_bits_as_among_many(n, seed):
    luck = np.random.default_rng(seed)
    head, observations = SuccessHead(luck.normal(size=33), luck.normal()), luck.random((n, 33)).astype(np.float32)
    alone = np.array([head.predict(row[None])[0] for row in observations])
    assert head.predict(observations).tobytes() == alone.tobytes()
    assert head.predict(observations[::-1])[::-1].tobytes() == alone.tobytes()


@pytest.mark.parametrize(("weight", "bias"), [([np.nan], 0.0), ([1.0], np.inf), ([[1.0]], 0.0)])
def test_numbers_that_are_none_are_refused(weight, bias):
    with pytest.raises(ValueError, match="finite"):
        SuccessHead(np.array(weight), bias)
