"""The path that users of a policy really take: which step comes when, how hard, for how many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.settings import HELD_OUT, Problem
from journeys.actions import N_VARIANTS
from journeys.observation import USER_INDEX
from journeys.plan import MINUTE_S
from journeys.state import DONE
from policies.protocol import Policy
from policies.training.rollout import Moment, play

SELECT_AT = USER_INDEX["select"]
NOT_LED = 0


class Walk(NamedTuple):
    """What `n` users of a policy did at `S` steps.

    `places` `(n, S)`: 1 for the step that was selected first, 2 for the next one, ...; `NOT_LED` for those that never
    were. `led` `(S, V)` share of users who were first led to the step at each difficulty. `reached`, `finished` `(S,)`
    shares of users who worked on the step, be it of their own accord, and who finished it; `minutes` `(S,)` mean
    active time of those who reached it (0 where nobody did).
    """

    policy: str
    places: np.ndarray
    led: np.ndarray
    reached: np.ndarray
    finished: np.ndarray
    minutes: np.ndarray

    def usual_place(self, s: int) -> float | None:
        """Median place of step `s` among those who were led to it; None where nobody was."""
        led = self.places[self.places[:, s] != NOT_LED, s]
        return float(np.median(led)) if len(led) else None


def walk(problem: Problem, policy: Policy, users: int, seed: int) -> Walk:
    """Watch `users` held-out users, the same who are compared under `seed`, on their way."""
    n_steps = len(problem.journey.steps)
    places, led = np.zeros((users, n_steps), np.int64), np.zeros((n_steps, N_VARIANTS))
    so_far = np.zeros(users, np.int64)

    def watch(moment: Moment) -> None:
        selects = moment.observations[:, SELECT_AT] > 0.5
        rows = moment.rows[selects]
        steps, chosen = np.divmod(moment.choices.actions[selects], N_VARIANTS)
        new = places[rows, steps] == NOT_LED
        rows, steps, chosen = rows[new], steps[new], chosen[new]
        so_far[rows] += 1
        places[rows, steps] = so_far[rows]
        np.add.at(led, (steps, chosen), 1.0 / users)

    played = play(problem.journey, problem.population, policy, users, seed + HELD_OUT, None, watch, problem.learner)
    steps = played.world.steps
    reached = steps["visits"] > 0
    minutes = steps["seconds"].sum(axis=0) / MINUTE_S / np.maximum(1, reached.sum(axis=0))
    return Walk(policy.name, places, led, reached.mean(axis=0), (steps["status"] == DONE).mean(axis=0), minutes)
