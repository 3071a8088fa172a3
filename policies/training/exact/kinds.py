"""Calm kinds: people whose whole hidden state is finite, so that what is best for them can be computed exactly.

A calm person differs from the shipped ones in what they never feel: they bear any setback (so neither frustration nor
motivation matters), never tire, never tire of a video, look at no peers and do what they are offered. Called away they
come back within two hours or not at all. What is left to know of them is who they are (their kind) and which skills
they have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from personas.persona import People, Population
from personas.traits import FIXED, TRAIT_NAMES, TRAITS

FREE = ("slip_odds", "motivation", "return_hours", "memory")  # finite whatever they are, or never read
ENDLESS_SESSION = 1e9  # minutes; finite because it becomes a whole number of milliseconds

CALM: Mapping[str, float] = {
    "slip_odds": 1.0,
    "pace": 1.0,  # of all: durations say nothing of who somebody is
    "patience": math.inf,
    "session_minutes": ENDLESS_SESSION,
    "attention": math.inf,
    "motivation": 1.0,
    "return_chance": 0.0,
    "return_hours": 1.0,
    "budget_minutes": 0.0,
    "personalise": 1.0,
    "push": 0.0,
    "email": 0.0,
    "memory": 1.0,
    "mobile": 0.0,
    "declares": 0.0,
    "exploration": 0.0,
    "sociability": 0.0,
}


class Kind(NamedTuple):
    """The traits in which calm people differ, as in `personas.traits`, and their `share` of the population."""

    share: float
    prior_odds: float
    learn_odds: float
    guess_odds: float
    hesitancy: float
    help_seeking: float
    autonomy: float
    habituation: float
    distraction: float


# Our choice, for contrast: whoever knows the kind decides otherwise. The steady profit from every further attempt at a
# hard step; the fleeting are gone unless they are through soon. The lost need help and are glad of it, the proud learn
# by themselves and resent it: neither asks, and until help is offered they look alike.
KINDS: Mapping[str, Kind] = {
    "steady": Kind(0.15, 0.4, 2.5, 1.0, 0.10, 0.05, 0.9, 0.9, 0.01),
    "lost": Kind(0.35, 0.10, 0.1, 0.15, 0.30, 0.00, 0.0, 0.0, 0.04),
    "proud": Kind(0.35, 0.10, 2.0, 0.15, 0.30, 0.00, 1.0, 1.0, 0.04),
    "fleeting": Kind(0.15, 5.0, 0.5, 1.0, 0.10, 0.02, 0.5, 0.5, 0.20),
}


def traits_of(kind: Kind) -> dict[str, float]:
    """All traits of a calm person of this kind."""
    return {**CALM, **{name: value for name, value in kind._asdict().items() if name != "share"}}


def calm_population(kinds: Mapping[str, Kind] = KINDS) -> Population:
    """A population of calm people, of each kind its share."""
    values = [traits_of(kind) for kind in kinds.values()]
    shares = np.array([kind.share for kind in kinds.values()])
    a = np.array([[traits[name] for name in TRAIT_NAMES] for traits in values])
    people = People(np.cumsum(shares / shares.sum()), np.full(a.shape, FIXED, np.int8), a, np.zeros_like(a))
    return Population("calm", tuple(kinds), people)


def traits_by_kind(population: Population) -> np.ndarray:
    """Traits `(P,)` TRAITS of each persona of a population in which nobody differs from their persona.

    Raises `ValueError` where a trait is drawn, or is not that of calm people.
    """
    people = population.people
    if (people.distributions != FIXED).any():
        raise ValueError(f"population {population.name!r}: a trait is drawn. Mend: give every trait a fixed value")
    for name, value in CALM.items():
        if name not in FREE and (people.a[:, TRAIT_NAMES.index(name)] != value).any():
            raise ValueError(f"population {population.name!r}: trait {name!r} is not {value}. Mend: as in CALM")
    records: np.ndarray = np.ascontiguousarray(people.a).view(TRAITS).reshape(-1).view(np.recarray)
    return records
