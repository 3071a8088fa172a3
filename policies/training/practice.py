"""What a training practises on: every combination of the journeys, learner models and populations that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from agents.learners import Learner
from journeys.spec import Journey
from personas.persona import Population
from policies.training.env_group import Setting
from policies.training.random_journeys import random_journey

SEEDS_OF_JOURNEYS = 100_000  # random journeys of neighbouring training seeds lie so far apart


def of_one_journey(journey: Journey, learners: Sequence[Learner], people: Sequence[Population]) -> list[Setting]:
    """Every learner model with every population."""
    return [Setting(journey, population, learner) for learner, population in product(learners, people)]


def of_random_journeys(n: int, seed: int, learners: Sequence[Learner], people: Sequence[Population]) -> list[Setting]:
    """`n` journeys that nobody wrote, with learner models and populations in turn."""
    pairs = list(product(learners, people))
    journeys = (random_journey(seed * SEEDS_OF_JOURNEYS + i) for i in range(n))
    return [Setting(journey, *pairs[i % len(pairs)][::-1]) for i, journey in enumerate(journeys)]
