"""What a linear bandit reads of one action: the same inputs for every step of every journey.

    features  (101)    what policies/step_features.py says of the user (69) and of the step (30), and two more
    network   (H + 2)  the last hidden layer of a step scorer, in place of those 99 (Riquelme, Tucker and Snoek 2018)
    recency   (7)      of help and messages alone: how recently and how often the user was offered such, and whether it
                       is needed (Yancey and Settles 2020); steps are the planner's

The two more are whether the planner (policies/greedy_belief.py) advises this action, and 1. So a bandit that knows
nothing yet may begin as that planner, and what it learns is where to do otherwise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from journeys.actions import INTERVENTIONS, N_RUNGS, N_VARIANTS
from journeys.compiled import compiled
from journeys.observation import USER_INDEX
from policies.network import Weights
from policies.step_features import ROW_SIZE, SHARED_SIZE, StepSkills, is_left, write_current, write_left, write_row
from policies.step_scorer import begin, finish, split
from policies.vector_code import LANES

FEATURES, NETWORK, RECENCY = range(3)
MORE = 2  # inputs at the end: advised, 1
ADVISED = -MORE  # place of the former
SHARED_HEADS = N_VARIANTS + INTERVENTIONS  # one for each difficulty, rung and channel, whatever the step

COOLED, SHOWN, MESSAGES = USER_INDEX["cooled_down"], USER_INDEX["shown"], USER_INDEX["messages"]
RUNG, GAP = USER_INDEX["rung"], USER_INDEX["gap"]
STRUGGLE, ASKED_NOW, ACCEPTANCE = USER_INDEX["struggle"], USER_INDEX["asked_now"], USER_INDEX["acceptance"]
HALF_RECOVERED = 0.5  # cool-downs after which half of the effect of an offer of help is back. Our choice
HALF_ANSWERED = 2.0 / 7.0  # weeks away after which half of that of a message is back. Our choice
N_RECENCY = 5


class Reading(NamedTuple):
    """How inputs are made: their `kind`; of `network` its two networks, first layers split as in a step scorer.

    `hidden` is the size of their last layer, which is filled up to whole vectors.
    """

    kind: int
    hidden: int
    select: Weights
    assist: Weights
    select_row: np.ndarray
    assist_row: np.ndarray
    table: StepSkills


class Desk(NamedTuple):
    """Room to read at, for one user: float32, and int32 numbers of inputs.

    `shared` `(69,)`, `rows` `(S + 1, 30)`, `own` `(R,)`, the hidden layers of a network, and inputs other than 0.
    """

    shared: np.ndarray
    rows: np.ndarray
    own: np.ndarray
    begun: np.ndarray
    one: np.ndarray
    two: np.ndarray
    which: np.ndarray
    values: np.ndarray


def sizes(kind: int, hidden: int) -> tuple[int, int]:
    """Inputs that actions have in common, and inputs of their own."""
    own = {FEATURES: ROW_SIZE, NETWORK: hidden, RECENCY: N_RECENCY}[kind]
    return (SHARED_SIZE if kind == FEATURES else 0), own + MORE


def reading_of(kind: int, networks: tuple[Weights, Weights] | None, table: StepSkills) -> Reading:
    """The reading of a journey's steps; `networks` are those for steps and for interventions, of `network`."""
    if networks is None:
        line, plane = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        nothing = Weights(plane, line, plane, line, plane, line)
        return Reading(kind, 0, nothing, nothing, plane, plane, table)
    (select, select_row), (assist, assist_row) = map(split, networks)
    return Reading(kind, len(networks[0].b2), select, assist, select_row, assist_row, table)


def desk_of(reading: Reading) -> Desk:
    """Room for a reading; what is in it is not defined."""
    hidden, n_steps = len(reading.select.b2), len(reading.table.starts)
    wide = max(SHARED_SIZE, len(reading.select.b1), hidden, ROW_SIZE) + LANES
    return Desk(
        np.empty(SHARED_SIZE, np.float32),
        np.empty((n_steps + 1, ROW_SIZE), np.float32),
        np.empty(max(ROW_SIZE, hidden, N_RECENCY) + MORE, np.float32),
        np.empty(len(reading.select.b1), np.float32),
        np.empty(len(reading.select.b1), np.float32),
        np.empty(hidden, np.float32),
        np.empty(wide, np.int32),
        np.empty(wide, np.float32),
    )


