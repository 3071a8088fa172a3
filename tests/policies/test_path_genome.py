"""Genomes: whatever the operators make of them, they decode to a path that every user can walk."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.every_path import every_path
from journeys.actions import EASY, HARD, STANDARD
from journeys.loading import load_journey
from journeys.spec import Journey
from policies.path import LearningPath, check_path
from policies.training.paths.genome import LEFT_OUT, Genome, decode, ground_of, plain_genome
from policies.training.paths.operators import child_of, luck_of, random_genome
from policies.training.random_journeys import random_journey

TINY = load_journey("tiny")
JOURNEYS = [load_journey("saas"), TINY, *(random_journey(seed) for seed in range(40))]


@st.composite
def genomes(draw: st.DrawFn) -> tuple[Journey, Genome]:
    """Any genome of any of the journeys."""
    journey = draw(st.sampled_from(JOURNEYS))
    options = ground_of(journey).options
    order = draw(st.permutations(range(len(options))))
    return journey, Genome(list(order), [draw(st.sampled_from(o)) for o in options])


def key_of(path: LearningPath) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(path.steps.tolist()), tuple(path.difficulties.tolist())


@given(genomes())
def test_any_genome_decodes_to_a_path(drawn: tuple[Journey, Genome]) -> None:
    journey, genome = drawn
    ground = ground_of(journey)
    path = decode(genome, ground)
    check_path(path, journey)
    assert ground.required >> int(path.steps[-1]) & 1, "whatever comes after the last required step is cut off"
    for s, v in zip(*key_of(path), strict=True):
        assert v == (ground.standard[s] if genome.choices[s] == LEFT_OUT else genome.choices[s])


@given(genomes())
def test_a_path_read_as_a_genome_is_itself(drawn: tuple[Journey, Genome]) -> None:
    journey, genome = drawn
    ground = ground_of(journey)
    path = decode(genome, ground)
    rest = [s for s in genome.order if s not in path.steps]
    choices = [LEFT_OUT] * len(genome.order)
    for s, v in zip(*key_of(path), strict=True):
        choices[s] = v
    assert key_of(decode(Genome([*path.steps.tolist(), *rest], choices), ground)) == key_of(path)


@given(genomes(), genomes(), st.integers(0, 2**32 - 1))
def test_children_are_genomes_and_parents_stay_as_they_are(
    drawn: tuple[Journey, Genome], other: tuple[Journey, Genome], seed: int
) -> None:
    journey, one = drawn
    ground = ground_of(journey)
    parents = [one, other[1] if other[0] is journey else plain_genome(ground, HARD, True)]
    for worth, parent in enumerate(parents):
        parent.fitness.values = (float(worth),)
    before = [(p.order.copy(), p.choices.copy()) for p in parents]
    with luck_of(seed):
        child = child_of(parents, ground)
    assert sorted(child.order) == list(range(len(ground.after)))
    assert all(c in options for c, options in zip(child.choices, ground.options, strict=True))
    assert not child.fitness.valid
    assert [(p.order, p.choices) for p in parents] == before


def test_the_designers_order_is_the_journeys() -> None:
    ground = ground_of(TINY)
    assert key_of(decode(plain_genome(ground, STANDARD, False), ground)) == ((0, 1, 2, 4), (STANDARD,) * 4)
    assert key_of(decode(plain_genome(ground, EASY, True), ground)) == ((0, 1, 2, 3, 4), (EASY,) * 5)


def test_all_paths_of_tiny_are_known_and_genomes_reach_them() -> None:
    """Two orders of what is required, times three difficulties each; the optional step fits into four places."""
    paths = {key_of(path) for path in every_path(TINY)}
    assert len(paths) == 2 * 3**4 + 2 * 4 * 3**5
    ground = ground_of(TINY)
    with luck_of(1):
        drawn = {key_of(decode(random_genome(ground), ground)) for _ in range(20_000)}
    assert drawn <= paths
    assert len(drawn) > 0.9 * len(paths)


def test_luck_is_borrowed_and_given_back() -> None:
    random.seed(5)
    expected = [random.random() for _ in range(2)]
    random.seed(5)
    found = [random.random()]
    with luck_of(1):
        first = random.random()
    found.append(random.random())
    with luck_of(1):
        assert random.random() == first
    assert found == expected
