"""What a policy needs to know to weigh one step of any journey: the same numbers for every step, whatever the journey.

    shared (69)   the user block, and the mean of the step rows over the required steps that are not done
    step row (30) the step block; the mean of the skill blocks of the skills it teaches, and of those it needs; where it
                  stands in the journey, and how many skills it teaches and needs

A policy that reads nothing else can serve a journey that it has never seen.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled
from journeys.observation import (
    SKILL_BLOCK,
    SKILL_SIZE,
    STEP_BLOCK,
    STEP_INDEX,
    STEP_SIZE,
    USER_BLOCK,
    USER_SIZE,
    Entry,
)
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey

POOLED_SIZE = 2 * SKILL_SIZE  # skills taught, skills needed
PLACE = (
    Entry("place", "number of the step / number of the last step"),
    Entry("taught", "number of skills it teaches / 4"),
    Entry("needed", "number of skills it needs and does not teach / 4"),
)
PLACE_SIZE = len(PLACE)
ROW_SIZE = STEP_SIZE + POOLED_SIZE + PLACE_SIZE
SHARED_SIZE = USER_SIZE + ROW_SIZE
INPUT_SIZE = SHARED_SIZE + ROW_SIZE  # of a policy that weighs one step
MANY_SKILLS = 4.0  # of one step: so many taught or needed read 1
REQUIRED, DONE, CURRENT = STEP_INDEX["required"], STEP_INDEX["done"], STEP_INDEX["current"]
NOWHERE = -1
U = np.uint64  # of indices: what cannot be negative need not be looked at for it, and loops become vectors


class StepSkills(NamedTuple):
    """Which skills the `S` steps of a journey exercise: for step `s`, `skills[starts[s]:taught_to[s]]` are taught,
    `skills[taught_to[s]:ends[s]]` needed. All int64.
    """

    skills: np.ndarray
    starts: np.ndarray
    taught_to: np.ndarray
    ends: np.ndarray


def step_skills(journey: Journey) -> StepSkills:
    """The table of one journey."""
    return step_skills_of(compile_plan(journey))


def step_skills_of(plan: Plan) -> StepSkills:
    """The table of one compiled journey."""
    columns = (plan.steps[name].astype(np.int64) for name in ("skills_from", "taught_to", "skills_to"))
    return StepSkills(plan.skills.astype(np.int64), *columns)


def feature_hash() -> str:
    """SHA-256 over names and meanings of all features: what a policy for any journey was trained to read."""
    pooled = [
        (f"{of}.{e.name}", f"mean over the skills {of}: {e.meaning}")
        for of in ("taught", "needed")
        for e in SKILL_BLOCK
    ]
    row = [*map(tuple, STEP_BLOCK), *pooled, *map(tuple, PLACE)]
    left = [(f"left.{name}", f"mean over the required steps not done: {meaning}") for name, meaning in row]
    return hashlib.sha256(repr([*map(tuple, USER_BLOCK), *left, *row]).encode()).hexdigest()


@compiled
def write_mean(observation: Any, skills: Any, low: int, high: int, n_steps: int, out: Any, at: int) -> None:
    """Mean of the blocks of `skills[low:high]` in `out[at : at + SKILL_SIZE]`; zeros where there are none."""
    for j in range(SKILL_SIZE):
        out[U(at + j)] = 0.0
    for i in range(low, high):
        begin = USER_SIZE + n_steps * STEP_SIZE + skills[i] * SKILL_SIZE
        for j in range(SKILL_SIZE):
            out[U(at + j)] += observation[U(begin + j)]
    if high - low > 1:
        for j in range(SKILL_SIZE):
            out[U(at + j)] /= np.float32(high - low)


@compiled
def write_row(table: StepSkills, observation: Any, s: int, out: Any) -> None:
    """The row of step `s` in `out` `(ROW_SIZE,)`."""
    n_steps = len(table.starts)
    begin = USER_SIZE + s * STEP_SIZE
    for j in range(STEP_SIZE):
        out[U(j)] = observation[U(begin + j)]
    start, middle, end = table.starts[s], table.taught_to[s], table.ends[s]
    write_mean(observation, table.skills, start, middle, n_steps, out, STEP_SIZE)
    write_mean(observation, table.skills, middle, end, n_steps, out, STEP_SIZE + SKILL_SIZE)
    at = STEP_SIZE + POOLED_SIZE
    out[at] = np.float32(s / max(1, n_steps - 1))
    out[at + 1] = np.float32(min(1.0, (middle - start) / MANY_SKILLS))
    out[at + 2] = np.float32(min(1.0, (end - middle) / MANY_SKILLS))


@compiled
def current_step(observation: Any, n_steps: int) -> int:
    """The step that the user is in, or `NOWHERE`."""
    for s in range(n_steps):
        if observation[USER_SIZE + s * STEP_SIZE + CURRENT] > 0.5:
            return s
    return NOWHERE


@compiled
def is_left(observation: Any, s: int) -> bool:
    """Whether step `s` is required and not done."""
    at = USER_SIZE + s * STEP_SIZE
    return observation[U(at + REQUIRED)] > 0.5 and observation[U(at + DONE)] < 0.5


@compiled
def write_left(table: StepSkills, observation: Any, shared: Any, rows: Any) -> None:
    """Fill `shared` `(SHARED_SIZE,)`, and `rows` `(S, ROW_SIZE)` of the steps that are left, from `observation`."""
    n_left = 0
    for j in range(USER_SIZE):
        shared[j] = observation[j]
    for j in range(ROW_SIZE):
        shared[USER_SIZE + j] = 0.0
    for s in range(len(table.starts)):
        if is_left(observation, s):
            n_left += 1
            write_row(table, observation, s, rows[s])
            for j in range(ROW_SIZE):
                shared[U(USER_SIZE + j)] += rows[s, U(j)]
    for j in range(ROW_SIZE):
        shared[USER_SIZE + j] /= np.float32(max(1, n_left))


@compiled
def write_features(table: StepSkills, observation: Any, shared: Any, rows: Any) -> None:
    """Fill `shared` `(SHARED_SIZE,)` and `rows` `(S, ROW_SIZE)`, both float32, from `observation` `(D,)`."""
    write_left(table, observation, shared, rows)
    for s in range(len(table.starts)):
        if not is_left(observation, s):
            write_row(table, observation, s, rows[s])


@compiled
def write_current(table: StepSkills, observation: Any, rows: Any) -> int:
    """The row of the step that the user is in, or zeros where in none; returns which of `rows` `(S + 1, ROW_SIZE)`.

    Rows of the steps that are left are there already (`write_left`).
    """
    n_steps = len(table.starts)
    s = current_step(observation, n_steps)
    if s == NOWHERE:
        s = n_steps
        for j in range(ROW_SIZE):
            rows[s, j] = 0.0
    elif not is_left(observation, s):
        write_row(table, observation, s, rows[s])
    return s


@compiled
def write_features_of_rows(table: StepSkills, observations: Any, shared: Any, rows: Any, current: Any) -> None:
    """`write_features` of `n` users; `current` `(n,)` int64 is filled with the step each is in."""
    for i in range(len(observations)):
        write_features(table, observations[i], shared[i], rows[i])
        current[i] = current_step(observations[i], len(table.starts))
