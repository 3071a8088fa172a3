"""Personas (distributions over traits) and populations (weighted mixtures of personas), from YAML to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import yaml
from msgspec import Meta

from personas.traits import DISTRIBUTIONS, TRAIT_NAMES

PROBABILITIES = {"hesitancy", "help_seeking", "autonomy", "habituation", "motivation", "return_chance"}
PROBABILITIES |= {"personalise", "push", "email"}


class PersonaError(ValueError):
    """A persona or population that cannot be used: where it is wrong and how to mend it."""


class Trait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Distribution of one trait, and why it is so. `a` and `b` are explained in `traits.draw_trait`."""

    distribution: Literal["fixed", "uniform", "lognormal", "logitnormal"]
    a: float
    source: Annotated[str, Meta(min_length=8)]
    b: float = 0.0


class Persona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of user: a distribution for every trait."""

    name: str
    summary: str
    traits: dict[str, Trait]


class PopulationSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mixture: persona names with positive weights."""

    name: str
    summary: str
    weights: dict[str, Annotated[float, Meta(gt=0.0)]]


class People(NamedTuple):
    """A population as arrays: `cumulative` `(P,)` weights, and `(P, T)` distribution codes and parameters."""

    cumulative: np.ndarray
    distributions: np.ndarray
    a: np.ndarray
    b: np.ndarray


class Population(NamedTuple):
    """A population ready to sample: its name, its persona names and its arrays."""

    name: str
    personas: tuple[str, ...]
    people: People


def read_conf(group: str, name: str) -> Any:
    """Plain data of `conf/<group>/<name>.yaml`. Raises `PersonaError` where there is no such file."""
    folder = resources.files("conf").joinpath(group)
    resource = folder.joinpath(f"{name}.yaml")
    if not resource.is_file():
        known = ", ".join(shipped(group))
        raise PersonaError(f"no {group} called {name!r}. Mend: use one of {known}, or give a file's path")
    return yaml.safe_load(resource.read_text(encoding="utf-8"))


def shipped(group: str) -> list[str]:
    """Names of the files in a group of `conf/`."""
    return sorted(f.name.removesuffix(".yaml") for f in resources.files("conf").joinpath(group).iterdir())


def read(group: str, name_or_path: str) -> tuple[Any, str]:
    """Plain data and its place, from a shipped name or a path ending in .yaml."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        return read_conf(group, name_or_path), f"conf/{group}/{name_or_path}.yaml"
    if not path.is_file():
        raise PersonaError(f"{path}: no such file")
    return yaml.safe_load(path.read_text(encoding="utf-8")), str(path)


def load_persona(name_or_path: str) -> Persona:
    """Load and validate a persona. Raises `PersonaError` that names file, trait and mend."""
    raw, where = read("persona", name_or_path)
    try:
        persona = msgspec.convert(raw, Persona)
    except msgspec.ValidationError as error:
        raise PersonaError(f"{where}: {error}. Mend: see docs/personas.md for a persona's fields") from None
    for name in sorted(set(TRAIT_NAMES) ^ set(persona.traits)):
        fault = "is missing. Mend: add it with its source" if name in TRAIT_NAMES else "is unknown. Mend: remove it"
        raise PersonaError(f"{where}: trait {name!r} {fault}")
    for name, trait in persona.traits.items():
        check_trait(where, name, trait)
    return persona


def check_trait(where: str, name: str, trait: Trait) -> None:
    """A trait's values stay in its range whatever is drawn. Raises `PersonaError`."""
    place = f"{where}: trait {name!r}"
    if trait.distribution == "logitnormal" and not 0.0 < trait.a < 1.0:
        raise PersonaError(f"{place}: the median of a logitnormal lies strictly between 0 and 1, not at {trait.a}")
    ends = (trait.a, trait.b) if trait.distribution == "uniform" else (trait.a,)
    if min(ends) < 0.0 or (name in PROBABILITIES and max(ends) > 1.0):
        raise PersonaError(f"{place}: values leave their range. Mend: keep them within [0, 1], times and odds above 0")
    if name in PROBABILITIES and trait.distribution == "lognormal":
        raise PersonaError(f"{place}: a lognormal exceeds 1. Mend: use logitnormal, uniform or fixed")
    if trait.b < 0.0:
        raise PersonaError(f"{place}: key 'b' is a spread or an upper end and cannot be negative")


def load_population(name_or_path: str) -> Population:
    """Load a population with all its personas. Raises `PersonaError`."""
    raw, where = read("population", name_or_path)
    return population_from(raw, where)


def population_from(raw: Any, where: str) -> Population:
    """Validate plain data into a population. Raises `PersonaError`."""
    try:
        spec = msgspec.convert(raw, PopulationSpec)
    except msgspec.ValidationError as error:
        raise PersonaError(f"{where}: {error}. Mend: a population has name, summary and weights above 0") from None
    return mixture(spec.name, spec.weights)


def mixture(name: str, weights: Mapping[str, float]) -> Population:
    """A population of the named personas in these proportions."""
    personas = [load_persona(persona) for persona in weights]
    total = sum(weights.values())
    rows = [[persona.traits[trait] for trait in TRAIT_NAMES] for persona in personas]
    people = People(
        cumulative=np.cumsum([weight / total for weight in weights.values()]),
        distributions=np.array([[DISTRIBUTIONS.index(t.distribution) for t in row] for row in rows], np.int8),
        a=np.array([[t.a for t in row] for row in rows]),
        b=np.array([[t.b for t in row] for row in rows]),
    )
    return Population(name, tuple(persona.name for persona in personas), people)
