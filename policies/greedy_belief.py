"""Greedy on the belief: maximise the expected immediate worth of each decision, by the belief alone. No learning.

Select   (worth of finishing a required step x P(it is finished) + worth of a skill x expected gain), per minute.
         A step that serves the declared goal is worth a little more. A review is worth what it brings back. A video
         is finished by who does not stop watching, and teaches only then; what was given up is likely to be again.
Assist   offer the rung whose lift of the next attempt's success, where the user seems to struggle, is worth most
         against what an offer to a calm user costs.
Re-engage always, by the channel that works best.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import EMAIL, HINT, HUMAN, N_RUNGS, N_VARIANTS, NOTHING, PUSH, WAIT
from journeys.compiled import compiled
from journeys.knowledge import (
    GUESS_ODDS_OF_RUNG,
    LEARN_OF_DIFFICULTY,
    LEARN_OF_WATCHING,
    REVIEW_TIME,
    TIME_OF_DIFFICULTY,
    scale_odds,
)
from journeys.observation import GAIN as GAIN_SCALE
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from journeys.plan import LONG_STEP_MINUTES
from policies.fixed_path import count_steps
from policies.rowwise import RowwisePolicy

SELECT_AT, ASKED_NOW, STRUGGLE = USER_INDEX["select"], USER_INDEX["asked_now"], USER_INDEX["struggle"]
SUCCESS_NOW, ACCEPTANCE, GIVING_UP = USER_INDEX["success_now"], USER_INDEX["acceptance"], USER_INDEX["giving_up"]
REQUIRED, MINUTES, GAIN = STEP_INDEX["required"], STEP_INDEX["minutes"], STEP_INDEX["gain"]
SUCCESS_EASY, DONE, GIVEN_UP = STEP_INDEX["success_easy"], STEP_INDEX["done"], STEP_INDEX["given_up"]
GOAL, VIDEO = STEP_INDEX["goal"], STEP_INDEX["video"]

WORTH_OF_STEP = 1.0
WORTH_OF_SKILL = 1.5
WORTH_OF_GOAL = 0.15  # of a step that serves the declared goal, beyond its own: who gets what they came for stays
LEAST_MINUTES = 1.0  # setting up a step costs this much on top of its time
ATTENTION_MINUTES = 6.0  # of video after which half have stopped watching (Guo, Kim and Rubin 2014)
ONCE_MORE = 0.4  # P(going through with a step given up before) relative to a fresh one. Our choice
COST_OF_OFFER = 0.12  # of an unasked offer to a user in flow, in units of a finished step
COST_OF_HUMAN = 0.6


@compiled
def persistence(observation: Any, at: int, minutes: float) -> float:
    """P(not giving up a step before it is done), by what was given up before and, of a video, its length."""
    stays = ONCE_MORE if observation[at + GIVEN_UP] > 0.5 else 1.0
    if observation[at + DONE] > 0.5 or observation[at + REQUIRED] < 0.5:
        stays *= 1.0 - observation[GIVING_UP]  # what need not be done is no place to lose heart again
    return stays * 0.5 ** (minutes / ATTENTION_MINUTES) if observation[at + VIDEO] > 0.5 else stays


@compiled
def worth_per_minute(observation: Any, at: int, v: int) -> float:
    """Worth per minute of the step whose block begins `at`, at difficulty `v`."""
    done, video = observation[at + DONE] > 0.5, observation[at + VIDEO] > 0.5
    minutes = LONG_STEP_MINUTES * observation[at + MINUTES] * TIME_OF_DIFFICULTY[v] * (REVIEW_TIME if done else 1.0)
    step = 0.0 if done else WORTH_OF_STEP * observation[at + REQUIRED] + WORTH_OF_GOAL * observation[at + GOAL]
    gain = observation[at + GAIN] * GAIN_SCALE * LEARN_OF_DIFFICULTY[v] * (LEARN_OF_WATCHING if video else 1.0)
    success = 1.0 if video else observation[at + SUCCESS_EASY + v]
    worth = step * success + WORTH_OF_SKILL * gain
    return worth * persistence(observation, at, minutes) / (LEAST_MINUTES + minutes)


@compiled
def choose_step(observation: Any, mask: Any, n_steps: int) -> int:
    """The legal (step, difficulty) of most worth per minute."""
    best, best_worth = -1, -1.0
    for a in range(N_VARIANTS * n_steps):
        if mask[a]:
            worth = worth_per_minute(observation, USER_SIZE + a // N_VARIANTS * STEP_SIZE, a % N_VARIANTS)
            if worth > best_worth:
                best, best_worth = a, worth
    return best


@compiled
def choose_help(observation: Any, mask: Any, n_steps: int) -> int:
    """The legal rung of most worth: expected lift of success less what the offer costs."""
    base = N_VARIANTS * n_steps
    success, asked = observation[SUCCESS_NOW], observation[ASKED_NOW]
    need = observation[STRUGGLE]
    welcome = max(asked, observation[ACCEPTANCE])
    cost = COST_OF_OFFER * (1.0 - need) * (1.0 - asked)
    best, best_worth = base + WAIT, 0.0
    for rung in range(HINT, N_RUNGS):
        if mask[base + rung]:
            lift = scale_odds(min(0.999, max(0.001, success)), GUESS_ODDS_OF_RUNG[rung]) - success
            worth = welcome * need * lift - cost - (COST_OF_HUMAN if rung == HUMAN else 0.0)
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
