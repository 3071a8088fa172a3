"""A path as a genome, which operators may shuffle at will: whatever it says, it decodes to a path that can be walked.

Two chromosomes of one gene per step: `order`, a permutation of all steps, says which comes first where prerequisites
leave a choice; `choices` gives each step a difficulty, or leaves an optional one out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from deap.base import Fitness

from journeys.actions import N_VARIANTS
from journeys.checks import counts
from journeys.mask import standard_of
from journeys.spec import Journey
from policies.path import LearningPath, path_of, variants

LEFT_OUT = -1


class Worth(Fitness):
    """How good a genome was found to be: more is better."""

    weights = (1.0,)


@dataclass
class Genome:
    """`order` is a permutation of the steps, `choices[s]` a difficulty of step `s` or `LEFT_OUT`."""

    order: list[int]
    choices: list[int]
    fitness: Worth = field(default_factory=Worth)  # the name by which DEAP's selection reads it

    def copy(self) -> Genome:
        """One that may be changed without changing this one; not yet judged."""
        return Genome(self.order.copy(), self.choices.copy())


class Ground(NamedTuple):
    """What a journey allows: sets of steps as bits, and the `options` of each step, `LEFT_OUT` among them."""

    after: tuple[int, ...]
    required: int
    options: tuple[tuple[int, ...], ...]
    standard: tuple[int, ...]


def ground_of(journey: Journey) -> Ground:
    """What `journey` allows a path to be."""
    number, needed = {name: s for s, name in enumerate(journey.step_names())}, counts(journey)
    has = variants(journey)
    options = [tuple(v for v in range(N_VARIANTS) if bits >> v & 1) for bits in has]
    return Ground(
        after=tuple(sum(1 << number[name] for name in step.after) for step in journey.steps),
        required=sum(1 << s for s in range(len(needed)) if needed[s]),
        options=tuple(o if n else (*o, LEFT_OUT) for o, n in zip(options, needed, strict=True)),
        standard=tuple(standard_of(bits) for bits in has),
    )


def plain_genome(ground: Ground, difficulty: int, with_optional: bool) -> Genome:
    """The designer's order: every step at `difficulty`, at standard where it has none such."""
    choices = [
        LEFT_OUT if LEFT_OUT in options and not with_optional else difficulty if difficulty in options else standard
        for options, standard in zip(ground.options, ground.standard, strict=True)
    ]
    return Genome(list(range(len(choices))), choices)


def decode(genome: Genome, ground: Ground) -> LearningPath:
    """The path of a genome: of the steps whose prerequisites are behind, always the first by its order.

    A prerequisite of what is wanted is wanted as well. Optional steps after the last required one are cut off: with
    that one the journey is complete, and nobody would reach them.
    """
    wanted = wanted_by(genome, ground)
    steps: list[int] = []
    behind, length = 0, 0
    while behind != wanted:
        s = next(s for s in genome.order if wanted & ~behind & 1 << s and ground.after[s] & ~behind == 0)
        behind |= 1 << s
        steps.append(s)
        if ground.required >> s & 1:
            length = len(steps)
    choices = ((s, genome.choices[s]) for s in steps[:length])
    return path_of(steps[:length], [ground.standard[s] if c == LEFT_OUT else c for s, c in choices])


def wanted_by(genome: Genome, ground: Ground) -> int:
    """The steps of a genome's path as a set: required, chosen, and whatever these wait for."""
    wanted, grown = 0, ground.required | sum(1 << s for s, c in enumerate(genome.choices) if c != LEFT_OUT)
    while wanted != grown:
        wanted = grown
        for s, after in enumerate(ground.after):
            if wanted >> s & 1:
                grown |= after
    return wanted
