"""Quantiles of a trait are those of the draws that its distribution makes, and of SciPy's distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from journeys.draws import nth_key, user_key
from personas.persona import Trait
from personas.quantiles import quantile
from personas.traits import DISTRIBUTIONS, draw_trait

TRAITS = [
    Trait("uniform", 2.0, "made up here", 5.0),
    Trait("lognormal", 3.0, "made up here", 0.7),
    Trait("logitnormal", 0.2, "made up here", 0.9),
]


def drawn(trait: Trait, n: int) -> np.ndarray:
    """`n` values of a trait, drawn as users' traits are."""
    code = DISTRIBUTIONS.index(trait.distribution)
    keys = (np.uint64(nth_key(np.uint64(user_key(5, user)), -1)) for user in range(n))
    return np.array([draw_trait(code, trait.a, trait.b, key, 144) for key in keys])


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.distribution)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_so_many_draws_lie_below(trait: Trait, share: float) -> None:
    n = 4_000
    below = int((drawn(trait, n) < quantile(trait, share)).sum())
    assert stats.binomtest(below, n, share).pvalue > 1e-3  # the draws are fixed by their seed


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
def test_closed_forms(share: float) -> None:
    uniform, lognormal, logitnormal = TRAITS
    assert quantile(uniform, share) == pytest.approx(stats.uniform(2.0, 3.0).ppf(share))
    assert quantile(lognormal, share) == pytest.approx(stats.lognorm(s=0.7, scale=3.0).ppf(share))
    logit = stats.norm(np.log(0.2 / 0.8), 0.9).ppf(share)
    assert quantile(logitnormal, share) == pytest.approx(1.0 / (1.0 + np.exp(-logit)))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_all_users_have_a_fixed_value(value: float, share: float) -> None:
    assert quantile(Trait("fixed", value, "made up here"), share) == value


@given(st.sampled_from(TRAITS), st.floats(0.01, 0.98))
def test_quantiles_rise(trait: Trait, share: float) -> None:
    assert quantile(trait, share) < quantile(trait, share + 0.01)
