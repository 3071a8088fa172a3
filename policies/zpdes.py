"""ZPDES: the activities of the zone of proximal development, drawn by recent progress, with some exploration.

Clement, Roy, Oudeyer and Lopes 2015 (Multi-Armed Bandits for Intelligent Tutoring Systems, JEDM 7(2)). An activity is
a step at a difficulty. Those in the zone are drawn with probability

    p_a = (1 - g) q_a / (sum of q over the zone) + g / (size of the zone),      g = EXPLORATION,

q_a being the success rate of the newer half of the recent attempts less that of the older half, where positive.
Success is never predicted for its own sake: an activity is good while the user gets better at it.

Where this differs from the paper. There, each activity keeps a weight that is blended with its latest progress; here
the policy remembers nothing, and quality is what the fold remembers: the progress of each skill over its last eight
attempts at any step, averaged over the skills that the step exercises. There, the zone grows and shrinks by success
rates per activity; here steps enter it by the journey's prerequisites, difficulties by the success that the belief
predicts, and what is mastered leaves it unless the journey is not complete without it. A skill of fewer than two
attempts has no progress yet and gets the quality of a fresh activity, as activities new to the zone do in the paper.

The paper says nothing of help and messages: these are the expert rules'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.actions import N_VARIANTS
from journeys.compiled import compiled
from journeys.observation import (
    SKILL_INDEX,
    SKILL_SIZE,
    STEP_INDEX,
    STEP_SIZE,
    TREND_OF_HALVES,
    TRIES,
    USER_INDEX,
    USER_SIZE,
)
from journeys.spec import Journey
from policies import expert_rules
from policies.protocol import Choices, draw

SELECT_AT = USER_INDEX["select"]
REQUIRED, DONE, SUCCESS_EASY = STEP_INDEX["required"], STEP_INDEX["done"], STEP_INDEX["success_easy"]
TREND, TRIED = SKILL_INDEX["trend"], SKILL_INDEX["tries"]

EXPLORATION = 0.2  # share of draws that are uniform over the zone. Our choice
FRESH = 0.5  # quality of what was not tried yet: that of going from one success in two to two. Our choice
HAS_HALVES = 2  # attempts from which there is a newer and an older half
OPENS = 0.5  # predicted success at a difficulty from which the next harder one joins the zone. Our choice
MASTERED = 0.85  # predicted success from which a difficulty leaves the zone. Our choice; slips keep it from 1


@compiled
def quality_of(observation: Any, exercised: Any, skills_at: int) -> float:
    """Mean quality, 0 to 1, of the skills `exercised` `(K,)` by a step; skill blocks begin at `skills_at`."""
    total, n = 0.0, 0
    for k in range(len(exercised)):
        if exercised[k]:
            at = skills_at + k * SKILL_SIZE
            progress = (observation[at + TREND] - TREND_OF_HALVES) / TREND_OF_HALVES
            fresh = observation[at + TRIED] * TRIES < HAS_HALVES - 0.5
            total += FRESH if fresh else max(0.0, progress)
            n += 1
    return total / n if n else FRESH


@compiled
def zone_of(observation: Any, mask: Any, s: int) -> int:
    """The difficulties of step `s` in the zone, as a bit set: none harder than is open, none easier than is mastered.

    The zone is empty where all of the step is mastered, unless the journey is not complete without it.
    """
    at = USER_SIZE + s * STEP_SIZE
    to_be_done = observation[at + REQUIRED] > 0.5 and observation[at + DONE] < 0.5
    zone, opened, mastered = 0, True, False
    for v in range(N_VARIANTS):
        if mask[N_VARIANTS * s + v] and opened:
            zone = 1 << v if mastered else zone | 1 << v
            opened, mastered = (
                observation[at + SUCCESS_EASY + v] >= OPENS,
                observation[at + SUCCESS_EASY + v] >= MASTERED,
            )
    return zone if to_be_done or not mastered else 0


@compiled
def mark_zone(observation: Any, mask: Any, n_steps: int, out: Any) -> int:
    """Write 1 for every activity in the zone into `out` `(A,)`, zero before; returns how many there are.

    Where all that may be selected is mastered, that is the zone.
    """
    size = 0
    for strict in (True, False):
        for s in range(n_steps if size == 0 else 0):
            zone = zone_of(observation, mask, s)
            for v in range(N_VARIANTS):
                if zone >> v & 1 if strict else mask[N_VARIANTS * s + v]:
                    out[N_VARIANTS * s + v] = 1.0
                    size += 1
    return size


@compiled
def weigh(observation: Any, mask: Any, exercised: Any, out: Any) -> None:
    """Write the probabilities of one user's selections into `out` `(A,)`, zero before; `exercised` `(S, K)`."""
    n_steps = len(exercised)
    skills_at = USER_SIZE + n_steps * STEP_SIZE
    size, total = mark_zone(observation, mask, n_steps, out), 0.0
    for s in range(n_steps):
        quality = quality_of(observation, exercised[s], skills_at)
        for v in range(N_VARIANTS):
            total += out[N_VARIANTS * s + v] * quality
    for s in range(n_steps):
        quality = quality_of(observation, exercised[s], skills_at)
        share = quality / total if total > 0.0 else 1.0 / size
        for v in range(N_VARIANTS):
            out[N_VARIANTS * s + v] *= (1.0 - EXPLORATION) * share + EXPLORATION / size


@compiled
def weigh_rows(observations: Any, masks: Any, exercised: Any, out: Any) -> None:
    """Probabilities for every row: drawn at a boundary, the expert rules' action elsewhere."""
    for row in range(len(masks)):
        if observations[row, SELECT_AT] > 0.5:
            weigh(observations[row], masks[row], exercised, out[row])
        else:
            out[row, expert_rules.choose(observations[row], masks[row])] = 1.0


class Zpdes:
    """ZPDES for one journey: which step exercises which skill is the journey's, and not in the observation."""

    name = "zpdes"

    def __init__(self, journey: Journey) -> None:
        self.exercised = np.array(
            [[skill.name in {*step.needs, *step.teaches} for skill in journey.skills] for step in journey.steps], bool
        )

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Rows over the zone at a boundary, one-hot elsewhere; shape `(n, A)`."""
        probabilities = np.zeros(masks.shape)
        weigh_rows(observations, masks, self.exercised, probabilities)
        return probabilities

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        return draw(self.probabilities(observations, masks), keys)
