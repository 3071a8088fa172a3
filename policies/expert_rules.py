"""Expert rules: what an onboarding designer would write down, and the fallback when a learned policy fails.

Select   the first required step in order, but practise first (an optional step that teaches) where the belief says
         that the required one is likely to fail; easier the less likely success, hard for the sure.
Assist   when asked, or when struggle is plain and offers have not been waved away: the next rung. A human only when
         asked for, or when all else was shown and the user still fails.
Re-engage a push at the first check, e-mail at the second, then silence.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import EMAIL, HUMAN, N_RUNGS, N_VARIANTS, NOTHING, PUSH, WAIT
from journeys.compiled import compiled
from journeys.mask import standard_of
from journeys.observation import AWAYS, STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from policies.fixed_path import count_steps, first_step, legal_variants, next_rung
from policies.rowwise import RowwisePolicy

SELECT_AT, ASKED_NOW, STRUGGLE = USER_INDEX["select"], USER_INDEX["asked_now"], USER_INDEX["struggle"]
ACCEPTANCE, AWAY_CHECKS = USER_INDEX["acceptance"], USER_INDEX["away_checks"]
GAIN, STANDARD_SUCCESS, REQUIRED = STEP_INDEX["gain"], STEP_INDEX["success_standard"], STEP_INDEX["required"]

LIKELY_TO_FAIL = 0.35  # predicted success below which practice comes first
WANTS_EASY, READY_FOR_HARD = 0.55, 0.85  # the zone between: challenging yet attainable
PLAIN_STRUGGLE = 0.45  # two failures in a row, or one with hesitation
WELCOME = 0.25  # acceptance below which unasked help stops: the last two or three offers were dismissed
WORTH_A_HUMAN = 0.75  # struggle at which a human is called unasked


@compiled
def practice_step(observation: Any, mask: Any, n_steps: int, otherwise: int) -> int:
    """The optional step with the largest expected gain, or `otherwise` where none teaches anything worthwhile."""
    best, best_gain = otherwise, 0.02
    for s in range(n_steps):
        at = USER_SIZE + s * STEP_SIZE
        if legal_variants(mask, s) and observation[at + REQUIRED] < 0.5 and observation[at + GAIN] > best_gain:
            best, best_gain = s, observation[at + GAIN]
    return best


@compiled
def difficulty_for(success: float, variants: int) -> int:
    """Difficulty by predicted success at standard, among the legal `variants`."""
    if success < WANTS_EASY and variants & 1:
        return 0
    if success > READY_FOR_HARD and variants & 4:
        return 2
    return standard_of(variants)


@compiled
def choose_step(observation: Any, mask: Any, n_steps: int) -> int:
    """Step and difficulty at a boundary."""
    s = first_step(observation, mask, n_steps)
    if observation[USER_SIZE + s * STEP_SIZE + STANDARD_SUCCESS] < LIKELY_TO_FAIL:
        s = practice_step(observation, mask, n_steps, s)
    success = observation[USER_SIZE + s * STEP_SIZE + STANDARD_SUCCESS]
    return N_VARIANTS * s + difficulty_for(success, legal_variants(mask, s))


@compiled
def choose_help(observation: Any, mask: Any, n_steps: int) -> int:
    """Help inside a step."""
    base = N_VARIANTS * n_steps
    asked = observation[ASKED_NOW] > 0.5
    struggling = observation[STRUGGLE] > PLAIN_STRUGGLE and observation[ACCEPTANCE] > WELCOME
    if not asked and not struggling:
        return base + WAIT
    rung = next_rung(observation, mask, n_steps)
    if rung == base + HUMAN and observation[STRUGGLE] < WORTH_A_HUMAN:
        return base + WAIT
    return rung


@compiled
def choose_message(observation: Any, mask: Any, n_steps: int) -> int:
    """Message to a user away."""
    base = N_VARIANTS * n_steps + N_RUNGS
    checks = int(observation[AWAY_CHECKS] * AWAYS + 0.5)
    if checks == 1 and mask[base + PUSH]:
        return base + PUSH
    if checks <= 2 and mask[base + EMAIL]:
        return base + EMAIL
    return base + NOTHING


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
