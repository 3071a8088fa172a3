"""ZPDES: the zone, the qualities and the draw, against what its page and the paper say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from journeys.actions import N_VARIANTS, decode
from journeys.draws import user_key
from journeys.loading import load_journey, shipped
from journeys.observation import SKILL_INDEX, SKILL_SIZE, STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from policies.expert_rules import expert_rules
from policies.zpdes import EXPLORATION, FRESH, MASTERED, OPENS, Zpdes
from tests.policies.moments import NAMES, TINY, moment, moments_of

LEVELS = ("easy", "standard", "hard")
OPEN = [f"select {step} ({level})" for step in ("checklist", "notebook", "tags-tour") for level in LEVELS]
CAPTURE, ORGANISE = range(2)  # checklist teaches the one, notebook and tags-tour the other
DRAWS = 40_000
SURPRISE = 1e-4  # the keys are fixed: the test either always passes or never does


def boundary(progress: tuple[float, float], tries: int = 8, **entries: float) -> tuple[np.ndarray, np.ndarray]:
    """At a boundary, with the progress of both skills in [-1, 1]; only the easy variants are in the zone."""
    usual = {"checklist__required": 1.0, "notebook__required": 1.0, "tags_tour__required": 1.0}
    observation, mask = moment("select", OPEN, **(usual | entries))
    for k, change in enumerate(progress):
        at = USER_SIZE + STEP_SIZE * len(NAMES) + SKILL_SIZE * k
        observation[0, at + SKILL_INDEX["trend"]] = 0.5 + 0.5 * change
        observation[0, at + SKILL_INDEX["tries"]] = tries / 10
    return observation, mask


def chances(seen: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """P(action) of the actions that are possible, by what they are called."""
    probabilities = Zpdes(TINY).probabilities(*seen)[0]
    return {str(decode(int(a), NAMES)): float(probabilities[a]) for a in np.flatnonzero(probabilities)}


def test_draws_in_proportion_to_progress_and_explores() -> None:
    """Closed form: (1 - g) q / sum of q + g / 3, for qualities 0.75, 0.25 and 0.25."""
    found = chances(boundary((0.75, 0.25)))
    shares = np.array([0.75, 0.25, 0.25]) / 1.25
    expected = (1.0 - EXPLORATION) * shares + EXPLORATION / 3.0
    assert list(found) == ["select checklist (easy)", "select notebook (easy)", "select tags-tour (easy)"]
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-6)


def test_prefers_skills_that_get_better_to_those_that_do_not() -> None:
    better, worse = chances(boundary((0.5, -0.5))), chances(boundary((-0.5, 0.5)))
    assert better["select checklist (easy)"] == pytest.approx(1.0 - EXPLORATION * 2 / 3)
    assert worse["select checklist (easy)"] == pytest.approx(EXPLORATION / 3)


def test_getting_worse_is_no_better_than_standing_still() -> None:
    assert chances(boundary((0.5, -0.5))) == chances(boundary((0.5, 0.0)))


def test_without_any_progress_all_of_the_zone_is_alike() -> None:
    assert list(chances(boundary((0.0, 0.0))).values()) == pytest.approx([1 / 3] * 3)


def test_the_untried_has_the_quality_of_the_fresh() -> None:
    """However its trend reads: of one attempt there are no halves. The tried one here has exactly that quality."""
    seen = boundary((FRESH, 0.0))
    seen[0][0, USER_SIZE + STEP_SIZE * len(NAMES) + SKILL_SIZE * ORGANISE + SKILL_INDEX["tries"]] = 0.1
    assert list(chances(seen).values()) == pytest.approx([1 / 3] * 3)


def test_harder_variants_open_by_success_and_mastered_ones_leave() -> None:
    def zone(*success: float) -> list[str]:
        entries = {f"checklist__success_{level}": value for level, value in zip(LEVELS, success, strict=True)}
        return [name[18:-1] for name in chances(boundary((0.5, 0.5), **entries)) if "checklist" in name]

    assert zone(OPENS - 0.1, 0.0, 0.0) == ["easy"]
    assert zone(OPENS + 0.1, OPENS - 0.1, 0.0) == ["easy", "standard"]
    assert zone(OPENS + 0.1, OPENS + 0.1, OPENS) == ["easy", "standard", "hard"]
    assert zone(MASTERED + 0.05, OPENS - 0.1, 0.0) == ["standard"]
    assert zone(MASTERED + 0.05, MASTERED + 0.02, OPENS) == ["hard"]
    assert zone(0.95, 0.95, 0.95) == ["hard"], "a required step stays until it is done"


def test_what_need_not_be_done_leaves_once_mastered() -> None:
    mastered = {f"tags_tour__success_{level}": 0.95 for level in LEVELS}
    left = chances(boundary((0.5, 0.5), **mastered, tags_tour__required=0.0))
    assert not any("tags-tour" in name for name in left)
    nothing_else = moment("select", OPEN[6:], **mastered)
    assert chances(nothing_else) == pytest.approx(dict.fromkeys(OPEN[6:], 1 / 3))


def test_it_knows_which_step_exercises_what() -> None:
    exercised = Zpdes(load_journey("saas")).exercised
    journey = load_journey("saas")
    skills = [skill.name for skill in journey.skills]
    row = exercised[journey.step_names().index("first-rule")]
    assert {skills[k] for k in np.flatnonzero(row)} == {"conversations", "automation"}


@pytest.mark.parametrize("journey", shipped())
def test_help_and_messages_are_the_expert_rules(journey: str) -> None:
    moments = moments_of(journey)
    other = moments.observations[:, USER_INDEX["select"]] == 0.0
    observations, masks, keys = (array[other] for array in moments)
    choices = Zpdes(load_journey(journey)).decide(observations, masks, keys)
    np.testing.assert_array_equal(choices.actions, expert_rules().decide(observations, masks, keys).actions)
    assert (choices.propensities == 1.0).all()


@pytest.mark.parametrize("journey", shipped())
def test_every_step_in_reach_keeps_a_chance(journey: str) -> None:
    """On real moments nothing in the zone falls below g / (number of selections), and required steps stay in it."""
    onboarding = load_journey(journey)
    moments = moments_of(journey)
    rows = np.flatnonzero(moments.observations[:, USER_INDEX["select"]] == 1.0)
    observations, masks = moments.observations[rows], moments.masks[rows]
    probabilities = Zpdes(onboarding).probabilities(observations, masks)
    n_selections = N_VARIANTS * len(onboarding.steps)
    assert (probabilities[probabilities > 0.0] >= EXPLORATION / n_selections - 1e-12).all()
    for s in range(len(onboarding.steps)):
        at, part = USER_SIZE + STEP_SIZE * s, slice(N_VARIANTS * s, N_VARIANTS * (s + 1))
        block = observations[:, at : at + STEP_SIZE]
        due = (block[:, STEP_INDEX["required"]] == 1.0) & (block[:, STEP_INDEX["done"]] == 0.0)
        due &= masks[:, part].any(axis=1)
        assert (probabilities[due][:, part].sum(axis=1) > 0.0).all()


def test_propensities_are_frequencies() -> None:
    """One moment under many keys: chi-square of the actions drawn against the probabilities stated."""
    policy = Zpdes(TINY)
    observation, mask = boundary((0.75, 0.25), checklist__success_easy=0.7)
    keys = np.array([user_key(5, user) for user in range(DRAWS)], np.uint64)
    choices = policy.decide(np.tile(observation, (DRAWS, 1)), np.tile(mask, (DRAWS, 1)), keys)
    probabilities = policy.probabilities(observation, mask)[0]
    possible = np.flatnonzero(probabilities)
    counts = np.bincount(choices.actions, minlength=len(probabilities))
    assert counts.sum() == counts[possible].sum() == DRAWS
    assert stats.chisquare(counts[possible], DRAWS * probabilities[possible]).pvalue > SURPRISE
    np.testing.assert_array_equal(choices.propensities, probabilities[choices.actions])


def test_the_same_key_gives_the_same_action() -> None:
    policy, (observation, mask) = Zpdes(TINY), boundary((0.75, 0.25))
    keys = np.repeat(np.array([user_key(5, user) for user in range(50)], np.uint64), 2)
    actions = policy.decide(np.tile(observation, (100, 1)), np.tile(mask, (100, 1)), keys).actions
    np.testing.assert_array_equal(actions[::2], actions[1::2])
    assert len(set(actions)) > 1
