"""The two signals are what the observation page says: its numbers, read back, give the compiled functions' values."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.signals import WEEK_SECONDS, engagement, struggle

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "observation.md").read_text(encoding="utf-8")
shares = st.floats(0.0, 1.0)


def documented_engagement(
    success: float, hesitation: float, giving_up: float, acceptance: float, weeks: float
) -> float:
    """The formula on the page, with the page's numbers."""
    formula = re.search(
        r"\*\*engagement\*\* = ([\d.]+) success_rate \+ ([\d.]+) \(1 - hesitation\) \+ ([\d.]+) \(1 - giving_up\) "
        r"\+ ([\d.]+) acceptance, halved for each week",
        PAGE,
    )
    assert formula is not None
    signs = (success, 1.0 - hesitation, 1.0 - giving_up, acceptance)
    return sum(float(weight) * sign for weight, sign in zip(formula.groups(), signs, strict=True)) * 0.5**weeks


def documented_struggle(fails: int, hesitation: float, backtracking: float, lateness: float, asking: float) -> float:
    """The table on the page, with the page's numbers."""
    table = PAGE.split("| sign | weight |", 1)[1].split("\n\n", 1)[0]
    weights = [float(number) for number in re.findall(r"\| ([\d.]+) \|$", table, re.MULTILINE)]
    saturation = re.search(r"failed attempts in a row in this visit / (\d+), at most 1", table)
    assert saturation is not None
    signs = (min(1.0, fails / int(saturation[1])), hesitation, backtracking, lateness, asking)
    return 1.0 - prod(1.0 - weight * sign for weight, sign in zip(weights, signs, strict=True))


def test_engagement_of_an_example() -> None:
    """.3 x 1 + .3 x .5 + .25 x .8 + .15 x .4 = .71, halved after a week."""
    assert engagement(1.0, 0.5, 0.2, 0.4, WEEK_SECONDS) == pytest.approx(0.355)


def test_struggle_of_an_example() -> None:
    """Two of three fails, asking: 1 - (1 - .6 x 2/3) (1 - .5) = .7."""
    assert struggle(2.0, 0.0, 0.0, 0.0, 1.0) == pytest.approx(0.7)


@given(shares, shares, shares, shares, st.floats(0.0, 10.0))
def test_engagement_is_the_documented_formula(
    success: float, hesitation: float, giving_up: float, acceptance: float, weeks: float
) -> None:
    value = engagement(success, hesitation, giving_up, acceptance, weeks * WEEK_SECONDS)
    assert value == pytest.approx(documented_engagement(success, hesitation, giving_up, acceptance, weeks))
    assert 0.0 <= value <= 1.0 + 1e-12


@given(st.integers(0, 9), shares, shares, shares, st.sampled_from([0.0, 1.0]))
def test_struggle_is_the_documented_table(
    fails: int, hesitation: float, backtracking: float, lateness: float, asking: float
) -> None:
    value = struggle(float(fails), hesitation, backtracking, lateness, asking)
    assert value == pytest.approx(documented_struggle(fails, hesitation, backtracking, lateness, asking))
    assert 0.0 <= value <= 1.0
