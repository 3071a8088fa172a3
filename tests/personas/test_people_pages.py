"""The pages on personas and behaviour name every trait, persona, population and constant that the code has."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from agents import behavior, birth, feelings, learner, offers, sessions, timing, watching
from journeys import knowledge
from personas.persona import load_persona, load_population, population_from, read, shipped
from personas.traits import DISTRIBUTIONS, TRAIT_MEANINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PERSONAS, BEHAVIOUR = (DOCS / "personas.md").read_text(), (DOCS / "behaviour.md").read_text()
NUMBERS = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", BEHAVIOUR)}
UNITS = {"HOUR_MS", "MINUTE_MS", "MINUTE_S", "MS"}
MODULES = (behavior, birth, feelings, learner, offers, sessions, timing, watching, knowledge)


def constants(module: Any) -> list[tuple[str, float]]:
    """Real-valued constants of a module, tuples taken apart; 1 changes nothing and need not be told."""
    named = [(name, value) for name, value in vars(module).items() if name.isupper() and name not in UNITS]
    pairs = chain.from_iterable(
        [(name, v) for v in (value if isinstance(value, tuple) else (value,))] for name, value in named
    )
    return [(name, abs(value)) for name, value in pairs if isinstance(value, float) and value not in {0.0, 1.0}]


@pytest.mark.parametrize(("trait", "meaning"), TRAIT_MEANINGS.items())
def test_every_trait_is_explained(trait: str, meaning: str) -> None:
    assert f"| `{trait}` | {meaning} |" in PERSONAS


@pytest.mark.parametrize("trait", sorted(set(TRAIT_MEANINGS) - {"budget_minutes", "personalise", "push", "email"}))
def test_every_trait_has_an_effect_told(trait: str) -> None:
    assert f"`{trait}`" in BEHAVIOUR


@pytest.mark.parametrize("name", [*shipped("persona"), *shipped("population"), *DISTRIBUTIONS])
def test_every_file_and_distribution_is_named(name: str) -> None:
    assert f"| `{name}` |" in PERSONAS


@pytest.mark.parametrize(("name", "value"), sorted(set(chain.from_iterable(map(constants, MODULES)))))
def test_every_constant_is_told(name: str, value: float) -> None:
    """A constant that changes has to change on the page too (per cents count as shares)."""
    assert value in NUMBERS or round(100 * value, 6) in NUMBERS


CITATION = re.compile(r"([A-Z][\w-]+(?:, [A-Z]\w+)*(?: et al\.| and [A-Z]\w+)?) (1[89]\d\d|20\d\d)")


def citations() -> set[tuple[str, str]]:
    """First author (or vendor) and year of everything that a persona file cites."""
    sources = [trait.source for name in shipped("persona") for trait in load_persona(name).traits.values()]
    return {(re.split(r"[ ,]", who)[0], year) for source in sources for who, year in CITATION.findall(source)}


@pytest.mark.parametrize(("author", "year"), sorted(citations()))
def test_every_source_is_on_the_page(author: str, year: str) -> None:
    rows = [line for line in PERSONAS.splitlines() if line.startswith("| ") and author in line and year in line]
    assert rows, f"{author} {year} is cited in conf/persona, and the page does not say what for"


@pytest.mark.parametrize("name", shipped("population"))
def test_the_mixtures_are_those_of_the_files(name: str) -> None:
    """Every share that the table states, and every persona that it names, is in the file, and none is left out."""
    row = next(line for line in PERSONAS.splitlines() if line.startswith(f"| `{name}` |")).split("|")[2]
    population = load_population(name)
    shares = np.round(np.diff(population.people.cumulative, prepend=0.0), 6)
    words = {"half": 0.5, "quarter": 0.25}
    stated = {float(number) for number in re.findall(r"\d\.\d+", row)} | {words[w] for w in words if w in row}
    assert stated == set(shares.tolist())
    assert set(re.findall(r"`(\w+)`", row)) == set(population.personas)


def test_the_examples_are_those_of_the_files() -> None:
    trait, population = re.findall(r"```yaml\n(.*?)```", PERSONAS, re.DOTALL)
    assert yaml.safe_load(trait)["patience"] == read("persona", "newcomer").data["traits"]["patience"]
    shown = population_from(yaml.safe_load(population), "docs/personas.md")
    assert shown.people.cumulative.tolist() == load_population("mixed").people.cumulative.tolist()
