"""The expert rules at a boundary: which step comes next, and at which difficulty. docs/rules.md gives the reasons.

Order       required steps; those that were given up come last; a win first where one is needed; then the declared
            goal; then the journey's order.
Detours     a review that is due, or an optional step that teaches: only where the step that comes next is likely to
            fail and does not teach what it takes by itself.
Difficulty  easy for those who are likely to fail or come back to a step that they gave up; hard for the sure, as long
            as there is something to learn in it; the short version where there is nothing left to learn.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import EASY, HARD, N_VARIANTS
from journeys.compiled import compiled
from journeys.knowledge import LEARN_OF_WATCHING
from journeys.mask import standard_of
from journeys.observation import GAIN as GAIN_SCALE
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_INDEX, USER_SIZE
from policies.fixed_path import legal_variants

PROGRESS, GIVING_UP, EXPERIENCE = USER_INDEX["progress"], USER_INDEX["giving_up"], USER_INDEX["experience"]
REQUIRED, DONE, GIVEN_UP = STEP_INDEX["required"], STEP_INDEX["done"], STEP_INDEX["given_up"]
SUCCESS_EASY, SUCCESS, SUCCESS_HARD = (STEP_INDEX[f"success_{name}"] for name in ("easy", "standard", "hard"))
GAIN, REVIEW, GOAL, VIDEO = STEP_INDEX["gain"], STEP_INDEX["review"], STEP_INDEX["goal"], STEP_INDEX["video"]

# Points of a step in the order of the required ones; our choice, so that each rule outweighs those below it.
OF_REQUIRED, OF_NOT_GIVEN_UP, OF_A_WIN, OF_GOAL = 16.0, 8.0, 4.0, 1.0
JUST_GAVE_UP = 0.2  # moving average of giving up: one visit given up, and not two steps done since
LIKELY_TO_FAIL = 0.25  # success below which something else comes first: three attempts in four would fail
WANTS_EASY, READY_FOR_HARD = 0.7, 0.85  # the zone between: challenging yet attainable
WORTH_LEARNING = 0.1  # expected skills from one practice; below it there is nothing left to learn
SURE_OF_ONESELF = 0.75  # declared experience: 1 is "much"


@compiled
def choose_step(observation: Any, mask: Any, n_steps: int) -> int:
    """Step and difficulty at a boundary, as an action."""
    s = what_comes_first(observation, mask, n_steps, next_step(observation, mask, n_steps))
    at = USER_SIZE + s * STEP_SIZE
    return N_VARIANTS * s + difficulty_for(observation, at, legal_variants(mask, s))


@compiled
def next_step(observation: Any, mask: Any, n_steps: int) -> int:
    """The step that comes next by the order of the rules, detours left out."""
    needs_a_win = observation[PROGRESS] == 0.0 or observation[GIVING_UP] > JUST_GAVE_UP
    best, most = -1, -1.0
    for s in range(n_steps):
        if legal_variants(mask, s):
            at = USER_SIZE + s * STEP_SIZE
            points = OF_GOAL * observation[at + GOAL]
            if observation[at + REQUIRED] > 0.5 and observation[at + DONE] < 0.5:
                points += OF_REQUIRED
            if observation[at + GIVEN_UP] < 0.5:
                points += OF_NOT_GIVEN_UP
            if needs_a_win:
                points += OF_A_WIN * observation[at + SUCCESS_EASY]
            if points > most:
                best, most = s, points
    return best


@compiled
def what_comes_first(observation: Any, mask: Any, n_steps: int, s: int) -> int:
    """The detour that the step `s` calls for, or `s` itself."""
    at = USER_SIZE + s * STEP_SIZE
    if observation[at + SUCCESS] > LIKELY_TO_FAIL or observation[GIVING_UP] > JUST_GAVE_UP:
        return s
    best, best_gain = s, max(WORTH_LEARNING, teaches(observation, at))
    for other in range(n_steps):
        if legal_variants(mask, other):
            at = USER_SIZE + other * STEP_SIZE
            gain = teaches(observation, at)
            if gain > best_gain and is_detour(observation, at):
                best, best_gain = other, gain
    return best


@compiled
def teaches(observation: Any, at: int) -> float:
    """Expected number of skills that one go at the step whose block begins `at` makes known or brings back."""
    gain = observation[at + GAIN] * GAIN_SCALE
    return gain * LEARN_OF_WATCHING if observation[at + VIDEO] > 0.5 else gain


@compiled
def is_detour(observation: Any, at: int) -> bool:
    """Whether a step may come before the one it serves: a review, but of no video; else optional and not given up."""
    if observation[at + DONE] > 0.5:
        return observation[at + REVIEW] > 0.5 and observation[at + VIDEO] < 0.5
    if observation[at + REQUIRED] > 0.5 or observation[at + GIVEN_UP] > 0.5:
        return False
    return observation[EXPERIENCE] < SURE_OF_ONESELF


@compiled
def difficulty_for(observation: Any, at: int, variants: int) -> int:
    """Difficulty of the step whose block begins `at`, among the legal `variants` (a bit set)."""
    success, learns = observation[at + SUCCESS], teaches(observation, at) > WORTH_LEARNING
    easy = success < WANTS_EASY or observation[at + GIVEN_UP] > 0.5 or (success > READY_FOR_HARD and not learns)
    if easy and variants & 1:
        return EASY
    if learns and observation[at + SUCCESS_HARD] > READY_FOR_HARD and variants & 4:
        return HARD
    return standard_of(variants)
