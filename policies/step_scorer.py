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

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.actions import N_VARIANTS, n_actions
from journeys.compiled import compiled, entry_point
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.compiled_policy import CompiledPolicy, MachineCode
from policies.masked_softmax import draw_legal, list_legal, softmax, spread
from policies.network import Room, Weights, made_ready, room_of, second_layer
from policies.step_features import (
    ROW_SIZE,
    SHARED_SIZE,
    StepSkills,
    is_left,
    step_skills,
    write_current,
    write_left,
    write_row,
)
from policies.vector import add_products, aligned, dot, gather


class Scorer(NamedTuple):
    """`select` and `assist`, the first layer of each split in two: `(69, H)` for shared inputs, `(30, H)` for a row."""

    select: Weights
    assist: Weights
    select_row: np.ndarray
    assist_row: np.ndarray
    table: StepSkills


def scorer_of(select: Weights, assist: Weights, journey: Journey) -> Scorer:
    """Both networks on whole vectors, and the journey's skills."""
    (of_shared, row), (assist_of_shared, assist_row) = split(select), split(assist)
    return Scorer(of_shared, assist_of_shared, row, assist_row, step_skills(journey))


def split(weights: Weights) -> tuple[Weights, np.ndarray]:
    """A network on whole vectors with the first layer's shared inputs `(69, H)`, and that of a row `(30, H)`."""
    return made_ready(weights._replace(w1=weights.w1[:SHARED_SIZE])), aligned(weights.w1[SHARED_SIZE:], 1)


@compiled
def begin(weights: Weights, shared: Any, which: Any, values: Any, begun: Any) -> None:
    """The first layer before its ReLU, as far as `shared` `(SHARED_SIZE,)` goes: `begun` `(H,)`."""
    add_products(weights.b1, which, values, gather(shared, which, values), weights.w1, begun)


@compiled
def finish(weights: Weights, of_row: Any, begun: Any, row: Any, which: Any, values: Any, one: Any, two: Any) -> None:
    """The second hidden layer `two` of what was begun, for one step's `row` `(ROW_SIZE,)`."""
    add_products(begun, which, values, gather(row, which, values), of_row, one)
    second_layer(weights, one, which, values, two)


@compiled
def layers_in(room_left: Any, weights: Weights) -> tuple[Any, Any, Any, Any]:
    """Room for what is begun, both hidden layers, and the values of a layer's inputs."""
    width, end = len(weights.b1), 2 * len(weights.b1) + len(weights.b2)
    return room_left[:width], room_left[width : 2 * width], room_left[2 * width : end], room_left[end:]


@compiled
def score_steps(
    weights: Weights,
    of_row: Any,
    table: StepSkills,
    observation: Any,
    shared: Any,
    rows: Any,
    count: int,
    room: Room,
    room_left: Any,
    logits: Any,
) -> None:
    """Logits of the `count` legal (step, difficulty); `rows` holds those of the steps that are left."""
    begun, one, two, values = layers_in(room_left, weights)
    k = 0
    begin(weights, shared, room.which, values, begun)
    while k < count:
        s = room.legal[k] // N_VARIANTS
        if not is_left(observation, s):
            write_row(table, observation, s, rows[s])
        finish(weights, of_row, begun, rows[s], room.which, values, one, two)
        while k < count and room.legal[k] // N_VARIANTS == s:
            v = room.legal[k] - N_VARIANTS * s
            logits[k] = weights.b3[v] + dot(two, weights.w3[v])
            k += 1


@compiled
def score_help(
    weights: Weights, of_row: Any, shared: Any, row: Any, low: int, high: int, base: int, room: Room, room_left: Any,
    logits: Any,
) -> None:  # fmt: skip
    """Logits of the legal help and messages, which are numbers `low` to `high - 1` in the list of what is legal."""
    begun, one, two, values = layers_in(room_left, weights)
    begin(weights, shared, room.which, values, begun)
    finish(weights, of_row, begun, row, room.which, values, one, two)
    for k in range(low, high):
        j = room.legal[k] - base
        logits[k] = weights.b3[j] + dot(two, weights.w3[j])


