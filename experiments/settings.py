"""From Hydra's plain data to checked records: what every command shares."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from agents.learners import BINARY_MASTERY, Learner, journey_under
from envs.reward import RewardWeights
from journeys.faults import in_words
from journeys.loading import journey_from, load_journey
from journeys.spec import Journey
from personas.persona import Population, population_from

Record = TypeVar("Record")
Users = Annotated[int, Meta(ge=1)]
ComparedUsers = Annotated[int, Meta(ge=2)]  # one user has no spread, and so no interval
Seed = Annotated[int, Meta(ge=0, lt=2**32)]

HELD_OUT = 2**32  # seeds of training lie below: no training ever meets the people of an evaluation


class SettingsError(ValueError):
    """A setting that cannot be used: its name, what is wrong and the mend."""


class Problem(NamedTuple):
    """What is to be solved: a journey, the people who go through it and how they learn, and what counts as good."""

    journey: Journey
    population: Population
    weights: RewardWeights
    learner: Learner = BINARY_MASTERY


def problem_of(config: dict[str, Any]) -> Problem:
    """The journey, population and reward weights of a command's configuration.

    Raises `SettingsError`, `JourneyError` or `PersonaError`, each naming place and mend.
    """
    learner = fill(Learner, config["learner"], "learner")
    population = population_from(config["population"], f"conf/population/{config['population'].get('name')}.yaml")
    weights = fill(RewardWeights, config["env"], "env") if "env" in config else RewardWeights()
    return Problem(journey_under(journey_of(config), learner), population, weights, learner)


def journey_of(config: dict[str, Any]) -> Journey:
    """The journey of `journey_file` where that is set, otherwise of the group `journey`. Raises `JourneyError`."""
    if config["journey_file"] is not None:
        return load_journey(str(config["journey_file"]))
    return journey_from(config["journey"], f"conf/journey/{config['journey'].get('name')}.yaml")


def fill(kind: type[Record], values: dict[str, Any], place: str) -> Record:
    """Make a `kind` (a dataclass or struct) of `values`. Raises `SettingsError` that names the setting and the mend."""
    names = kind.__struct_fields__ if issubclass(kind, msgspec.Struct) else [f.name for f in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise SettingsError(f"{dotted(place, unknown[0])} is unknown. Mend: use one of {', '.join(names)}")
    try:
        record = msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        if "Mend: " in what:  # the record's own check of settings that contradict each other
            raise SettingsError(what) from None
        name = dotted(place, path.rstrip("`")) if path else place
        choices = choices_of(kind, path.rstrip("`"))
        if choices:
            raise SettingsError(f"{name}: {in_words(what, choices)}") from None
        raise SettingsError(f"{name}: {what}. Mend: see conf/ for its meaning and default") from None
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise SettingsError(f"{dotted(place, name)}: {value} is not finite. Mend: give a plain number such as 0.5")
    return record


def choices_of(kind: type, name: str) -> tuple[str, ...]:
    """The values that setting `name` of `kind` can take, where they are counted up."""
    hint = get_type_hints(kind).get(name)
    return get_args(hint) if get_origin(hint) is Literal else ()


def own_settings(kind: type[Record], config: dict[str, Any]) -> Record:
    """A command's settings beside its groups: those that the struct `kind` names. Raises `SettingsError`."""
    return fill(kind, {name: config[name] for name in kind.__struct_fields__}, "")  # type: ignore[attr-defined]


def dotted(place: str, name: str) -> str:
    """A setting's full name, as it is written on the command line."""
    return f"{place}.{name}" if place else name
