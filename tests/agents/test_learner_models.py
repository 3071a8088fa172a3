"""The learner models by their closed forms: what one user knows, how it shows, how practice and absence change it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agents.learner import (
    SPREAD_OF_ABILITY,
    LearnerPlan,
    attempt,
    compile_learner,
    fade,
    first_knowledge,
    logistic,
    mastery_of,
    practise,
)
from agents.learners import journey_under, load_learner
from agents.mind import MEMORY, blank_minds
from journeys.actions import EASY, HARD, HINT, STANDARD
from journeys.draws import nth_key, user_key
from journeys.forgetting import DAY_MS, first_stability, next_stability, recall
from journeys.knowledge import (
    GUESS_ODDS_OF_RUNG,
    LEARN_OF_DIFFICULTY,
    LEARN_OF_RUNG,
    LEARN_OF_WATCHING,
    SLIP_ODDS_OF_DIFFICULTY,
    after_practice,
    scale_odds,
    success_probability,
)
from journeys.plan import Plan, compile_plan
from personas.persona import shipped
from tests.journeys.studio import CUT, FILM, LAMP, LIGHT, NAME, SOUND, STUDIO, TRAILER

N = 4_000
FOUR_ERRORS = 4.0 * 0.5 / math.sqrt(N)  # of a share among `N` draws, at most


class Learning:
    """One user with one model on the studio journey."""

    def __init__(self, name: str, user: int = 0, prior_odds: float = 1.0) -> None:
        self.model = load_learner(name)
        journey = journey_under(STUDIO, self.model)
        self.plan: Plan = compile_plan(journey)
        self.learner: LearnerPlan = compile_learner(journey, self.model)
        self.mind: Any = blank_minds(1)[0]
        self.memories: Any = np.zeros(len(STUDIO.skills), MEMORY).view(np.recarray)
        self.key = np.uint64(user_key(3, user))
        birth = np.uint64(nth_key(self.key, -1))
        first_knowledge(self.plan, self.learner, prior_odds, birth, self.mind, self.memories)
        self.n = 0

    def at(self, step: int, variant: int = STANDARD, taken: int = 0) -> Learning:
        """Turn to a step, at a difficulty and with the help taken."""
        self.mind.step, self.mind.variant, self.mind.taken = step, variant, taken
        self.mind.mastery = mastery_of(self.plan, self.learner, self.mind, self.memories, step)
        return self

    def practise(self, success: bool = True, learn_odds: float = 1.0) -> Learning:
        """One attempt that went so."""
        self.n += 1
        luck = np.uint64(nth_key(self.key, self.n))
        practise(self.plan, self.learner, self.mind, self.memories, learn_odds, success, luck)
        return self.at(self.mind.step, self.mind.variant, self.mind.taken)

    def return_after(self, days: float, trait: float = 1.0) -> Learning:
        """Come back after an absence."""
        self.mind.time += int(days * DAY_MS)
        self.mind.entered = self.mind.time
        fade(self.plan, self.learner, self.mind, self.memories, trait, self.mind.time)
        return self

    def chance(self, slip_odds: float = 1.0, guess_odds: float = 1.0) -> float:
        """P(success of an attempt now), over `N` draws of luck."""
        lucks = [np.uint64(nth_key(self.key, -2 - i)) for i in range(N)]
        won = [attempt(self.plan, self.learner, self.mind, slip_odds, guess_odds, luck) for luck in lucks]
        return sum(won) / len(won)


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def typical_success(k: int) -> float:
    """P(first success) of the typical user where one skill is exercised, unaided at standard difficulty."""
    skill = STUDIO.skills[k]
    return success_probability(skill.prior, skill.slip, skill.guess)


# --- additive factors ---


def test_afm_log_odds_grow_by_a_constant_with_each_practice() -> None:
    """And by the same where the attempt failed: additive factors count opportunities."""
    user, light = Learning("afm").at(LAMP), STUDIO.skills[LIGHT]
    later = success_probability(after_practice(light.prior, light.learn), light.slip, light.guess)
    constant = logit(later) - logit(typical_success(LIGHT))
    seen = [logit(user.mind.mastery)] + [logit(user.practise(i % 2 == 0).mind.mastery) for i in range(8)]
    np.testing.assert_allclose(np.diff(seen), constant, rtol=1e-9)
    assert seen[0] == pytest.approx(logit(typical_success(LIGHT)), rel=1e-12)


@pytest.mark.parametrize("name", ["afm", "irt"])
@pytest.mark.parametrize(("variant", "taken"), [(EASY, 0), (HARD, 0), (STANDARD, HINT)])
def test_difficulty_help_and_the_person_scale_what_a_practice_adds(name: str, variant: int, taken: int) -> None:
    plain = Learning(name).at(LAMP).practise().memories.practised[LIGHT]
    other = Learning(name).at(LAMP, variant, taken).practise(learn_odds=1.7).memories.practised[LIGHT]
    factor = LEARN_OF_DIFFICULTY[variant] * LEARN_OF_RUNG[taken] * 1.7
    assert other == pytest.approx(plain * factor, rel=1e-12)


def test_afm_success_is_the_mastery_with_odds_by_difficulty_help_and_person() -> None:
    user = Learning("afm").at(LAMP, HARD, HINT)
    ease = GUESS_ODDS_OF_RUNG[HINT] / SLIP_ODDS_OF_DIFFICULTY[HARD] * 1.5 / 1.2
    expected = scale_odds(typical_success(LIGHT), ease)
    assert user.chance(slip_odds=1.2, guess_odds=1.5) == pytest.approx(expected, abs=FOUR_ERRORS)


@pytest.mark.parametrize("name", ["afm", "irt"])
def test_a_step_of_several_skills_takes_the_mean_of_their_strengths(name: str) -> None:
    user = Learning(name)
    user.memories.prior[:] = [0.4, 9.0, -1.0]
    assert user.at(TRAILER).mind.mastery == pytest.approx(logistic((0.4 - 1.0) / 2), rel=1e-12)
    assert user.at(NAME).mind.mastery == 1.0  # exercises nothing


# --- item response ---


def test_irt_success_is_logistic_in_ability_less_difficulty_between_guess_and_slip() -> None:
    """Four-parameter model: the item's difficulty is what the typical user lacks, the ability what this one adds."""
    user, light = Learning("irt"), STUDIO.skills[LIGHT]
    ability = 0.8
    difficulty = -logit(light.prior)
    user.memories.prior[LIGHT] = logit(light.prior) + ability
    mastery = user.at(LAMP).mind.mastery
    assert mastery == pytest.approx(1.0 / (1.0 + math.exp(-(ability - difficulty))), rel=1e-12)
    expected = light.guess + (1.0 - light.slip - light.guess) * mastery
    assert user.chance() == pytest.approx(expected, abs=FOUR_ERRORS)


