"""Every journey, persona and population file that ships can be loaded and used."""

from __future__ import annotations

import numpy as np
import pytest

from envs.vector import OnboardingVectorEnv
from journeys.loading import load_journey, shipped
from journeys.plan import compile_plan
from personas.persona import load_persona, load_population
from personas.persona import shipped as shipped_people
from personas.traits import TRAIT_NAMES
from tests.envs.lives import legal_picks


@pytest.mark.parametrize("name", shipped())
def test_journeys(name: str) -> None:
    journey = load_journey(name)
    assert journey.name == name
    assert len(compile_plan(journey).steps) == len(journey.steps)


@pytest.mark.parametrize("name", shipped_people("persona"))
def test_personas(name: str) -> None:
    persona = load_persona(name)
    assert persona.name == name
    assert tuple(persona.traits) == TRAIT_NAMES, "traits stand in the same order in every file"
    assert all(trait.source for trait in persona.traits.values())


@pytest.mark.parametrize("journey", shipped())
@pytest.mark.parametrize("name", shipped_people("population"))
def test_populations_live_in_every_journey(name: str, journey: str) -> None:
    population = load_population(name)
    assert population.name == name
    assert population.people.cumulative[-1] == pytest.approx(1.0)
    env = OnboardingVectorEnv(load_journey(journey), population, 200)
    _, info = env.reset(seed=1)
    assert set(np.unique(info["persona"])) == set(range(len(population.personas)))
    for _ in range(5):
        _, rewards, _, _, info = env.step(legal_picks(info["action_mask"], info["event_key"]))
        assert np.isfinite(rewards).all()


def test_three_personas_two_journeys_and_a_mixture_ship() -> None:
    assert {"tiny", "saas"} <= set(shipped())
    assert {"newcomer", "expert", "anxious"} <= set(shipped_people("persona"))
    assert set(load_population("mixed").personas) == {"newcomer", "expert", "anxious"}
