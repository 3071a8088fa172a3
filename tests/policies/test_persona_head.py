"""The persona head: the softmax of weighted sums, bit for bit the same at any batch size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.persona_head import PersonaHead
from policies.success import SuccessHead

THREE = ("newcomer", "expert", "anxious")


def test_it_is_the_softmax_of_the_weighted_sums():
    luck = np.random.default_rng(0)
    weight, bias = luck.normal(size=(60, 3)), luck.normal(size=3)
    observations = luck.random((50, 60)).astype(np.float32)
    odds = np.exp(observations.astype(float) @ weight + bias)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(PersonaHead(THREE, weight, bias).predict(observations), expected, rtol=1e-12)


def test_known_weights_give_the_chances_they_were_made_of():
    head = PersonaHead(THREE, np.log([[4.0, 2.0, 2.0]]), np.zeros(3))
    np.testing.assert_allclose(head.predict(np.array([[1.0], [0.0]], np.float32)), [[0.5, 0.25, 0.25], [1 / 3] * 3])


def test_of_two_personas_it_is_the_success_heads_logistic_function():
    luck = np.random.default_rng(2)
    weight, observations = luck.normal(size=20), luck.random((30, 20)).astype(np.float32)
    head = PersonaHead(("no", "yes"), np.column_stack([np.zeros(20), weight]), np.array([0.0, 0.4]))
    expected = SuccessHead(weight, 0.4).predict(observations)
    np.testing.assert_allclose(head.predict(observations)[:, 1], expected, rtol=1e-12)


def test_one_persona_is_certain_and_great_sums_do_not_overflow():
    observations = np.ones((4, 5), np.float32)
    assert (PersonaHead(("expert",), np.full((5, 1), 7.0), np.ones(1)).predict(observations) == 1.0).all()
    head = PersonaHead(THREE, np.full((5, 3), 1e6) * [1, 2, 3], np.zeros(3))
    assert head.predict(observations).tolist() == [[0.0, 0.0, 1.0]] * 4


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_one_user_alone_gets_the_same_bits_as_among_many(n, n_personas, seed):
    luck = np.random.default_rng(seed)
    names = [f"kind-{p}" for p in range(n_personas)]
    head = PersonaHead(names, luck.normal(size=(33, n_personas)), luck.normal(size=n_personas))
    observations = luck.random((n, 33)).astype(np.float32)
    alone = np.concatenate([head.predict(row[None]) for row in observations])
    assert head.predict(observations).tobytes() == alone.tobytes()
    assert head.predict(observations[::-1])[::-1].tobytes() == alone.tobytes()


@pytest.mark.parametrize(
    ("names", "weight", "bias", "says"),
    [
        (("a", "b"), [[np.nan, 1.0]], [0.0, 0.0], "finite"),
        (("a", "b"), [[1.0, 1.0]], [0.0, np.inf], "finite"),
        (("a", "b"), [[1.0, 1.0, 1.0]], [0.0, 0.0], "a column of weights"),
        (("a", "b"), [[1.0, 1.0]], [0.0], "a column of weights"),
        (("a", "b"), [1.0, 1.0], [0.0, 0.0], "a column of weights"),
        (("a", "a"), [[1.0, 1.0]], [0.0, 0.0], "none twice"),
        (("a", ""), [[1.0, 1.0]], [0.0, 0.0], "none of them empty"),
        ((), np.zeros((1, 0)), [], "one name or more"),
    ],
)
def test_what_makes_no_head_is_refused(names, weight, bias, says):
    with pytest.raises(ValueError, match=says):
        PersonaHead(names, np.array(weight), np.array(bias))
