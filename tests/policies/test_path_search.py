"""The search: lives are those of any other play, evidence is what it says, and what is found is the best there is."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from agents.learners import load_learner
from benchmarks.every_path import every_path
from envs.reward import RewardWeights
from journeys.actions import EASY, HARD, N_VARIANTS, STANDARD
from journeys.loading import load_journey
from personas.persona import load_population
from policies.path import LearningPath, PathPolicy, path_of
from policies.training.paths.diversity import diversity_of, kendall_distance
from policies.training.paths.evidence import Evidence
from policies.training.paths.lives import ROWS, Lives
from policies.training.paths.search import Found, SearchSettings, search
from policies.training.rollout import play
from tests.policies.moments import random_path

MIXED = load_population("mixed")
TINY, SAAS = load_journey("tiny"), load_journey("saas")
SHORT = SearchSettings(generations=4, parents=6, children=8, users=16, race_users=32)
FRESH = 900  # seed of users whom no search here meets


def lives_of(journey=TINY, seed: int = 0, **more) -> Lives:
    return Lives(journey, MIXED, RewardWeights(), seed, **more)


@pytest.mark.parametrize("learner", ["bkt", "irt_forgetting"])
def test_lives_are_those_that_the_policy_would_be_played_for(learner: str) -> None:
    """Side by side with other paths, as many as do not fit at once, and from any user on."""
    model = load_learner(learner)
    paths, users = [random_path(SAAS, seed) for seed in range(3)], ROWS // 2 + 10
    found = lives_of(SAAS, 4, learner=model).returns(paths, 0, users)
    for path, returns in zip(paths, found, strict=True):
        played = play(SAAS, MIXED, PathPolicy("path", path, SAAS), users, 4, learner=model)
        np.testing.assert_allclose(returns, played.returns, atol=1e-9)
    later = lives_of(SAAS, 4, learner=model).returns(paths[1:2], 100, 50)
    np.testing.assert_array_equal(later[0], found[1, 100:150])


def test_more_users_than_there_is_room_for_live_in_turns() -> None:
    lives = lives_of()
    whole = lives.returns([random_path(TINY)], 0, ROWS + 5)
    assert whole.shape == (1, ROWS + 5)
    assert lives.lived == ROWS + 5
    np.testing.assert_array_equal(whole[:, ROWS:], lives.returns([random_path(TINY)], ROWS, 5))


def test_the_same_seed_finds_the_same_and_another_searches_elsewhere() -> None:
    one, same, other = (search(lives_of(seed=seed), TINY, SHORT, seed) for seed in (3, 3, 4))
    assert one.history == same.history
    assert [in_bytes(path) for path in one.survivors] == [in_bytes(path) for path in same.survivors]
    assert in_bytes(one.best) == in_bytes(same.best)
    assert one.history != other.history


def in_bytes(path: LearningPath) -> bytes:
    return path.steps.tobytes() + path.difficulties.tobytes()


def test_the_population_holds_no_path_twice_and_costs_what_it_says() -> None:
    lives, heard = lives_of(), list[int]()
    found = search(lives, TINY, SHORT, 0, heard.append)
    assert len({in_bytes(path) for path in found.survivors}) == SHORT.parents
    assert heard == [1, 2, 3, 4]
    in_race = sum(n * SHORT.race_users * 2**i for i, n in enumerate((6, 3)))
    assert found.lives == lives.lived == 4 * (6 + 8) * 16 + in_race
    assert [generation.lives for generation in found.history] == [224, 448, 672, 896]


def test_where_there_are_ten_paths_only_the_best_is_found() -> None:
    """Without difficulties, `tiny` leaves two orders, and the optional step in four places or out."""
    plain = replace(TINY, steps=tuple(replace(step, difficulties=("standard",)) for step in TINY.steps))
    paths = list(every_path(plain))
    assert len(paths) == 10
    found = search(lives_of(plain), plain, SearchSettings(race_users=2_000), 0)
    assert {in_bytes(path) for path in found.survivors} == {in_bytes(path) for path in paths}
    check_best(found, plain, paths, users=20_000, tolerance=0.02)


@pytest.mark.slow
def test_the_best_of_all_paths_of_tiny_is_found_or_one_as_good() -> None:
    lives, paths = lives_of(TINY, FRESH + 1), list(every_path(TINY))
    likely = np.argsort(-lives.returns(paths, 0, 128).mean(axis=1))[:200]
    found = search(lives_of(TINY, 1), TINY, SearchSettings(), 1)
    check_best(found, TINY, [paths[i] for i in likely], users=4_000, tolerance=0.06)


def check_best(found: Found, journey, paths: list[LearningPath], users: int, tolerance: float) -> None:
    """On users whom the search never met, no path is better than the one found by more than `tolerance`."""
    returns = lives_of(journey, FRESH).returns([found.best, *paths], 0, users)
    gaps = (returns[1:] - returns[0]).mean(axis=1)
    assert gaps.max() < tolerance


def test_a_search_beats_what_the_designer_wrote() -> None:
    found = search(lives_of(SAAS), SAAS, SearchSettings(generations=8), 0)
    designer = path_of([s for s, step in enumerate(SAAS.steps) if step.required], [STANDARD] * 10)
    best, before = lives_of(SAAS, FRESH).returns([found.best, designer], 0, 2_000)
    assert (best - before).mean() > 0.1


def test_evidence_finds_effects_that_are_there_and_forgives_bad_luck() -> None:
    """Returns made up from a known linear model, blocks of lucky and unlucky users, and one path with an own worth."""
    rng = np.random.default_rng(2)
    paths = [random_path(SAAS, seed) for seed in range(300)]
    evidence = Evidence(len(SAAS.steps))
    numbers = evidence.add_paths(paths)
    of_step = rng.normal(0.0, 0.1, (len(SAAS.steps), N_VARIANTS))
    true = np.array([of_step[path.steps, path.difficulties].sum() for path in paths])
    true[7] += 0.5
    for block in range(6):
        part = rng.permutation(300)[:150]
        luck = 3.0 * block
        noise = rng.normal(0.0, 1.0, (150, 64))
        evidence.add_block(numbers[part], true[part, None] + luck + noise)
    judged = evidence.worth(numbers)
    others = np.delete(np.arange(300), 7)
    assert np.corrcoef(judged[others], true[others])[0, 1] > 0.95
    gap = (judged - judged.mean()) - (true - true.mean())
    assert -0.4 < gap[7] < -0.1, "half a point of its own is believed in part, as the path met few users"


def test_the_distance_of_orders_counts_turned_pairs() -> None:
    same, reverse, apart = path_of([0, 1, 2], [0] * 3), path_of([2, 1, 0], [0] * 3), path_of([3], [0])
    assert kendall_distance(same, same, 4) == 0.0
    assert kendall_distance(same, reverse, 4) == 1.0
    assert kendall_distance(same, path_of([1, 0, 2], [0] * 3), 4) == pytest.approx(1.0 / 3.0)
    assert kendall_distance(same, path_of([3, 0, 2], [0] * 3), 4) == 0.0, "only steps that both have can be turned"
    assert kendall_distance(same, apart, 4) == 0.0


def test_diversity_in_closed_form() -> None:
    paths = [path_of([0, 1], [EASY, EASY]), path_of([1, 0], [EASY, STANDARD]), path_of([0, 2, 1], [EASY, HARD, HARD])]
    found = diversity_of(paths, 3)
    assert (found.paths, found.orders) == (3, 3)
    assert found.distance == pytest.approx(2.0 / 3.0)
    np.testing.assert_allclose(found.included, [1.0, 1.0, 1.0 / 3.0])
    np.testing.assert_allclose(found.ranks, np.array([[2, 1, 0], [1, 1, 1], [0, 1, 0]]) / 3.0)
    of_thirds = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(3)
    np.testing.assert_allclose(found.entropy, [of_thirds, of_thirds, 0.0])
    with pytest.raises(ValueError, match="no paths"):
        diversity_of([], 3)


@pytest.mark.parametrize("name", SearchSettings.__dataclass_fields__)
def test_a_search_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"search.{name} must be at least 1. Mend: "):
        SearchSettings(**{name: 0})
