"""A network that weighs the steps of any journey, one after the other, with the same weights for all of them.

A dense network knows its journey by heart: entry 57 is the belief in this skill, output 12 is that step. This one is
asked about one step at a time, with what policies/step_features.py says of it, and never hears a step's number or name:

    select  (shared, row of step s)             -> how good step s is at easy, standard and hard
    assist  (shared, row of the current step)   -> how good each rung of help and each message is; zeros if none

The softmax runs over whatever is legal. So one set of weights, trained over many journeys, decides in a journey that
nobody had thought of when it was trained: of as many steps and skills as that journey has.

Only what is legal is computed; what the users share (two thirds of the inputs) goes through the first layer once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.actions import N_CHANNELS, N_RUNGS, N_VARIANTS, n_actions
from journeys.compiled import compiled, entry_point
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.dense import LANES, apply, gather, gather_rectified, padded, product, rectify, start
from policies.masked_softmax import draw_legal, list_legal, softmax, spread
from policies.network import Weights
from policies.protocol import Choices
from policies.step_features import (
    NOWHERE,
    ROW_SIZE,
    SHARED_SIZE,
    StepSkills,
    current_step,
    step_skills,
    write_features,
)

HELP_AND_MESSAGES = N_RUNGS + N_CHANNELS


class Scorer(NamedTuple):
    """`Weights` made ready: units padded to whole lanes, the first layer split, the last transposed to `(A, H)`."""

    of_shared: np.ndarray
    of_row: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray


class Room(NamedTuple):
    """Room to work in: of numbers `(2 n,)` int64, of network values float32, of probabilities `(A,)` float64."""

    numbers: np.ndarray
    values: np.ndarray
    chances: np.ndarray


def made_ready(weights: Weights) -> Scorer:
    """The same network in the layout that the loops below want."""
    w1 = padded(weights.w1, 1)
    return Scorer(
        np.ascontiguousarray(w1[:SHARED_SIZE]),
        np.ascontiguousarray(w1[SHARED_SIZE:]),
        padded(weights.b1, 0),
        padded(weights.w2, 0, 1),
        padded(weights.b2, 0),
        padded(weights.w3.T, 1),
        np.ascontiguousarray(weights.b3, np.float32),
    )


@compiled
def begin(scorer: Scorer, shared: Any, which: Any, values: Any, begun: Any) -> None:
    """The first layer before its ReLU, as far as `shared` `(SHARED_SIZE,)` goes: `begun` `(H,)`."""
    start(scorer.b1, begun)
    apply(which, values, gather(shared, which, values), scorer.of_shared, begun)


@compiled
def finish(scorer: Scorer, begun: Any, row: Any, which: Any, values: Any, one: Any, two: Any) -> None:
    """The second hidden layer `two` `(H,)` of what was begun, for one step's `row` `(ROW_SIZE,)`."""
    start(begun, one)
    apply(which, values, gather(row, which, values), scorer.of_row, one)
    start(scorer.b2, two)
    apply(which, values, gather_rectified(one, which, values), scorer.w2, two)
    rectify(two)


@compiled
def score_legal(
    select: Scorer, assist: Scorer, table: StepSkills, observation: Any, mask: Any, room: Room, legal: Any, logits: Any
) -> int:
    """Write the legal actions and their logits into `legal` and `logits`, both `(A,)`; returns how many there are."""
    n_steps, wide = len(table.starts), max(len(select.b2), len(assist.b2), len(select.b1), len(assist.b1))
    which = room.numbers[len(mask) :]
    free = len(mask)
    shared, free = room.values[free : free + SHARED_SIZE], free + SHARED_SIZE
    rows, free = room.values[free : free + (n_steps + 1) * ROW_SIZE], free + (n_steps + 1) * ROW_SIZE
    values, free = room.values[free : free + SHARED_SIZE + wide], free + SHARED_SIZE + wide
    parts, free = room.values[free : free + LANES], free + LANES
    begun, one, two = free, free + wide, free + 2 * wide
    features = rows.reshape((n_steps + 1, ROW_SIZE))
    write_features(table, observation, shared, features)
    count, k = list_legal(mask, legal), 0
    first, second = room.values[begun : begun + len(select.b1)], room.values[one : one + len(select.b1)]
    third = room.values[two : two + len(select.b2)]
    if legal[0] < N_VARIANTS * n_steps:
        begin(select, shared, which, values, first)
        while k < count and legal[k] < N_VARIANTS * n_steps:
            s = legal[k] // N_VARIANTS
            finish(select, first, features[s], which, values, second, third)
            while k < count and legal[k] // N_VARIANTS == s:
                v = legal[k] % N_VARIANTS
                logits[k] = select.b3[v] + product(third, select.w3[v], parts)
                k += 1
    if k < count:
        first, second = room.values[begun : begun + len(assist.b1)], room.values[one : one + len(assist.b1)]
        third = room.values[two : two + len(assist.b2)]
        s = current_step(observation, n_steps)
        if s == NOWHERE:
            s = n_steps
            for j in range(ROW_SIZE):
                features[s, j] = 0.0
        begin(assist, shared, which, values, first)
        finish(assist, first, features[s], which, values, second, third)
        for i in range(k, count):
            j = legal[i] - N_VARIANTS * n_steps
            logits[i] = assist.b3[j] + product(third, assist.w3[j], parts)
    return count


