"""A linear bandit at work: what each legal action promises, by the regressions as they stand, and a draw.

Learning happens elsewhere (policies/bandits/learning.py): a policy that decides never changes, so the same event is
answered the same way however often it is delivered.

What a user's actions have in common goes through the tables once; inputs of 0 are left out.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.actions import N_RUNGS, N_VARIANTS, n_actions
from journeys.compiled import compiled, entry_point
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.bandits.exploration import Promise, Rule, asks_for_widths, explore, promise_of
from policies.bandits.inputs import (
    FEATURES,
    RECENCY,
    SHARED_HEADS,
    Desk,
    Reading,
    begin_network,
    desk_of,
    head_of,
    look,
    read_current,
    read_recency,
    read_step,
    reading_of,
    sizes,
)
from policies.bandits.regression import Posterior
from policies.bandits.tables import rated, table_of
from policies.compiled_policy import CompiledPolicy, MachineCode
from policies.greedy_belief import choose
from policies.masked_softmax import draw_legal, list_legal, spread
from policies.network import Weights
from policies.step_features import StepSkills, step_skills
from policies.vector import add_products, aligned, gather
from policies.vector_code import LANES


class Model(NamedTuple):
    """`common` `(K, C, W)` and `own` `(K, R, W)`, float32: the two parts of a table, see policies/bandits/tables.py."""

    reading: Reading
    common: np.ndarray
    own: np.ndarray
    rule: Rule


class Room(NamedTuple):
    """Room to decide in, for one user: the inputs' desk, legal actions `(A,)` and their promise and chances.

    `begun` `(3, W)`, one row for each difficulty, `out` `(W,)`, and common inputs other than 0.
    """

    desk: Desk
    legal: np.ndarray
    promise: Promise
    chances: np.ndarray
    begun: np.ndarray
    out: np.ndarray
    which: np.ndarray
    values: np.ndarray


def model_of(reading: Reading, posterior: Posterior, rule: Rule) -> Model:
    """The tables of a posterior for a rule."""
    table, (common, _) = table_of(posterior, asks_for_widths(rule)), sizes(reading.kind, reading.hidden)
    return Model(reading, aligned(table[:, :common]), aligned(table[:, common:]), rule)


def room_of(model: Model) -> Room:
    """Room for a model; what is in it is not defined."""
    n, width = n_actions(len(model.reading.table.starts)), model.own.shape[2]
    inputs = model.common.shape[1] + LANES
    return Room(
        desk_of(model.reading),
        np.empty(n, np.int64),
        promise_of(n),
        np.empty(n),
        np.zeros((N_VARIANTS, width), np.float32),
        np.zeros(width, np.float32),
        np.empty(inputs, np.int32),
        np.empty(inputs, np.float32),
    )


@compiled
def begin_head(model: Model, head: int, n_common: int, room: Room, row: int) -> None:
    """What the common inputs come to in the regression `head`."""
    room.out[:] = np.float32(0.0)
    if n_common:
        add_products(room.out, room.which, room.values, n_common, model.common[head], room.begun[row])
    else:
        room.begun[row, :] = np.float32(0.0)


@compiled
def rate(model: Model, head: int, row: int, count: int, size: int, advised: bool, room: Room, k: int) -> None:
    """Mean and width of legal action number `k`, of whose own inputs the desk holds `count` other than 0."""
    which, values, n = room.desk.which, room.desk.values, count
    if advised:
        which[n], values[n] = size, np.float32(1.0)
        n += 1
    which[n], values[n] = size + 1, np.float32(1.0)
    mean, width = rated(model.own[head], room.begun[row], which, values, n + 1, room.out)
    room.promise.means[k], room.promise.widths[k] = mean, width


@compiled
def rate_steps(model: Model, observation: Any, advised: int, of_steps: int, n_common: int, room: Room) -> None:
    """Rate the legal selections, numbers 0 to `of_steps - 1` of what is legal."""
    n_steps, n_heads = len(model.reading.table.starts), len(model.own)
    shared = n_heads == SHARED_HEADS
    begin_network(model.reading, model.reading.select, room.desk)
    if shared:
        for v in range(N_VARIANTS):
            begin_head(model, v, n_common, room, v)
    k = 0
    while k < of_steps:
        s = room.legal[k] // N_VARIANTS
        size = read_step(model.reading, observation, s, room.desk)
        count = gather(room.desk.own[:size], room.desk.which, room.desk.values)
        while k < of_steps and room.legal[k] // N_VARIANTS == s:
            a = room.legal[k]
            head, v = head_of(a, n_steps, n_heads), a % N_VARIANTS
            if not shared:
                begin_head(model, head, n_common, room, v)
            rate(model, head, v, count, size, a == advised, room, k)
            k += 1


@compiled
def rate_interventions(
    model: Model, observation: Any, advised: int, of_steps: int, count: int, n_common: int, room: Room
) -> None:
    """Rate legal help and messages, numbers `of_steps` to `count - 1` of what is legal."""
    n_steps, n_heads = len(model.reading.table.starts), len(model.own)
    base, size = N_VARIANTS * n_steps, 0
    if model.reading.kind == RECENCY:
        size = read_recency(observation, room.legal[of_steps] >= base + N_RUNGS, room.desk.own)
    else:
        begin_network(model.reading, model.reading.assist, room.desk)
        size = read_current(model.reading, observation, room.desk)
    own = gather(room.desk.own[:size], room.desk.which, room.desk.values)
    for k in range(of_steps, count):
        a = room.legal[k]
        head = head_of(a, n_steps, n_heads)
        begin_head(model, head, n_common, room, 0)
        rate(model, head, 0, own, size, a == advised, room, k)


@compiled
def weigh(model: Model, observation: Any, mask: Any, room: Room) -> int:
    """Write the legal actions and their chances into `room`; returns how many there are."""
    count = list_legal(mask, room.legal)
    room.chances[0] = 1.0
    if count <= 1:
        return count
    base, of_steps, n_common = N_VARIANTS * len(model.reading.table.starts), 0, 0
    while of_steps < count and room.legal[of_steps] < base:
        of_steps += 1
    advised = choose(observation, mask)
    if of_steps and model.reading.kind == RECENCY:
        for k in range(count):
            room.chances[k] = 1.0 if room.legal[k] == advised else 0.0
        return count
    look(model.reading, observation, room.desk)
    if model.reading.kind == FEATURES:
        n_common = gather(room.desk.shared, room.which, room.values)
    if of_steps:
        rate_steps(model, observation, advised, of_steps, n_common, room)
    if of_steps < count:
        rate_interventions(model, observation, advised, of_steps, count, n_common, room)
    explore(model.rule, room.promise, count, room.chances)
    return count


@compiled
def probabilities_of_rows(model: Model, observations: Any, masks: Any, room: Room, out: Any) -> None:
    """Probabilities `(n, A)` of `n` users."""
    for row in range(len(observations)):
        count = weigh(model, observations[row], masks[row], room)
        spread(room.legal, room.chances, count, out[row])


@compiled
def decide_rows(
    model: Model, observations: Any, masks: Any, keys: Any, room: Room, actions: Any, propensities: Any
) -> None:
    """Draw an action per row from the same probabilities."""
    for row in range(len(observations)):
        count = weigh(model, observations[row], masks[row], room)
        draw_legal(room.legal, room.chances, count, keys[row], actions[row : row + 1], propensities[row : row + 1])


@cache
def machine_code() -> MachineCode:
    """The loops compiled for the only types that they are called with."""
    numbers, plane, masks = np.zeros(1, np.int64), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    table = np.zeros((1, 1, LANES), np.float32)
    reading = reading_of(FEATURES, None, StepSkills(numbers, numbers, numbers, numbers))
    model = Model(reading, table, table, Rule(0, 0.0, 0.0))
    fixed, keys = (model, plane, masks), np.zeros(1, np.uint64)
    return MachineCode(
        entry_point(probabilities_of_rows, *fixed, room_of(model), np.zeros((1, 1))),
        entry_point(decide_rows, *fixed, keys, room_of(model), numbers, np.zeros(1)),
    )


class LinearBandit(CompiledPolicy):
    """Regressions as a policy for one journey."""

    machine_code = staticmethod(machine_code)

    def __init__(
        self,
        name: str,
        posterior: Posterior,
        rule: Rule,
        kind: int,
        journey: Journey,
        networks: tuple[Weights, Weights] | None = None,
    ) -> None:
        self._model, n_steps = (
            model_of(reading_of(kind, networks, step_skills(journey)), posterior, rule),
            len(journey.steps),
        )
        super().__init__(name, (self._model,), (observation_size(n_steps, len(journey.skills)), n_actions(n_steps)))

    def room(self) -> Room:
        """Room for one user."""
        return room_of(self._model)