def test_irt_abilities_are_normal_about_the_persons_own_level() -> None:
    odds = 2.5
    priors = np.array([Learning("irt", user, odds).memories.prior[LIGHT] for user in range(3_000)])
    spread = (priors - logit(STUDIO.skills[LIGHT].prior) - math.log(odds)) / SPREAD_OF_ABILITY
    assert abs(spread.mean()) < 4.0 / math.sqrt(len(spread))
    assert abs(spread.var() - 1.0) < 4.0 * math.sqrt(2.0 / len(spread))


def test_irt_ability_grows_as_the_typical_users_knowledge_does_at_first() -> None:
    light = STUDIO.skills[LIGHT]
    grown = Learning("irt").at(LAMP).practise().memories.practised[LIGHT]
    assert grown == pytest.approx(logit(after_practice(light.prior, light.learn)) - logit(light.prior), rel=1e-12)


# --- binary mastery ---


def test_bkt_knows_or_not_and_never_unlearns() -> None:
    known = []
    for user in range(400):
        one = Learning("bkt", user)
        before = int(one.mind.known)
        one.at(LAMP).practise()
        assert one.mind.mastery in {0.0, 1.0}
        assert int(one.mind.known) & before == before
        one.return_after(300.0)
        assert one.mind.skill == bin(int(one.mind.known)).count("1") / len(STUDIO.skills)
        known.append(int(one.mind.known) >> LIGHT & 1)
    light = STUDIO.skills[LIGHT]
    assert np.mean(known) == pytest.approx(after_practice(light.prior, light.learn), abs=4 * 0.5 / 20)


