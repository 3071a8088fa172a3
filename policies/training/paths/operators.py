"""What is done to genomes, from DEAP's toolbox. Luck is DEAP's own, that is Python's: see `luck_of`.

Order crossover (Davis 1985; Goldberg 1989) keeps a slice of one parent's order in place and fills up by the other's;
difficulties cross step by step. Mutation moves or swaps steps and draws new difficulties. A change of order may change
nothing that prerequisites leave open, so children are made anew until they are paths that nobody has walked.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from deap import tools

from policies.training.paths.genome import Genome, Ground

CONTESTANTS = 3  # of a tournament for a place as a parent: the usual mild pressure (Goldberg and Deb 1991)
MOVED, NEW_DIFFICULTIES = 1.0, 1.5  # steps that a mutation changes on average. Our choice: a step or two at a time
CROSSED = 0.6  # share of children with two parents, the customary share; all are mutated. Our choice


@contextmanager
def luck_of(seed: int) -> Iterator[None]:
    """Python's generator, which DEAP draws from, begun with `seed`, and put back where it stood afterwards."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def random_genome(ground: Ground) -> Genome:
    """Any order, any choices."""
    n = len(ground.after)
    return Genome(random.sample(range(n), n), [random.choice(options) for options in ground.options])


def child_of(parents: Sequence[Genome], ground: Ground) -> Genome:
    """A new genome, of one or two parents that won their tournaments."""
    first, second = (winner.copy() for winner in tools.selTournament(parents, 2, CONTESTANTS))
    if random.random() < CROSSED:
        tools.cxOrdered(first.order, second.order)
        tools.cxUniform(first.choices, second.choices, 0.5)
    mutate(first, ground)
    return first


def mutate(genome: Genome, ground: Ground) -> None:
    """Move steps, swap steps, and draw difficulties anew, in place."""
    n = len(genome.order)
    if random.random() < 0.5:
        move(genome.order)
    elif n > 1:  # one step alone has nothing to change places with
        tools.mutShuffleIndexes(genome.order, MOVED / n)
    for s, options in enumerate(ground.options):
        if random.random() < NEW_DIFFICULTIES / n:
            genome.choices[s] = random.choice(options)


def move(order: list[int]) -> None:
    """Take a step out of its place and put it into another."""
    s = order.pop(random.randrange(len(order)))
    order.insert(random.randrange(len(order) + 1), s)
