"""A path: an order of steps with a difficulty each, for teams that want to read beforehand what everybody will get.

Select   the first step of the path that may be selected and is neither done nor given up, at its difficulty. A step
         that was given up waits until nothing else of the path is open, and comes back as easy as it can be: those who
         just failed at it are not sent straight back, and nobody is stuck. Where the path has nothing that is legal
         (who declines personalisation gets the journey's own order, whoever decides), the fixed path's step.
         Steps done are never selected again: a path has no reviews.
Assist, re-engage  as the expert rules do: they can be read as well (docs/rules.md), and a path then differs from the
         rules by its steps and difficulties alone. The fixed path's silence would cost return.

Not to be confused with `policies/fixed_path.py`, which is the baseline that plays the designer's order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from journeys.actions import DIFFICULTIES, N_VARIANTS, WAIT, n_actions
from journeys.checks import counts
from journeys.compiled import compiled
from journeys.mask import standard_of
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE, observation_size
from journeys.spec import Journey
from policies.compiled_policy import checked
from policies.expert_rules import choose_help, choose_message
from policies.fixed_path import count_steps, first_step, legal_variants
from policies.rowwise import RowwisePolicy

SELECT_AT = USER_INDEX["select"]
DONE, GIVEN_UP = STEP_INDEX["done"], STEP_INDEX["given_up"]
STEPS, PATH_DIFFICULTIES = "path.steps", "path.difficulties"  # the tensors of the family
NUMBERS = np.dtype(np.int32)
END = -1  # fills up the row of a path that is shorter than others beside it


class LearningPath(NamedTuple):
    """`steps` `(L,)` int32 numbers of steps in order, `difficulties` `(L,)` int32 of each (easy 0 to hard 2)."""

    steps: np.ndarray
    difficulties: np.ndarray


def path_of(steps: list[int], difficulties: list[int]) -> LearningPath:
    """A path from plain numbers."""
    return LearningPath(np.array(steps, NUMBERS), np.array(difficulties, NUMBERS))


def variants(journey: Journey) -> list[int]:
    """The difficulties that each step has, as bit sets `(S,)`."""
    return [sum(1 << DIFFICULTIES.index(name) for name in step.difficulties) for step in journey.steps]


def check_path(path: LearningPath, journey: Journey) -> None:
    """A path that every user of `journey` can walk to the end. Raises `ValueError` that names the tensor."""
    steps, difficulties = path
    for name, array in ((STEPS, steps), (PATH_DIFFICULTIES, difficulties)):
        if array.dtype != NUMBERS or array.shape != steps.shape or array.ndim != 1:
            raise ValueError(f"tensor {name!r} is {array.dtype} {array.shape}, expected {NUMBERS}, one number per step")
    names, has = journey.step_names(), variants(journey)
    passed: set[str] = set()
    for s, v in zip(steps.tolist(), difficulties.tolist(), strict=True):
        if not 0 <= s < len(names):
            raise ValueError(f"tensor {STEPS!r}: there is no step number {s} in journey {journey.name!r}")
        if names[s] in passed:
            raise ValueError(f"tensor {STEPS!r}: step {names[s]!r} is there twice")
        if missing := set(journey.steps[s].after) - passed:
            raise ValueError(f"tensor {STEPS!r}: step {names[s]!r} stands before {min(missing)!r}, which it waits for")
        if not 0 <= v < N_VARIANTS or not has[s] >> v & 1:
            raise ValueError(f"tensor {PATH_DIFFICULTIES!r}: step {names[s]!r} has no difficulty number {v}")
        passed.add(names[s])
    for name, needed in zip(names, counts(journey), strict=True):
        if needed and name not in passed:
            raise ValueError(f"tensor {STEPS!r}: step {name!r} is missing, without which nobody completes")


@compiled
def at_difficulty(s: int, difficulty: int, legal: int) -> int:
    """The action that selects step `s` at `difficulty`, or at standard where that is not in the bit set `legal`."""
    return N_VARIANTS * s + (difficulty if legal >> difficulty & 1 else standard_of(legal))


@compiled
def as_easy_as_can_be(s: int, legal: int) -> int:
    """The action that selects step `s` at the easiest of the difficulties in the bit set `legal`."""
    v = 0
    while legal >> v & 1 == 0:
        v += 1
    return N_VARIANTS * s + v


@compiled
def step_on_path(observation: Any, mask: Any, n_steps: int, steps: Any, difficulties: Any) -> int:
    """Step and difficulty at a boundary, as an action. The path ends with its array, or at `END`."""
    put_off = -1
    for i in range(len(steps)):
        s = steps[i]
        if s == END:
            break
        at, legal = USER_SIZE + s * STEP_SIZE, legal_variants(mask, s)
        if legal and observation[at + DONE] < 0.5:
            if observation[at + GIVEN_UP] < 0.5:
                return at_difficulty(s, difficulties[i], legal)
            if put_off < 0:
                put_off = s
    if put_off >= 0:
        return as_easy_as_can_be(put_off, legal_variants(mask, put_off))
    s = first_step(observation, mask, n_steps)
    return N_VARIANTS * s + standard_of(legal_variants(mask, s))


@compiled
def choose(observation: Any, mask: Any, steps: Any, difficulties: Any) -> int:
    """The action for one user on the path."""
    n_steps = count_steps(mask)
    if observation[SELECT_AT] > 0.5:
        return step_on_path(observation, mask, n_steps, steps, difficulties)
    if mask[N_VARIANTS * n_steps + WAIT]:
        return choose_help(observation, mask, n_steps)
    return choose_message(observation, mask, n_steps)


@compiled
def choose_rows(observations: Any, masks: Any, steps: Any, difficulties: Any, actions: Any) -> None:
    """`choose` for every row."""
    for row in range(len(masks)):
        actions[row] = choose(observations[row], masks[row], steps, difficulties)


class PathPolicy(RowwisePolicy):
    """A path through one journey as a policy. Raises `ValueError` where it is no path of it."""

    def __init__(self, name: str, path: LearningPath, journey: Journey) -> None:
        check_path(path, journey)
        super().__init__(name, self._choose)
        self.path = LearningPath(*(np.ascontiguousarray(array) for array in path))
        n_steps = len(journey.steps)
        self._shape = observation_size(n_steps, len(journey.skills)), n_actions(n_steps)

    def _choose(self, observations: np.ndarray, masks: np.ndarray, actions: np.ndarray) -> None:
        choose_rows(*checked(self._shape, observations, masks), *self.path, actions)
