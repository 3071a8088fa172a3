"""Genetic search for the path of highest return, and the race that decides among the last ones.

A generation, parents and children, is played in one run: every path by the same users with the same luck, and by users
whom no generation met before. Who survives is decided by all that the lives so far say (`evidence.py`), so that a good
path is not lost to a few unlucky users, nor a bad one kept for lucky ones. In the end the survivors race (successive
halving: Karnin, Koren and Somekh 2013): each round leaves half of them, and gives these twice as many users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from journeys.actions import EASY, HARD, STANDARD
from journeys.spec import Journey
from policies.path import LearningPath
from policies.training.paths.evidence import Evidence
from policies.training.paths.genome import Genome, Ground, decode, ground_of, plain_genome
from policies.training.paths.lives import Lives
from policies.training.paths.operators import child_of, luck_of, random_genome

MOST_TRIES = 10  # genomes looked at for each path wanted: a small journey has only so many paths


@dataclass(frozen=True)
class SearchSettings:
    """How long to search; the defaults take about 1.5 s of one core.

    `parents` survive a generation and have `children`; `users` users walk every path of a generation. The first
    round of the race at the end gives each survivor `race_users` users.
    """

    generations: int = 20
    parents: int = 24
    children: int = 40
    users: int = 64
    race_users: int = 256

    def __post_init__(self) -> None:
        for name in ("generations", "parents", "children", "users", "race_users"):
            if getattr(self, name) < 1:
                raise ValueError(f"search.{name} must be at least 1. Mend: leave it at its default")


class Candidate(NamedTuple):
    """A path under judgement, the genome that it was decoded from, and its number in the evidence."""

    number: int
    genome: Genome
    path: LearningPath


class Generation(NamedTuple):
    """How a generation went: worth of the best of its survivors and of all on the mean, and lives lived so far.

    Worth is return relative to the other paths of this search, as far as it was known by then.
    """

    generation: int
    best: float
    mean: float
    lives: int


class Found(NamedTuple):
    """What a search found: the `best` path, the survivors of the last generation, best first, and how it went."""

    best: LearningPath
    survivors: list[LearningPath]
    history: list[Generation]
    lives: int


OnGeneration = Callable[[int], None]  # hears how many generations are done


def search(
    lives: Lives, journey: Journey, settings: SearchSettings, seed: int, on_generation: OnGeneration | None = None
) -> Found:
    """Search with the people of `lives`. The same lives, settings and seed find the same."""
    jury, history = Jury(lives, journey), list[Generation]()
    with luck_of(seed), threadpool_limits(1):  # matrices this small go faster on one core
        pool = jury.admit(starts(jury.ground), settings.parents + settings.children)
        for generation in range(settings.generations):
            jury.watch(pool, settings.users)
            survivors = jury.best_of(pool, settings.parents)
            worth = jury.worth_of(survivors)
            history.append(Generation(generation, float(worth[0]), float(worth.mean()), lives.lived))
            parents = [candidate.genome for candidate in survivors]
            children = (child_of(parents, jury.ground) for _ in count())
            pool = survivors + jury.admit(children, settings.children)
            if on_generation is not None:
                on_generation(generation + 1)
        best = race(jury, survivors, settings.race_users)
    return Found(best.path, [candidate.path for candidate in survivors], history, lives.lived)


def starts(ground: Ground) -> Iterator[Genome]:
    """Where a search begins: the designer's order at every difficulty, short and whole; then any orders and choices."""
    for with_optional in (False, True):
        for difficulty in (STANDARD, EASY, HARD):
            yield plain_genome(ground, difficulty, with_optional)
    while True:
        yield random_genome(ground)


def race(jury: Jury, runners: list[Candidate], users: int) -> Candidate:
    """The best of the `runners`: half of them drop out in every round, and users double."""
    while len(runners) > 1:
        jury.watch(runners, users)
        runners = jury.best_of(runners, len(runners) // 2)
        users *= 2
    return runners[0]


class Jury:
    """Admits paths that nobody knows yet, watches users walk them, and remembers what it saw."""

    def __init__(self, lives: Lives, journey: Journey) -> None:
        self.ground = ground_of(journey)
        self._lives, self._evidence = lives, Evidence(len(journey.steps))
        self._known, self._met = set[bytes](), 0

    def admit(self, genomes: Iterator[Genome], n: int) -> list[Candidate]:
        """The first `n` of the `genomes` whose paths were not known before; fewer where they are hard to come by."""
        new: list[tuple[Genome, LearningPath]] = []
        for genome in islice(genomes, MOST_TRIES * n):
            path = decode(genome, self.ground)
            key = path.steps.tobytes() + path.difficulties.tobytes()
            if key not in self._known:
                self._known.add(key)
                new.append((genome, path))
            if len(new) == n:
                break
        numbers = self._evidence.add_paths([path for _, path in new])
        return [Candidate(int(i), genome, path) for i, (genome, path) in zip(numbers, new, strict=True)]

    def watch(self, pool: Sequence[Candidate], users: int) -> None:
        """Let `users` new users walk every path of the `pool`, the same on each."""
        returns = self._lives.returns([candidate.path for candidate in pool], self._met, users)
        self._met += users
        self._evidence.add_block(np.array([candidate.number for candidate in pool]), returns)

    def worth_of(self, pool: Sequence[Candidate]) -> np.ndarray:
        """What the evidence says of each, `(len(pool),)`."""
        return self._evidence.worth(np.array([candidate.number for candidate in pool]))

    def best_of(self, pool: Sequence[Candidate], n: int) -> list[Candidate]:
        """The `n` best, best first; all of the pool know from now on how fit they are."""
        worth = self.worth_of(pool)
        for candidate, fitness in zip(pool, worth, strict=True):
            candidate.genome.fitness.values = (float(fitness),)
        return [pool[i] for i in np.argsort(-worth, kind="stable")[:n]]
