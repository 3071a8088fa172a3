"""Expert rules: what an onboarding designer would write down, and the fallback when a learned policy fails.

docs/rules.md is the designer's list, with the reason of each rule and the test that holds it.

Select   policies/step_rules.py.
Assist   who asks is answered, always: the next rung. Unasked, the next rung at plain struggle alone, and never to
         those who wave offers away, who dismissed one in this visit or who watch a video. A human only after all
         else was shown: to who asks and has failed, or unasked to who took full help and goes on failing.
Re-engage a push at the first check, e-mail at the second, then silence; a third message to those alone who have
         come back before.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import EMAIL, FULL, HUMAN, N_RUNGS, N_VARIANTS, NOTHING, PUSH, WAIT
from journeys.compiled import compiled
from journeys.observation import AWAYS, FAILS_IN_ROW, SESSIONS, STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from policies.fixed_path import TOP_RUNG, answer, count_steps, next_rung
from policies.rowwise import RowwisePolicy
from policies.step_rules import choose_step

SELECT_AT, ASKED_NOW, STRUGGLE = USER_INDEX["select"], USER_INDEX["asked_now"], USER_INDEX["struggle"]
ACCEPTANCE, RUNG, TAKEN = USER_INDEX["acceptance"], USER_INDEX["rung"], USER_INDEX["taken"]
FAILED_NOW, AWAY_CHECKS, ALL_SESSIONS = USER_INDEX["fails_in_row"], USER_INDEX["away_checks"], USER_INDEX["sessions"]
CURRENT, VIDEO = STEP_INDEX["current"], STEP_INDEX["video"]

PLAIN_STRUGGLE = 0.45  # two failures in a row, or one with hesitation
WELCOME = 0.3  # acceptance at or below which unasked help stops: 0.28 after two dismissals in a row, 0.5 at first
TRIED_ALONE = 2  # failures in a row before the answer to a question is a human rather than full help once more
WHEEL_SPINNING = 3  # failures in a row, full help taken, before a human is called unasked


@compiled
def watches(observation: Any, n_steps: int) -> bool:
    """Whether the user is in a video."""
    for s in range(n_steps):
        at = USER_SIZE + s * STEP_SIZE
        if observation[at + CURRENT] > 0.5:
            return observation[at + VIDEO] > 0.5
    return False


@compiled
def choose_help(observation: Any, mask: Any, n_steps: int) -> int:
    """Help inside a step."""
    wait, rung = N_VARIANTS * n_steps + WAIT, next_rung(observation, mask, n_steps)
    human, failed = N_VARIANTS * n_steps + HUMAN, observation[FAILED_NOW] * FAILS_IN_ROW + 0.5
    if observation[ASKED_NOW] > 0.5:
        shown = answer(observation, mask, n_steps)
        return human - 1 if shown == human and failed < TRIED_ALONE and mask[human - 1] else shown
    if observation[STRUGGLE] <= PLAIN_STRUGGLE or observation[ACCEPTANCE] <= WELCOME:
        return wait
    if observation[RUNG] > observation[TAKEN] or watches(observation, n_steps):
        return wait
    if rung == human and (observation[TAKEN] * TOP_RUNG < FULL - 0.5 or failed < WHEEL_SPINNING):
        return wait
    return rung


@compiled
def choose_message(observation: Any, mask: Any, n_steps: int) -> int:
    """Message to a user away."""
    base = N_VARIANTS * n_steps + N_RUNGS
    checks = int(observation[AWAY_CHECKS] * AWAYS + 0.5)
    came_back = observation[ALL_SESSIONS] * SESSIONS > 1.5
    if checks > 3 or (checks == 3 and not came_back):
        return base + NOTHING
    first, second = (EMAIL, PUSH) if checks == 2 else (PUSH, EMAIL)
    if mask[base + first]:
        return base + first
    return base + second if mask[base + second] else base + NOTHING


@compiled
def choose(observation: Any, mask: Any) -> int:
    """The rules' action for one user."""
    n_steps = count_steps(mask)
    if observation[SELECT_AT] > 0.5:
        return choose_step(observation, mask, n_steps)
    if mask[N_VARIANTS * n_steps + WAIT]:
        return choose_help(observation, mask, n_steps)
    return choose_message(observation, mask, n_steps)


@compiled
def choose_rows(observations: Any, masks: Any, actions: Any) -> None:
    """`choose` for every row."""
    for row in range(len(masks)):
        actions[row] = choose(observations[row], masks[row])


def expert_rules() -> RowwisePolicy:
    """The expert rules as a policy for any journey."""
    return RowwisePolicy("rules", choose_rows)
