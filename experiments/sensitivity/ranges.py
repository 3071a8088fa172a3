"""Between which values each trait is varied: as far as the users of the shipped personas differ in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.settings import SettingsError
from personas.persona import ABOVE_ZERO, People, Persona, load_persona, shipped
from personas.quantiles import quantile
from personas.traits import DISTRIBUTIONS, TRAIT_NAMES

LOW, HIGH = 0.1, 0.9  # quantiles over users, personas in equal parts: four in five are between them
GRID = [(i + 0.5) / 200 for i in range(200)]  # ranks at which each persona's distribution is read


class Range(NamedTuple):
    """A trait's median goes from `low` to `high`, evenly on the scale of its logarithm where that is `logarithmic`."""

    trait: str
    low: float
    high: float
    logarithmic: bool

    def at(self, shares: np.ndarray) -> np.ndarray:
        """The values that lie `shares` `(n,)` of the way from low to high."""
        if self.logarithmic:
            return np.asarray(self.low * (self.high / self.low) ** shares)
        return np.asarray(self.low + (self.high - self.low) * shares)


def trait_ranges() -> tuple[Range, ...]:
    """The ranges of all traits in which users of the shipped personas, in equal parts, differ."""
    personas = [load_persona(name) for name in shipped("persona")]
    found = []
    for name in TRAIT_NAMES:
        values = [quantile(persona.traits[name], share) for persona in personas for share in GRID]
        low, high = np.quantile(values, [LOW, HIGH])
        if low < high:
            found.append(Range(name, float(low), float(high), name in ABOVE_ZERO))
    return tuple(found)


def check_base(persona: Persona, ranges: tuple[Range, ...]) -> None:
    """A median can be set only where the distribution has one as its parameter. Raises `SettingsError`."""
    for span in ranges:
        if persona.traits[span.trait].distribution == "uniform":
            raise SettingsError(
                f"base: trait {span.trait!r} of {persona.name!r} is uniform. "
                "Mend: give it as fixed, lognormal or logitnormal, which have a median to vary"
            )


def people_at(persona: Persona, ranges: tuple[Range, ...], shares: np.ndarray) -> People:
    """Users like `persona` but for the medians of the traits in `ranges`, each `shares` `(d,)` of the way.

    Spreads stay the persona's own.
    """
    base = [persona.traits[name] for name in TRAIT_NAMES]
    people = People(
        cumulative=np.ones(1),
        distributions=np.array([[DISTRIBUTIONS.index(trait.distribution) for trait in base]], np.int8),
        a=np.array([[trait.a for trait in base]]),
        b=np.array([[trait.b for trait in base]]),
    )
    for span, share in zip(ranges, shares, strict=True):
        people.a[0, TRAIT_NAMES.index(span.trait)] = span.at(share)
    return people
