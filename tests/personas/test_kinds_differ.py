"""The shipped personas are kinds of users and not shades of one: they differ, and in what sets them apart."""

import itertools
import math

import pytest

from personas.persona import Persona, Trait, load_persona, load_population, shipped
from personas.quantiles import quantile
from personas.traits import TRAIT_NAMES

PERSONAS = {name: load_persona(name) for name in shipped("persona")}
SHARES = {name for name in TRAIT_NAMES if PERSONAS["newcomer"].traits[name].distribution == "logitnormal"}
SHARES |= {"personalise", "push", "email", "declares"}
MARGIN_OF_RATIOS = 1.25  # a factor between medians that shows in behaviour: a quarter more time, setbacks or odds
MARGIN_OF_SHARES = 0.10  # a difference between medians of probabilities that shows among a few hundred users
FEWEST = 3  # traits in which any two personas differ by that much


def median(persona: Persona, trait: str) -> float:
    """What half of the persona's users lie below."""
    return quantile(persona.traits[trait], 0.5)


def differ(one: Persona, other: Persona) -> set[str]:
    """Traits in which two personas differ by more than the margin of their kind."""
    found = set()
    for name in TRAIT_NAMES:
        a, b = median(one, name), median(other, name)
        apart = abs(a - b) > MARGIN_OF_SHARES if name in SHARES else max(a, b) > MARGIN_OF_RATIOS * min(a, b)
        found |= {name} if apart else set()
    return found


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(PERSONAS, 2)))
def test_any_two_personas_differ_in_several_traits(one: str, other: str) -> None:
    assert len(differ(PERSONAS[one], PERSONAS[other])) >= FEWEST


@pytest.mark.parametrize(
    ("name", "trait", "factor"),
    [
        ("expert", "prior_odds", 4.0), ("expert", "pace", 1 / 1.3), ("expert", "autonomy", 2.0),
        ("anxious", "prior_odds", 1 / 2.0), ("anxious", "help_seeking", 1 / 2.0), ("anxious", "pace", 1.4),
        ("explorer", "exploration", 5.0), ("explorer", "hesitancy", 1.4), ("explorer", "help_seeking", 1 / 2.0),
        ("distracted", "distraction", 5.0), ("distracted", "mobile", 3.0), ("distracted", "session_minutes", 1 / 2.0),
        ("guarded", "autonomy", 2.0), ("guarded", "push", 1 / 4.0), ("guarded", "declares", 1 / 4.0),
        ("help_abuser", "help_seeking", 2.0), ("help_abuser", "learn_odds", 1 / 1.5),
        ("returning", "return_hours", 7.0), ("returning", "memory", 1 / 1.5),
        ("screen_reader", "pace", 2.0), ("screen_reader", "autonomy", 1.8), ("screen_reader", "attention", 1 / 2.0),
        ("sociable", "sociability", 2.5),
    ],
)  # fmt: skip
def test_what_sets_them_apart(name: str, trait: str, factor: float) -> None:
    """A factor above 1 is to be reached, one below 1 undercut, relative to the newcomer's median."""
    ratio = median(PERSONAS[name], trait) / median(PERSONAS["newcomer"], trait)
    assert (ratio >= factor - 1e-9) if factor > 1.0 else (ratio <= factor + 1e-9)


@pytest.mark.parametrize("trait", ["prior_odds", "learn_odds", "guess_odds", "motivation", "memory", "help_seeking"])
def test_a_screen_reader_says_nothing_of_ability(trait: str) -> None:
    mine, newcomers = (PERSONAS[name].traits[trait] for name in ("screen_reader", "newcomer"))
    assert (mine.distribution, mine.a, mine.b) == (newcomers.distribution, newcomers.a, newcomers.b)


def test_everyone_is_everyone_and_mixed_stays_what_results_rest_on() -> None:
    assert set(load_population("everyone").personas) == set(PERSONAS)
    assert load_population("mixed").personas == ("newcomer", "expert", "anxious")
    assert load_population("mixed").people.cumulative.tolist() == [0.5, 0.75, 1.0]


@pytest.mark.parametrize("name", PERSONAS)
def test_every_number_says_where_it_comes_from(name: str) -> None:
    for trait in PERSONAS[name].traits.values():
        assert explains(trait), trait


def explains(trait: Trait) -> bool:
    """A citation with its year, a data set, a vendor, or a choice or absence with its reason."""
    source = trait.source
    cites = any(source[i : i + 2] in {"18", "19", "20"} and source[i : i + 4].isdigit() for i in range(len(source) - 3))
    data = any(name in source for name in ("EdNet", "Cookie Cats", "HeartSteps", "vendor"))
    ours = source.startswith(("our choice", "as newcomers", "declares none")) and len(source.split()) > 4
    return cites or data or ours


def test_halves_of_learners_start_where_koedinger_found_them() -> None:
    """First-try success of 55 and 75% by halves is 0.9 logits; means of a normal's halves are 1.6 spreads apart."""
    logits = math.log(0.75 / 0.25) - math.log(0.55 / 0.45)
    newcomer = PERSONAS["newcomer"].traits["prior_odds"]
    between_halves = 2.0 * newcomer.b * math.sqrt(2.0 / math.pi)
    assert between_halves == pytest.approx(logits, rel=0.15)
