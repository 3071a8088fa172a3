"""Every path through a journey that is small enough: what a search on it can be held to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from journeys.spec import Journey
from policies.path import LearningPath, path_of
from policies.training.paths.genome import LEFT_OUT, Ground, ground_of


def every_path(journey: Journey) -> Iterator[LearningPath]:
    """All paths: every order that the prerequisites leave, with and without optional steps, at all difficulties.

    An optional step after the last required one would be reached by nobody: such paths are left out.
    """
    ground = ground_of(journey)
    for steps in orders(ground, ()):
        for difficulties in product(*([v for v in ground.options[s] if v != LEFT_OUT] for s in steps)):
            yield path_of(list(steps), list(difficulties))


def orders(ground: Ground, steps: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every way to go on after `steps` until all that is required is done."""
    behind = sum(1 << s for s in steps)
    if ground.required & ~behind == 0:
        yield steps
        return
    for s, after in enumerate(ground.after):
        if not behind >> s & 1 and after & ~behind == 0:
            yield from orders(ground, (*steps, s))
