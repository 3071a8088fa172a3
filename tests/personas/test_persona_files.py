"""Persona and population files: the shipped ones are sound and sourced, and wrong ones are refused in words."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from journeys.source import Source
from personas.persona import PersonaError, load_persona, load_population, persona_of, population_from, read, shipped
from personas.traits import TRAIT_NAMES

SOURCE = "our choice"


def newcomer() -> dict[str, Any]:
    return copy.deepcopy(read("persona", "newcomer").data)


def complaint_about(raw: Any, tmp_path: Path) -> str:
    """The error of a persona file with this content."""
    path = tmp_path / "someone.yaml"
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(PersonaError) as caught:
        load_persona(str(path))
    assert str(caught.value).startswith(f"{path}, line ")
    assert "Mend: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", shipped("persona"))
def test_shipped_personas_have_every_trait_with_its_source(name: str) -> None:
    persona = load_persona(name)
    assert persona.name == name
    assert set(persona.traits) == set(TRAIT_NAMES)
    assert all(len(trait.source) > 20 for trait in persona.traits.values())


@pytest.mark.parametrize("name", shipped("population"))
def test_shipped_populations_are_mixtures_of_shipped_personas(name: str) -> None:
    population = load_population(name)
    assert population.name == name
    assert set(population.personas) <= set(shipped("persona"))
    assert population.people.cumulative[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("trait", "value", "says"),
    [
        ("pace", None, "in 'traits.pace': must be a mapping"),
        ("pace", {"distribution": "normal", "a": 1, "source": SOURCE}, "Mend: did you mean 'lognormal'"),
        ("pace", {"distribution": "fixed", "a": "1", "source": SOURCE}, "in 'traits.pace.a': must be a number"),
        ("pace", {"distribution": "fixed", "a": True, "source": SOURCE}, "in 'traits.pace.a': must be a number"),
        ("pace", {"distribution": "fixed", "a": float("nan"), "source": SOURCE}, "in 'traits.pace.a'"),
        ("pace", {"distribution": "fixed", "a": 1}, "key 'source' is missing"),
        ("pace", {"distribution": "fixed", "a": 1, "source": "?"}, "must have at least 8 characters"),
        ("pace", {"distribution": "fixed", "a": 1, "sd": 2, "source": SOURCE}, "key 'sd' is unknown"),
        ("pace", {"distribution": "fixed", "a": 0, "source": SOURCE}, "trait 'pace': it must stay above 0"),
        ("pace", {"distribution": "fixed", "a": 1, "b": 0.1, "source": SOURCE}, "a fixed value has no spread"),
        ("pace", {"distribution": "lognormal", "a": 1, "b": 6, "source": SOURCE}, "a spread of 6.0 is beyond any"),
        ("pace", {"distribution": "uniform", "a": 2, "b": 1, "source": SOURCE}, "swap keys 'a' and 'b'"),
        ("pace", {"distribution": "uniform", "a": 0, "b": 1, "source": SOURCE}, "it must stay above 0"),
        ("push", {"distribution": "fixed", "a": 55, "source": SOURCE}, "give probabilities, not per cents"),
        ("push", {"distribution": "lognormal", "a": 0.5, "b": 1, "source": SOURCE}, "a lognormal exceeds 1"),
        ("push", {"distribution": "logitnormal", "a": 1, "source": SOURCE}, "strictly between 0 and 1"),
        ("pce", {"distribution": "fixed", "a": 1, "source": SOURCE}, "is unknown. Mend: did you mean 'pace'"),
    ],
)  # fmt: skip
def test_a_wrong_trait_is_named_with_its_mend(trait: str, value: Any, says: str, tmp_path: Path) -> None:
    raw = newcomer()
    raw["traits"][trait] = value
    assert says in complaint_about(raw, tmp_path)


def test_a_missing_trait_is_named(tmp_path: Path) -> None:
    raw = newcomer()
    del raw["traits"]["patience"]
    assert "trait 'patience' is missing" in complaint_about(raw, tmp_path)


def test_a_misspelt_trait_is_called_unknown_rather_than_missing(tmp_path: Path) -> None:
    raw = newcomer()
    raw["traits"]["pacience"] = raw["traits"].pop("patience")
    assert "trait 'pacience' is unknown. Mend: did you mean 'patience'?" in complaint_about(raw, tmp_path)


@pytest.mark.parametrize("key", ["name", "summary", "traits"])
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    raw = newcomer()
    del raw[key]
    assert f"key '{key}' is missing" in complaint_about(raw, tmp_path)


@pytest.mark.parametrize("raw", [None, [], "newcomer", 3])
def test_what_is_no_mapping_is_refused(raw: Any) -> None:
    with pytest.raises(PersonaError, match="here: not a mapping"):
        persona_of(Source("here", raw, {}))


def test_a_trait_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("name: twice\nsummary: x\ntraits:\n  pace: 1\n  pace: 2\n")
    with pytest.raises(PersonaError, match=r"twice\.yaml, line 5: key 'pace' in 'traits' is used twice"):
        load_persona(str(path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": {"newcomer": 0}}, "in 'weights.newcomer': must be above 0"),
        ({"weights": {"newcomer": "half"}}, "in 'weights.newcomer': must be a number"),
        ({"weights": {"newcommer": 1}}, "no persona called 'newcommer'. Mend: did you mean 'newcomer'"),
        ({"weights": {}}, "key 'weights' is empty"),
        ({"weight": {"newcomer": 1}}, "key 'weight' is unknown. Mend: did you mean 'weights'"),
    ],
    ids=str,
)
def test_a_wrong_population_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(PersonaError) as caught:
        population_from({"name": "some", "summary": "x", "weights": {"newcomer": 1}} | change, "here.yaml")
    assert str(caught.value).startswith("here.yaml: ")
    assert says in str(caught.value)


def test_personas_of_one_name_are_refused(tmp_path: Path) -> None:
    """Metrics by persona, and the head that predicts the persona, know them by name alone."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump(newcomer() | {"summary": "mine"}))
    with pytest.raises(
        PersonaError, match=r"in 'weights\..*mine\.yaml': its 'name' is 'newcomer', as that of 'newcomer' is\. Mend: "
    ):
        population_from({"name": "some", "summary": "x", "weights": {"newcomer": 1, str(mine): 1}}, "here.yaml")


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_name_that_no_bundle_could_carry_is_refused(name: str, tmp_path: Path) -> None:
    assert "in 'name'" in complaint_about(newcomer() | {"name": name}, tmp_path)


def test_unknown_names_and_missing_files() -> None:
    with pytest.raises(PersonaError, match=r"no persona called 'exprt'\. Mend: did you mean 'expert'"):
        load_persona("exprt")
    with pytest.raises(PersonaError, match=r"nobody\.yaml: cannot be read: No such file.*Mend: give the path"):
        load_population("nobody.yaml")
