"""The action codec is a bijection between names and flat numbers, and refuses everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.actions import CHANNELS, DIFFICULTIES, MOMENTS, RUNGS, Action, decode, describe, encode, n_actions
from journeys.spec import MAX_STEPS

names = st.lists(st.text("abcdef-", min_size=1, max_size=8), min_size=1, max_size=MAX_STEPS, unique=True).map(tuple)


@given(names)
def test_every_number_means_one_thing_and_back(steps: tuple[str, ...]) -> None:
    meanings = [decode(action, steps) for action in range(n_actions(len(steps)))]
    assert len(set(meanings)) == len(meanings) == 3 * len(steps) + 5 + 3
    assert [encode(meaning, steps) for meaning in meanings] == list(range(len(meanings)))


def test_the_layout_is_the_documented_one() -> None:
    steps = ("a", "b")
    assert decode(0, steps) == Action("select", step="a", difficulty="easy")
    assert decode(5, steps) == Action("select", step="b", difficulty="hard")
    assert [decode(6 + r, steps).rung for r in range(5)] == list(RUNGS)
    assert [decode(11 + c, steps).channel for c in range(3)] == list(CHANNELS)
    assert describe(steps)[4:7] == ["select b (standard)", "select b (hard)", "wait"]


def test_each_moment_has_its_actions() -> None:
    moments = [decode(action, ("a",)).moment for action in range(n_actions(1))]
    assert moments == ["select"] * len(DIFFICULTIES) + ["assist"] * len(RUNGS) + ["reengage"] * len(CHANNELS)
    assert set(moments) == set(MOMENTS) - {"none"}


@given(names, st.integers())
def test_numbers_outside_are_refused(steps: tuple[str, ...], action: int) -> None:
    most = n_actions(len(steps)) - 1
    if not 0 <= action <= most:
        with pytest.raises(ValueError, match=rf"action {action} is outside 0\.\.{most}"):
            decode(action, steps)


@pytest.mark.parametrize(
    "action",
    [
        Action("select", step="nowhere", difficulty="easy"),
        Action("select", step="a", difficulty="medium"),
        Action("select", step="a"),
        Action("assist", rung="shout"),
        Action("assist", channel="push"),
        Action("reengage", channel="pigeon"),
        Action("none"),
    ],
    ids=str,
)
def test_names_that_do_not_exist_are_refused(action: Action) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  tuple.index has no message of ours
        encode(action, ("a", "b"))