@compiled
def probabilities_of_rows(
    select: Scorer,
    assist: Scorer,
    table: StepSkills,
    temperature: float,
    observations: Any,
    masks: Any,
    room: Room,
    out: Any,
) -> None:
    """Probabilities `(n, A)` of `n` users."""
    for row in range(len(observations)):
        legal, logits = room.numbers[: masks.shape[1]], room.values[: masks.shape[1]]
        count = score_legal(select, assist, table, observations[row], masks[row], room, legal, logits)
        softmax(logits, count, temperature, room.chances)
        spread(legal, room.chances, count, out[row])


@compiled
def decide_rows(
    select: Scorer,
    assist: Scorer,
    table: StepSkills,
    temperature: float,
    observations: Any,
    masks: Any,
    keys: Any,
    room: Room,
    actions: Any,
    propensities: Any,
) -> None:
    """Draw an action per row from the same probabilities."""
    for row in range(len(observations)):
        legal, logits = room.numbers[: masks.shape[1]], room.values[: masks.shape[1]]
        count = score_legal(select, assist, table, observations[row], masks[row], room, legal, logits)
        softmax(logits, count, temperature, room.chances)
        k = draw_legal(room.chances, count, keys[row])
        actions[row] = legal[k] if k >= 0 else -1
        propensities[row] = room.chances[k] if k >= 0 else 0.0


class StepScorer:
    """A trained pair of scorers as a policy for `journey`: any journey, for the same weights."""

    def __init__(self, name: str, select: Weights, assist: Weights, journey: Journey, temperature: float = 1.0) -> None:
        if temperature <= 0.0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self.name, self.temperature, self.select, self.assist = name, temperature, select, assist
        self._scorers = made_ready(select), made_ready(assist), step_skills(journey)
        n_steps, wide = len(journey.steps), max(len(array) for s in self._scorers[:2] for array in (s.b1, s.b2))
        actions, inputs = n_actions(n_steps), SHARED_SIZE + wide
        self._sizes = actions + inputs, actions + SHARED_SIZE + (n_steps + 1) * ROW_SIZE + inputs + LANES + 3 * wide
        self._n_actions, self._n_entries = actions, observation_size(n_steps, len(journey.skills))

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Masked softmax of the scores, shape `(n, A)`."""
        out = np.empty(masks.shape)
        machine_code().probabilities(
            *self._scorers, self.temperature, *self._seen(observations, masks), self._room(), out
        )
        return out

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        choices = Choices(np.empty(len(keys), np.int64), np.empty(len(keys)))
        seen = self._seen(observations, masks)
        keys = np.ascontiguousarray(keys, np.uint64)
        machine_code().decide(*self._scorers, self.temperature, *seen, keys, self._room(), *choices)
        return choices

    def _seen(self, observations: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both in the layout that the machine code takes for granted. Raises `ValueError` on another journey's."""
        if observations.shape[1] != self._n_entries or masks.shape[1] != self._n_actions:
            raise ValueError(
                f"{observations.shape[1]} entries and {masks.shape[1]} actions are not of this journey, which has "
                f"{self._n_entries} and {self._n_actions}. Mend: build the policy for the journey that it serves"
            )
        return np.ascontiguousarray(observations, np.float32), np.ascontiguousarray(masks, np.bool_)

    def _room(self) -> Room:
        numbers, values = self._sizes
        return Room(np.empty(numbers, np.int64), np.empty(values, np.float32), np.empty(self._n_actions))


class MachineCode(NamedTuple):
    """The two loops, called without Numba's dispatch."""

    probabilities: Callable[..., Any]
    decide: Callable[..., Any]


@cache
def machine_code() -> MachineCode:
    """The loops compiled for the only types that they are called with."""
    line, plane, numbers = np.zeros(1, np.float32), np.zeros((1, 1), np.float32), np.zeros(1, np.int64)
    scorer = Scorer(plane, plane, line, plane, line, plane, line)
    room, doubles = Room(numbers, line, np.zeros(1)), np.zeros((1, 1))
    fixed = scorer, scorer, StepSkills(numbers, numbers, numbers, numbers), 1.0, plane, plane.astype(np.bool_)
    return MachineCode(
        entry_point(probabilities_of_rows, *fixed, room, doubles),
        entry_point(decide_rows, *fixed, numbers.astype(np.uint64), room, numbers, doubles[0]),
    )