# --- all models ---


def test_a_typical_users_first_success_is_the_same_in_every_model() -> None:
    """Exactly for additive factors; on average over users for binary mastery and, the spread of abilities bending the
    mean a little towards one half, for item response."""
    expected = typical_success(LIGHT)
    skill = STUDIO.skills[LIGHT]
    assert Learning("afm").at(LAMP).mind.mastery == pytest.approx(expected, rel=1e-12)
    for name, slack in (("bkt", 0.0), ("irt", 0.03)):
        mastery = np.mean([Learning(name, user).at(LAMP).mind.mastery for user in range(4_000)])
        chance = success_probability(float(mastery), skill.slip, skill.guess)
        assert chance == pytest.approx(expected, abs=slack + 4.0 * 0.5 / math.sqrt(4_000))


@pytest.mark.parametrize("name", shipped("learner"))
def test_what_a_video_teaches_is_less_and_of_what_it_teaches_alone(name: str) -> None:
    """Half of a practice in expectation; nothing of a skill that is not taught."""
    gains = {step: np.zeros(3) for step in (FILM, LAMP)}
    for user in range(1 if name.startswith(("afm", "irt")) else 3_000):
        for step in gains:
            one = Learning(name, user)
            one.mind.known = np.uint64(0)
            one.at(step).practise()
            binary = [int(one.mind.known) >> k & 1 for k in range(3)]
            gains[step] += binary if "bkt" in name else one.memories.practised
    assert gains[FILM][CUT] == gains[LAMP][SOUND] == 0.0
    slack = 0.0 if "bkt" not in name else 4.0 * math.sqrt(gains[LAMP][LIGHT])
    assert gains[FILM][LIGHT] == pytest.approx(LEARN_OF_WATCHING * gains[LAMP][LIGHT], rel=1e-12, abs=slack)


@pytest.mark.parametrize("name", ["bkt_forgetting", "afm_forgetting", "irt_forgetting"])
def test_absence_takes_skill_and_a_review_brings_it_back(name: str) -> None:
    user = Learning(name)
    user.mind.known = np.uint64(0)
    for _ in range(12):  # enough for binary mastery to have come to know
        user.at(LAMP).practise()
    fresh, learned = user.mind.skill, user.at(LAMP).mind.mastery
    faded = user.return_after(20.0).mind.skill
    assert faded < fresh
    assert user.at(LAMP).mind.mastery < learned
    review = user.practise()
    assert review.mind.skill >= fresh - 0.02 * (
        name == "bkt_forgetting"
    )  # what else was known at sign-up fades a little
    assert review.mind.mastery >= learned


@pytest.mark.parametrize("name", ["bkt", "afm", "irt"])
def test_without_forgetting_absence_changes_nothing(name: str) -> None:
    user = Learning(name).at(LAMP).practise()
    before = (user.mind.skill, user.memories.tobytes())
    user.return_after(200.0)
    assert (user.mind.skill, user.memories.tobytes()) == before


@pytest.mark.parametrize("trait", [0.5, 1.0, 2.0])
def test_what_was_practised_fades_by_fsrs_6_at_the_persons_own_pace(trait: float) -> None:
    """Stability is that of the typical learner; the trait stretches the time in which it fades."""
    user = Learning("afm_forgetting").at(LAMP).practise()
    gained, days = user.memories.practised[LIGHT], 5.0
    user.return_after(days, trait).at(LAMP)
    retained = recall(days * DAY_MS, first_stability(True) * trait)
    assert logit(user.mind.mastery) == pytest.approx(logit(typical_success(LIGHT)) + gained * retained, rel=1e-9)
    again = next_stability(first_stability(True), retained, False)
    assert user.practise(success=False).memories.stability[LIGHT] == pytest.approx(again, rel=1e-12)


@pytest.mark.parametrize("name", ["bkt_forgetting", "afm_forgetting", "irt_forgetting"])
def test_only_the_first_practice_of_a_session_is_a_review(name: str) -> None:
    user = Learning(name).at(LAMP).practise()
    first = user.memories.stability[LIGHT]
    assert user.practise(False).practise().memories.stability[LIGHT] == first
    assert user.return_after(4.0).practise().memories.stability[LIGHT] > first
