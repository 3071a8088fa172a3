"""Greedy on the belief: maximise the expected immediate worth of each decision, by the belief alone. No learning.

Select   (worth of finishing a required step x P(success) + worth of a skill x expected gain) per expected minute.
Assist   offer the rung whose lift of the next attempt's success, where the user seems to struggle, is worth most
         against what an offer to a calm user costs.
Re-engage always, by the channel that works best.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import EMAIL, HINT, HUMAN, N_RUNGS, N_VARIANTS, NOTHING, PUSH, WAIT
from journeys.compiled import compiled
from journeys.knowledge import GUESS_ODDS_OF_RUNG, LEARN_OF_DIFFICULTY, REVIEW_TIME, TIME_OF_DIFFICULTY, scale_odds
from journeys.observation import GAIN as GAIN_SCALE
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from journeys.plan import LONG_STEP_MINUTES
from policies.fixed_path import count_steps
from policies.rowwise import RowwisePolicy

SELECT_AT, ASKED_NOW, STRUGGLE = USER_INDEX["select"], USER_INDEX["asked_now"], USER_INDEX["struggle"]
SUCCESS_NOW, ACCEPTANCE = USER_INDEX["success_now"], USER_INDEX["acceptance"]
REQUIRED, MINUTES, GAIN = STEP_INDEX["required"], STEP_INDEX["minutes"], STEP_INDEX["gain"]
SUCCESS_EASY, DONE = STEP_INDEX["success_easy"], STEP_INDEX["done"]

WORTH_OF_STEP = 1.0
WORTH_OF_SKILL = 1.5
LEAST_MINUTES = 1.0  # setting up a step costs this much on top of its time
COST_OF_OFFER = 0.12  # of an unasked offer to a user in flow, in units of a finished step
COST_OF_HUMAN = 0.6


@compiled
def choose_step(observation: Any, mask: Any, n_steps: int) -> int:
    """The legal (step, difficulty) of most worth per minute."""
    best, best_worth = -1, -1.0
    for a in range(N_VARIANTS * n_steps):
        if mask[a]:
            s, v = a // N_VARIANTS, a % N_VARIANTS
            at = USER_SIZE + s * STEP_SIZE
            gain = observation[at + GAIN] * GAIN_SCALE * LEARN_OF_DIFFICULTY[v]
            done = observation[at + DONE] > 0.5
            step = 0.0 if done else WORTH_OF_STEP * observation[at + REQUIRED]
            worth = step * observation[at + SUCCESS_EASY + v]
            time = LONG_STEP_MINUTES * observation[at + MINUTES] * TIME_OF_DIFFICULTY[v]
            minutes = LEAST_MINUTES + time * (REVIEW_TIME if done else 1.0)
            worth = (worth + WORTH_OF_SKILL * gain) / minutes
            if worth > best_worth:
                best, best_worth = a, worth
    return best


@compiled
def choose_help(observation: Any, mask: Any, n_steps: int) -> int:
    """The legal rung of most worth: expected lift of success less what the offer costs."""
    base = N_VARIANTS * n_steps
    success, struggle = observation[SUCCESS_NOW], observation[STRUGGLE]
    welcome = max(observation[ASKED_NOW], observation[ACCEPTANCE])
    cost = COST_OF_OFFER * (1.0 - struggle) * (1.0 - observation[ASKED_NOW])
    best, best_worth = base + WAIT, 0.0
    for rung in range(HINT, N_RUNGS):
        if mask[base + rung]:
            lift = scale_odds(min(0.999, max(0.001, success)), GUESS_ODDS_OF_RUNG[rung]) - success
            worth = welcome * struggle * lift - cost - (COST_OF_HUMAN if rung == HUMAN else 0.0)
            if worth > best_worth:
                best, best_worth = base + rung, worth
    return best


@compiled
def choose(observation: Any, mask: Any) -> int:
    """The planner's action for one user."""
    n_steps = count_steps(mask)
    base = N_VARIANTS * n_steps
    if observation[SELECT_AT] > 0.5:
        return choose_step(observation, mask, n_steps)
    if mask[base + WAIT]:
        return choose_help(observation, mask, n_steps)
    if mask[base + N_RUNGS + PUSH]:
        return base + N_RUNGS + PUSH
    return base + N_RUNGS + (EMAIL if mask[base + N_RUNGS + EMAIL] else NOTHING)


@compiled
def choose_rows(observations: Any, masks: Any, actions: Any) -> None:
    """`choose` for every row."""
    for row in range(len(masks)):
        actions[row] = choose(observations[row], masks[row])


def greedy_belief() -> RowwisePolicy:
    """The planner as a policy for any journey."""
    return RowwisePolicy("greedy", choose_rows)
