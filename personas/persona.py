"""Personas (distributions over traits) and populations (weighted mixtures of personas), from YAML to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from journeys.faults import fault_from, nearest, split
from journeys.source import Source, SourceError, read_source
from personas.traits import DISTRIBUTIONS, TRAIT_NAMES

PROBABILITIES = {"hesitancy", "help_seeking", "autonomy", "habituation", "motivation", "return_chance"}
PROBABILITIES |= {"personalise", "push", "email", "distraction", "mobile", "declares", "exploration", "sociability"}
ABOVE_ZERO = {"prior_odds", "learn_odds", "slip_odds", "guess_odds", "pace", "patience"}
ABOVE_ZERO |= {"session_minutes", "return_hours", "memory", "attention"}
WIDEST = 5.0  # standard deviation of a logarithm or logit: factors of 150 either way are common at this spread
Value = Annotated[float, Meta(ge=0.0, le=10_000.0)]  # traits are ratios, probabilities, minutes or hours
Name = Annotated[str, Meta(min_length=1, max_length=128)]  # as long as a bundle may carry
Weight = Annotated[float, Meta(gt=0.0, le=1e6)]


class PersonaError(ValueError):
    """A persona or population that cannot be used: where it is wrong and how to mend it."""


class Trait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Distribution of one trait, and why it is so. `a` and `b` are explained in `traits.draw_trait`."""

    distribution: Literal["fixed", "uniform", "lognormal", "logitnormal"]
    a: Value
    source: Annotated[str, Meta(min_length=8)]
    b: Value = 0.0


class Persona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of user: a distribution for every trait."""

    name: Name
    summary: str
    traits: dict[str, Trait]


class PopulationSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mixture: persona names with positive weights."""

    name: str
    summary: str
    weights: dict[str, Weight]


Record = TypeVar("Record", Persona, PopulationSpec)


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


def shipped(group: str) -> list[str]:
    """Names of the files in a group of `conf/`."""
    folder = resources.files("conf").joinpath(group)
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read(group: str, name_or_path: str) -> Source:
    """The file of a shipped name, or of a path ending in .yaml. Raises `PersonaError`."""
    path = Path(name_or_path)
    try:
        if path.suffix in {".yaml", ".yml"}:
            return read_source(path.read_bytes(), str(path))
        if name_or_path not in shipped(group):
            raise PersonaError(f"no {group} called {name_or_path!r}. Mend: {nearest(name_or_path, shipped(group))}")
        text = resources.files("conf").joinpath(group, f"{name_or_path}.yaml").read_bytes()
        return read_source(text, f"conf/{group}/{name_or_path}.yaml")
    except OSError as error:
        raise PersonaError(f"{path}: cannot be read: {error.strerror}. Mend: give the path of a {group} file") from None
    except SourceError as error:
        raise PersonaError(str(error)) from None


def load_persona(name_or_path: str) -> Persona:
    """Load and validate a persona. Raises `PersonaError` that names file, line, trait and mend."""
    return persona_of(read("persona", name_or_path))


def persona_of(source: Source) -> Persona:
    """Validate a source into a persona. Raises `PersonaError`."""
    persona = convert(source, Persona)
    for name in persona.traits:
        if name not in TRAIT_NAMES:  # said first: a name misspelt is one missing, too
            place = source.place(f"traits.{name}")
            raise PersonaError(f"{place}: trait {name!r} is unknown. Mend: {nearest(name, TRAIT_NAMES)}")
    for name in TRAIT_NAMES:
        if name not in persona.traits:
            raise PersonaError(f"{source.place('traits')}: trait {name!r} is missing. Mend: add it with its source")
    for name, trait in persona.traits.items():
        check_trait(source.place(f"traits.{name}"), name, trait)
    return persona


