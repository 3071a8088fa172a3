"""Rows of users played by an actor, a rollout at a time: all that a learner needs is written down."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from journeys.observation import USER_INDEX
from policies.protocol import Policy, draw_rows
from policies.training.actors import DenseActor, StepActor, seen_at
from policies.training.env_group import EnvGroup, Inputs, Outcome

SECONDS_PER_DAY = 86_400.0
PROGRESS = USER_INDEX["progress"]  # flat inputs begin with the user block, with or without a whole observation


class Rollout(NamedTuple):
    """`T` steps of `n` rows. Inputs are `(T + 1, n, ...)`, the others `(T, n)`; `advice` is the teacher's, or -1."""

    inputs: Inputs
    actions: np.ndarray
    propensities: np.ndarray
    rewards: np.ndarray
    discounts: np.ndarray
    over: np.ndarray
    ends: np.ndarray  # value of the last state of episodes that were cut, else 0
    advice: np.ndarray
    personas: np.ndarray
    fate: np.ndarray  # 1 where the episode ended completed, 0 where not or cut, -1 where it went on
    returns: np.ndarray  # of the episode that ended, else 0


class Cut(NamedTuple):
    """Episodes cut at step `t`: their `rows` `(m,)`, and what a critic sees of their last states `(m, C)`."""

    t: int
    rows: np.ndarray
    flat: np.ndarray


class Player:
    """Plays the rows of `group`, `n_steps` decisions of each at a time; they go on where the last rollout ended.

    `shaping` is the potential of a journey's whole progress. `room` holds the last rollout, whose `ends` are for the
    critic to fill where `cut` says; `returns` `(n,)` is what the episodes under way have brought.
    """

    def __init__(self, group: EnvGroup, n_steps: int, discount_per_day: float, shaping: float) -> None:
        self.group, self.n_steps, self.discount_per_day, self.shaping = group, n_steps, discount_per_day, shaping
        self.room = make_room(group, n_steps)
        self.cut: list[Cut] = []
        self.returns = np.zeros(group.n)
        self.look_ahead()

    def look_ahead(self) -> None:
        """See where the rows stand: the next rollout begins there."""
        self.group.look(Inputs(*(array[self.n_steps] for array in self.room.inputs)))

    def begin(self) -> None:
        """Make room for the next rollout."""
        for array in self.room.inputs:
            array[0] = array[self.n_steps]
        self.cut = []
        self.room.ends[:] = self.room.returns[:] = 0.0
        self.room.fate[:] = self.room.advice[:] = -1

    def play(self, actor: DenseActor | StepActor, imitated: Policy | None) -> None:
        """Fill the room with a rollout of `actor`; with the teacher's advice where it is `imitated`."""
        self.begin()
        room = self.room
        for t in range(self.n_steps):
            here = seen_at(room.inputs, [t])
            room.personas[t] = self.group.personas
            with torch.inference_mode():
                logits, _ = actor(here)
                chances = (torch.softmax(logits, dim=1) * here.masks).numpy()
            if imitated is not None:
                room.advice[t] = self.group.advice(imitated)
            draw_rows(chances, self.group.keys(), room.actions[t], room.propensities[t])
            outcome = self.group.step(room.actions[t])
            self.note(t, outcome)
            self.group.look(Inputs(*(array[t + 1] for array in room.inputs)))
            if self.shaping:
                self.shape(t)

    def note(self, t: int, outcome: Outcome) -> None:
        """Write down what step `t` brought."""
        room, over = self.room, outcome.over
        room.rewards[t], room.over[t] = outcome.rewards, over
        room.discounts[t] = self.discount_per_day ** (outcome.elapsed / SECONDS_PER_DAY)
        self.returns += outcome.rewards
        room.fate[t][over] = outcome.completed[over]
        room.returns[t][over] = self.returns[over]
        self.returns[over] = 0.0
        self.cut += [Cut(t, rows, flat) for rows, flat in self.group.cut]

    def shape(self, t: int) -> None:
        """Add what the potential rose by: nothing is left of it behind the end of an episode, unless it was cut."""
        room = self.room
        before, after = (room.inputs.flat[at, :, PROGRESS].astype(np.float64) for at in (t, t + 1))
        after[room.over[t]] = 0.0
        for rows, flat in self.group.cut:
            after[rows] = flat[:, PROGRESS]
        room.rewards[t] += self.shaping * (room.discounts[t] * after - before)


def make_room(group: EnvGroup, n_steps: int) -> Rollout:
    """Room for a rollout."""
    shape = n_steps, group.n
    return Rollout(
        group.room(n_steps + 1),
        actions=np.zeros(shape, np.int64),
        propensities=np.zeros(shape),
        rewards=np.zeros(shape),
        discounts=np.zeros(shape),
        over=np.zeros(shape, bool),
        ends=np.zeros(shape),
        advice=np.full(shape, -1),
        personas=np.zeros(shape, np.int64),
        fate=np.zeros(shape, np.int8),
        returns=np.zeros(shape),
    )
