"""The normal quantile function against SciPy's, over the whole range that a draw can reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from journeys.normal_quantile import CENTRE, normal_quantile

SMALLEST_DRAW = 2.0**-54  # half a unit in the last place: the smallest uniform there is


@given(st.floats(SMALLEST_DRAW, 1.0 - 2.0**-53))
def test_equals_scipy(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(ndtri(p), rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("seam", [0.5 - CENTRE, 0.5 + CENTRE, np.exp(-25.0), 1.0 - np.exp(-25.0)])
def test_the_pieces_meet(seam: float) -> None:
    below, above = np.nextafter(seam, 0.0), np.nextafter(seam, 1.0)
    assert normal_quantile(below) == pytest.approx(normal_quantile(above), abs=1e-4)
    assert normal_quantile(seam * 0.999) < normal_quantile(seam)


@given(st.floats(SMALLEST_DRAW, 0.5))
def test_odd_about_the_middle(p: float) -> None:
    if 1.0 - (1.0 - p) == p:  # only where the mirror image is a double
        assert normal_quantile(1.0 - p) == -normal_quantile(p)
