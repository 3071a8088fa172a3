"""People drawn from a population are those that its files describe."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.birth import draw_persona
from journeys.draws import PURPOSE_PERSONA, nth_key, uniform, user_key
from personas.persona import PROBABILITIES, load_persona, load_population, mixture, shipped
from personas.traits import DISTRIBUTIONS, TRAIT_NAMES, draw_trait, draw_traits

N = 20_000
LEAST_P = 1e-4  # the draws are fixed by their seed, so these tests never flicker


def birth_key(user: int) -> np.uint64:
    """Key of a user's birth."""
    return np.uint64(nth_key(np.uint64(user_key(11, user)), -1))


def sampled(persona: str) -> np.ndarray:
    """Traits of `N` users of one persona, shape `(N, T)`."""
    people = mixture("one", {persona: 1.0}).people
    traits = np.empty((N, len(TRAIT_NAMES)))
    for user in range(N):
        draw_traits(people.distributions[0], people.a[0], people.b[0], birth_key(user), traits[user])
    return traits


def expected(trait: Any) -> Any:
    """The distribution that a persona file states, as a SciPy one over the value's logarithm, logit or itself."""
    if trait.distribution == "uniform":
        return stats.uniform(trait.a, trait.b - trait.a)
    median = np.log(trait.a) if trait.distribution == "lognormal" else np.log(trait.a / (1.0 - trait.a))
    return stats.norm(median, trait.b)


@pytest.mark.slow
@pytest.mark.parametrize("persona", shipped("persona"))
def test_traits_follow_their_stated_distribution(persona: str) -> None:
    traits = sampled(persona)
    for name, values in zip(TRAIT_NAMES, traits.T, strict=True):
        trait = load_persona(persona).traits[name]
        if trait.distribution == "fixed":
            assert (values == trait.a).all()
            continue
        scales = {"lognormal": np.log, "logitnormal": lambda v: np.log(v / (1.0 - v)), "uniform": lambda v: v}
        assert stats.kstest(scales[trait.distribution](values), expected(trait).cdf).pvalue > LEAST_P, name


@pytest.mark.slow
def test_traits_are_drawn_independently() -> None:
    traits = sampled("newcomer")
    varied = traits[:, np.ptp(traits, axis=0) > 0]
    correlations = np.corrcoef(stats.rankdata(varied, axis=0).T) - np.eye(varied.shape[1])
    assert np.abs(correlations).max() * np.sqrt(N) < 4.5


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped("population"))
def test_personas_come_in_their_proportions(name: str) -> None:
    population = load_population(name)
    drawn = [draw_persona(population.people, uniform(birth_key(user), PURPOSE_PERSONA)) for user in range(N)]
    counts = np.bincount(drawn, minlength=len(population.personas))
    shares = np.diff(population.people.cumulative, prepend=0.0)
    assert stats.chisquare(counts, shares * N).pvalue > LEAST_P


def test_weights_count_relative_to_each_other() -> None:
    one, other = mixture("a", {"newcomer": 3, "expert": 1}), mixture("b", {"newcomer": 0.6, "expert": 0.2})
    assert one.people.cumulative.tolist() == pytest.approx([0.75, 1.0])
    assert other.people.cumulative.tolist() == pytest.approx([0.75, 1.0])


@pytest.mark.parametrize(("u", "persona"), [(1e-9, 0), (0.7499, 0), (0.7501, 1), (1 - 1e-9, 1)])
def test_a_share_of_luck_is_a_persona(u: float, persona: int) -> None:
    assert draw_persona(mixture("a", {"newcomer": 3, "expert": 1}).people, u) == persona


@given(st.integers(0, 2**63), st.sampled_from(DISTRIBUTIONS), st.floats(0.001, 0.999), st.floats(0.0, 5.0))
def test_every_drawn_value_is_possible(key: int, distribution: str, a: float, spread: float) -> None:
    b = a + (1.0 - a) * spread / 5.0 if distribution == "uniform" else spread
    value = draw_trait(DISTRIBUTIONS.index(distribution), a, b, np.uint64(key), 144)
    assert 0.0 <= value < np.inf
    if distribution != "lognormal":
        assert value <= 1.0


def test_probabilities_are_traits() -> None:
    assert set(TRAIT_NAMES) >= PROBABILITIES