@compiled
def look(reading: Reading, observation: Any, desk: Desk) -> None:
    """Write what all actions of one user have in common."""
    if reading.kind != RECENCY:
        write_left(reading.table, observation, desk.shared, desk.rows)


@compiled
def begin_network(reading: Reading, weights: Weights, desk: Desk) -> None:
    """The first layer of a network, if there is one, as far as the shared inputs go."""
    if reading.kind == NETWORK:
        begin(weights, desk.shared, desk.which, desk.values, desk.begun)


@compiled
def read_row(reading: Reading, weights: Weights, of_row: Any, row: Any, desk: Desk) -> int:
    """Write the own inputs of a step with features `row` `(30,)` into `desk.own`, but for the last two; how many."""
    if reading.kind == NETWORK:
        finish(weights, of_row, desk.begun, row, desk.which, desk.values, desk.one, desk.two)
        for j in range(reading.hidden):
            desk.own[j] = desk.two[j]
        return reading.hidden
    for j in range(ROW_SIZE):
        desk.own[j] = row[j]
    return ROW_SIZE


@compiled
def read_step(reading: Reading, observation: Any, s: int, desk: Desk) -> int:
    """The own inputs of selecting step `s`."""
    if not is_left(observation, s):
        write_row(reading.table, observation, s, desk.rows[s])
    return read_row(reading, reading.select, reading.select_row, desk.rows[s], desk)


@compiled
def read_current(reading: Reading, observation: Any, desk: Desk) -> int:
    """The own inputs of help and messages: those of the step that the user is in; zeros where in none."""
    s = write_current(reading.table, observation, desk.rows)
    return read_row(reading, reading.assist, reading.assist_row, desk.rows[s], desk)


@compiled
def read_recency(observation: Any, is_message: bool, own: Any) -> int:
    """The own inputs of help, or of a message, under `recency`.

    The first is how recently such was offered: 1 just now, and half of it for every half-life since. Time counts from
    the last offer of help, in cool-downs, further than which the observation does not look back; beyond them help is
    recent as long as the visit lasts in which it was offered, then recovered. Of messages, it counts from when the user
    left.
    """
    exposure = observation[MESSAGES] if is_message else observation[SHOWN]
    recent = is_message or observation[COOLED] < 1.0 or observation[RUNG] > 0.0
    halves = observation[GAP] / HALF_ANSWERED if is_message else observation[COOLED] / HALF_RECOVERED
    own[0] = 0.5**halves if exposure > 0.0 and recent else 0.0
    own[1] = exposure
    own[2], own[3], own[4] = observation[STRUGGLE], observation[ASKED_NOW], observation[ACCEPTANCE]
    return N_RECENCY


@compiled
def head_of(action: int, n_steps: int, n_heads: int) -> int:
    """The regression that rates an action: of its own, or shared over steps; of recency only for interventions."""
    base = N_VARIANTS * n_steps
    if n_heads == base + INTERVENTIONS:
        return action
    if n_heads == SHARED_HEADS:
        return action % N_VARIANTS if action < base else N_VARIANTS + action - base
    return action - base


@compiled
def read_action(reading: Reading, observation: Any, action: int, advised: bool, desk: Desk, inputs: Any) -> None:
    """All inputs `(d,)` float64 of one `action`: common, own, whether it is `advised`, 1."""
    base, n_common, size = N_VARIANTS * len(reading.table.starts), 0, 0
    look(reading, observation, desk)
    if reading.kind == FEATURES:
        n_common = SHARED_SIZE
        for j in range(SHARED_SIZE):
            inputs[j] = desk.shared[j]
    if reading.kind == RECENCY:
        size = read_recency(observation, action >= base + N_RUNGS, desk.own)
    elif action < base:
        begin_network(reading, reading.select, desk)
        size = read_step(reading, observation, action // N_VARIANTS, desk)
    else:
        begin_network(reading, reading.assist, desk)
        size = read_current(reading, observation, desk)
    for j in range(size):
        inputs[n_common + j] = desk.own[j]
    inputs[n_common + size] = 1.0 if advised else 0.0
    inputs[n_common + size + 1] = 1.0