def convert(source: Source, kind: type[Record]) -> Record:
    """Plain data into a persona or a population. Raises `PersonaError` in words."""
    if not isinstance(source.data, dict):
        keys = ", ".join(kind.__struct_fields__)
        raise PersonaError(f"{source.where}: not a mapping of keys to values. Mend: write its {keys}")
    try:
        return msgspec.convert(source.data, kind)
    except msgspec.ValidationError as error:
        path = named(str(error), source)
        inside = Trait if path.startswith("traits.") else kind
        fault = fault_from(str(error), inside.__struct_fields__, DISTRIBUTIONS)
        owner = f"in {path!r}: " if path else ""
        raise PersonaError(f"{source.place(path)}: {owner}{fault.complaint}") from None


def named(message: str, source: Source) -> str:
    """The path of a msgspec message with the key of a mapping, which msgspec leaves out (`[...]`), put back."""
    path = split(message)[1]
    group, dots, rest = path.partition("[...]")
    if not dots:
        return path
    parts = {"traits": dict[str, Trait], "weights": dict[str, Weight]}
    for key, value in source.data[group].items():
        try:
            msgspec.convert({key: value}, parts[group])
        except msgspec.ValidationError:
            return f"{group}.{key}{rest}"
    return path


def check_trait(place: str, name: str, trait: Trait) -> None:
    """A trait's values stay in its range whatever is drawn. Raises `PersonaError`."""

    def refuse(fault: str, mend: str) -> NoReturn:
        raise PersonaError(f"{place}: trait {name!r}: {fault}. Mend: {mend}")

    if trait.distribution == "logitnormal" and not 0.0 < trait.a < 1.0:
        refuse(f"the median of a logitnormal lies strictly between 0 and 1, not at {trait.a}", "correct key 'a'")
    if trait.distribution == "lognormal" and trait.a <= 0.0:
        refuse("the median of a lognormal is above 0", "correct key 'a', or use fixed")
    if trait.distribution in {"lognormal", "logitnormal"} and trait.b > WIDEST:
        refuse(f"a spread of {trait.b} is beyond any people", f"keep key 'b' within {WIDEST:g}, in logarithms")
    if trait.distribution == "uniform" and trait.b < trait.a:
        refuse(f"a uniform goes from a to b, and {trait.b} is below {trait.a}", "swap keys 'a' and 'b'")
    if trait.distribution == "fixed" and trait.b != 0.0:
        refuse("a fixed value has no spread", "remove key 'b', or choose another distribution")
    ends = (trait.a, trait.b) if trait.distribution == "uniform" else (trait.a,)
    if name in PROBABILITIES and max(ends) > 1.0:
        refuse("its values leave [0, 1]", "give probabilities, not per cents")
    if name in PROBABILITIES and trait.distribution == "lognormal":
        refuse("a lognormal exceeds 1", "use logitnormal, uniform or fixed")
    if name in ABOVE_ZERO and min(ends) <= 0.0:
        refuse("it must stay above 0", "correct key 'a'")


def load_population(name_or_path: str) -> Population:
    """Load a population with all its personas. Raises `PersonaError`."""
    return population_of(read("population", name_or_path))


def population_from(raw: Any, where: str) -> Population:
    """Validate plain data that was not read from a file into a population. Raises `PersonaError`."""
    return population_of(Source(where, raw, {}))


def population_of(source: Source) -> Population:
    """Validate a source into a population. Raises `PersonaError`."""
    spec = convert(source, PopulationSpec)
    if not spec.weights:
        raise PersonaError(f"{source.place('weights')}: key 'weights' is empty. Mend: name at least one persona")
    named_by: dict[str, str] = {}
    for persona in spec.weights:
        place = source.place(f"weights.{persona}")
        try:
            name = load_persona(persona).name
        except PersonaError as error:
            raise PersonaError(f"{place}: {error}") from None
        if named_by.setdefault(name, persona) != persona:
            raise PersonaError(
                f"{place}: in 'weights.{persona}': its 'name' is {name!r}, as that of {named_by[name]!r} is. "
                "Mend: give each persona file a 'name' of its own"
            )
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
