"""What seeing others does: nothing to the unsociable, and to the sociable a pull towards those whom they see."""

from __future__ import annotations

import numpy as np
import pytest

from agents.cohort import Cohort, Setting
from agents.peers import Peers
from experiments.statistics import Interval, paired_interval
from journeys.loading import load_journey
from personas.persona import Population, mixture
from personas.traits import FIXED, TRAIT_NAMES
from policies.expert_rules import expert_rules
from tests.agents.cohorts import by_user

USERS, SEED = 6_000, 11
SEEN = 8


def people(sociability: float) -> Population:
    """Experts and anxious beginners, half and half, all equally sociable."""
    population, trait = mixture("two kinds", {"expert": 1.0, "anxious": 1.0}), TRAIT_NAMES.index("sociability")
    population.people.distributions[:, trait] = FIXED
    population.people.a[:, trait] = sociability
    return population


def lived_by(sociability: float, watching: str | None) -> Cohort:
    """A cohort in which those of persona `watching` see eight each of the others, who see nobody."""
    setting = Setting(load_journey("saas"), people(sociability), expert_rules())
    cohort = Cohort(setting, USERS, seed=SEED, keep_log=True, tick_hours=6.0)
    if watching is not None:
        watches = cohort.world.minds["persona"] == setting.population.personas.index(watching)
        others = np.flatnonzero(~watches)
        starts = np.concatenate([[0], np.cumsum(np.where(watches, SEEN, 0))]).astype(np.int64)
        cohort.peers = Peers(starts, np.random.default_rng(0).choice(others, starts[-1]).astype(np.int64))
    cohort.run_model()
    return cohort


@pytest.fixture(scope="module")
def alone() -> Cohort:
    return lived_by(1.0, None)


@pytest.fixture(scope="module")
def beginners_see_experts() -> Cohort:
    return lived_by(1.0, "anxious")


def change(cohort: Cohort, alone: Cohort, persona: str) -> Interval:
    """Paired difference of completion among those of a persona: what they see does not depend on them."""
    members = cohort.world.minds["persona"] == cohort.setting.population.personas.index(persona)
    assert (cohort.world.minds["key"] == alone.world.minds["key"]).all()
    return paired_interval(cohort.completed()[members] * 1.0, alone.completed()[members] * 1.0)


def events_of(cohort: Cohort, persona: str) -> np.ndarray:
    events = by_user(cohort.events())
    index = cohort.setting.population.personas.index(persona)
    return events[cohort.world.minds["persona"][events["user"]] == index]


def test_sociable_users_complete_more_where_peers_are_ahead(alone: Cohort, beginners_see_experts: Cohort) -> None:
    assert change(beginners_see_experts, alone, "anxious").low > 0.0


def test_who_sees_nobody_lives_the_same_life_beside_those_who_do(alone: Cohort, beginners_see_experts: Cohort) -> None:
    ours, theirs = (events_of(cohort, "expert") for cohort in (beginners_see_experts, alone))
    assert len(ours) == len(theirs)
    assert (ours == theirs).all()


def test_seeing_those_behind_does_not_help(alone: Cohort) -> None:
    """The other way round: experts who see beginners are let go."""
    assert change(lived_by(1.0, "expert"), alone, "expert").high < 0.0


def test_users_without_sociability_do_not_care() -> None:
    watching, alone = lived_by(0.0, "anxious"), lived_by(0.0, None)
    assert (by_user(watching.events()) == by_user(alone.events())).all()
    assert watching.world.minds["peers"].max() > 0.5, "there was something to see"


def test_the_tick_is_how_fresh_the_sight_of_others_is(beginners_see_experts: Cohort) -> None:
    """In a tick longer than the onboarding all others are seen where they began: behind, or level at best."""
    stale = Cohort(beginners_see_experts.setting, USERS, seed=SEED, keep_log=True, tick_hours=24.0 * 365.0)
    stale.peers = beginners_see_experts.peers
    stale.step()
    assert not stale.running
    assert stale.world.minds["peers"].max() == 0.0
    ours, theirs = (events_of(cohort, "anxious") for cohort in (beginners_see_experts, stale))
    assert len(ours) != len(theirs)
    ours, theirs = (events_of(cohort, "expert") for cohort in (beginners_see_experts, stale))
    assert (ours == theirs).all()