@compiled
def score_legal(scorer: Scorer, observation: Any, mask: Any, room: Room, logits: Any) -> int:
    """Write the legal actions and their logits into `room.legal` and `logits`; returns how many there are."""
    count = list_legal(mask, room.legal)
    if count <= 1:
        logits[0] = 0.0
        return count
    n_steps = len(scorer.table.starts)
    base, at = N_VARIANTS * n_steps, len(mask) + SHARED_SIZE
    end = at + (n_steps + 1) * ROW_SIZE
    shared, rows = room.values[len(mask) : at], room.values[at:end].reshape((n_steps + 1, ROW_SIZE))
    write_left(scorer.table, observation, shared, rows)
    of_steps = 0
    while of_steps < count and room.legal[of_steps] < base:
        of_steps += 1
    if of_steps:
        score_steps(
            scorer.select,
            scorer.select_row,
            scorer.table,
            observation,
            shared,
            rows,
            of_steps,
            room,
            room.values[end:],
            logits,
        )
    if of_steps < count:
        s, left = write_current(scorer.table, observation, rows), room.values[end:]
        score_help(scorer.assist, scorer.assist_row, shared, rows[s], of_steps, count, base, room, left, logits)
    return count


@compiled
def probabilities_of_rows(
    scorer: Scorer, temperature: float, observations: Any, masks: Any, room: Room, out: Any
) -> None:
    """Probabilities `(n, A)` of `n` users."""
    logits = room.values[: masks.shape[1]]
    for row in range(len(observations)):
        count = score_legal(scorer, observations[row], masks[row], room, logits)
        softmax(logits, count, temperature, room.chances)
        spread(room.legal, room.chances, count, out[row])


@compiled
def decide_rows(
    scorer: Scorer,
    temperature: float,
    observations: Any,
    masks: Any,
    keys: Any,
    room: Room,
    actions: Any,
    propensities: Any,
) -> None:
    """Draw an action per row from the same probabilities."""
    logits = room.values[: masks.shape[1]]
    for row in range(len(observations)):
        count = score_legal(scorer, observations[row], masks[row], room, logits)
        softmax(logits, count, temperature, room.chances)
        draw_legal(room.legal, room.chances, count, keys[row], actions[row : row + 1], propensities[row : row + 1])


@cache
def machine_code() -> MachineCode:
    """The loops compiled for the only types that they are called with."""
    line, plane, masks = np.zeros(1, np.float32), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    numbers, weights = np.zeros(1, np.int64), Weights(plane, line, plane, line, plane, line)
    scorer = Scorer(weights, weights, plane, plane, StepSkills(numbers, numbers, numbers, numbers))
    fixed, room, keys = (scorer, 1.0, plane, masks), room_of(1, 1, 1), np.zeros(1, np.uint64)
    return MachineCode(
        entry_point(probabilities_of_rows, *fixed, room, np.zeros((1, 1))),
        entry_point(decide_rows, *fixed, keys, room, numbers, np.zeros(1)),
    )


class StepScorer(CompiledPolicy):
    """A trained pair of scorers as a policy for `journey`: any journey, for the same weights."""

    machine_code = staticmethod(machine_code)

    def __init__(self, name: str, select: Weights, assist: Weights, journey: Journey, temperature: float = 1.0) -> None:
        if temperature <= 0.0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self.temperature, self.select, self.assist = temperature, select, assist
        scorer, n_steps = scorer_of(select, assist, journey), len(journey.steps)
        widest = max(len(b) for w in (scorer.select, scorer.assist) for b in (w.b1, w.b2))
        n_values = SHARED_SIZE + (n_steps + 1) * ROW_SIZE + 3 * widest
        self._room = n_actions(n_steps), max(SHARED_SIZE, widest), n_values
        super().__init__(
            name, (scorer, temperature), (observation_size(n_steps, len(journey.skills)), n_actions(n_steps))
        )

    def room(self) -> Room:
        """Room for one user."""
        return room_of(*self._room)
