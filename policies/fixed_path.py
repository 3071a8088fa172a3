"""The fixed path: what a product tour does without learning anything.

Required steps in the journey's order at standard difficulty, the next rung of help when asked, no messages.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import N_CHANNELS, N_RUNGS, N_VARIANTS, WAIT
from journeys.compiled import compiled
from journeys.mask import standard_of
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from policies.rowwise import RowwisePolicy

SELECT_AT, ASKED_NOW, RUNG = USER_INDEX["select"], USER_INDEX["asked_now"], USER_INDEX["rung"]
REQUIRED, DONE = STEP_INDEX["required"], STEP_INDEX["done"]
TOP_RUNG = N_RUNGS - 1


@compiled
def legal_variants(mask: Any, s: int) -> int:
    """Bit set of the difficulties at which step `s` may be selected."""
    return int(mask[N_VARIANTS * s]) + 2 * int(mask[N_VARIANTS * s + 1]) + 4 * int(mask[N_VARIANTS * s + 2])


@compiled
def first_step(observation: Any, mask: Any, n_steps: int) -> int:
    """The first required step to be done that may be selected, or else the first step that may."""
    first = -1
    for s in range(n_steps):
        if legal_variants(mask, s):
            at = USER_SIZE + s * STEP_SIZE
            if observation[at + REQUIRED] > 0.5 and observation[at + DONE] < 0.5:
                return s
            if first < 0:
                first = s
    return first


@compiled
def next_rung(observation: Any, mask: Any, n_steps: int) -> int:
    """The action of the lowest rung above those shown in this visit, or waiting where that is not legal."""
    base = N_VARIANTS * n_steps
    rung = min(TOP_RUNG, int(observation[RUNG] * TOP_RUNG + 0.5) + 1)
    return base + rung if mask[base + rung] else base + WAIT


@compiled
def answer(observation: Any, mask: Any, n_steps: int) -> int:
    """What who asks is shown: the next rung, or where there is none the highest that is legal, once more."""
    base = N_VARIANTS * n_steps
    rung = next_rung(observation, mask, n_steps)
    if rung == base + WAIT:
        for r in range(1, N_RUNGS):
            if mask[base + r]:
                rung = base + r
    return rung


@compiled
def count_steps(mask: Any) -> int:
    """Number of steps of the journey that a mask belongs to."""
    return (len(mask) - N_RUNGS - N_CHANNELS) // N_VARIANTS


@compiled
def choose(observation: Any, mask: Any) -> int:
    """The fixed path's action for one user."""
    n_steps = count_steps(mask)
    base = N_VARIANTS * n_steps
    if observation[SELECT_AT] > 0.5:
        s = first_step(observation, mask, n_steps)
        return N_VARIANTS * s + standard_of(legal_variants(mask, s))
    if mask[base + WAIT]:
        return answer(observation, mask, n_steps) if observation[ASKED_NOW] > 0.5 else base + WAIT
    return base + N_RUNGS


@compiled
def choose_rows(observations: Any, masks: Any, actions: Any) -> None:
    """`choose` for every row."""
    for row in range(len(masks)):
        actions[row] = choose(observations[row], masks[row])


def fixed_path() -> RowwisePolicy:
    """The fixed path as a policy for any journey."""
    return RowwisePolicy("fixed", choose_rows)
