"""Knowledge tracing written a second time, from docs/journeys.md and the papers, with nothing of the compiled plan.

Parameters come from the journey as its author wrote it and from the factor tables in `journeys/knowledge.py`.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from journeys.knowledge import (
    GUESS_ODDS_OF_DIFFICULTY,
    GUESS_ODDS_OF_RUNG,
    LEARN_OF_DIFFICULTY,
    LEARN_OF_RUNG,
    LEARN_OF_WATCHING,
    SLIP_ODDS_OF_DIFFICULTY,
)
from journeys.spec import Journey, Skill, Step

MOST_LEARN = 0.95  # a practice never teaches for certain


class Attempt(NamedTuple):
    """One attempt: places of step, difficulty and rung of the help taken, and how it went."""

    step: int
    difficulty: int
    rung: int
    success: bool


def odds_times(p: float, factor: float) -> float:
    """The probability of `factor` times the odds of `p`."""
    odds = factor * p / (1.0 - p)
    return odds / (1.0 + odds)


def skills_of(journey: Journey, step: Step) -> list[Skill]:
    """Skills that an attempt at a step exercises: those it needs and those it teaches."""
    return [skill for skill in journey.skills if skill.name in step.needs or skill.name in step.teaches]


def slip_of(journey: Journey, attempt: Attempt) -> float:
    """P(fail | all skills known): mean over the skills, odds by difficulty; help does not change it."""
    skills = skills_of(journey, journey.steps[attempt.step])
    mean = sum(skill.slip for skill in skills) / len(skills)
    return odds_times(mean, SLIP_ODDS_OF_DIFFICULTY[attempt.difficulty])


def guess_of(journey: Journey, attempt: Attempt) -> float:
    """P(succeed | some skill unknown): mean over the skills, odds by difficulty and by help, at most P(.. | known)."""
    skills = skills_of(journey, journey.steps[attempt.step])
    mean = sum(skill.guess for skill in skills) / len(skills)
    by_difficulty = odds_times(mean, GUESS_ODDS_OF_DIFFICULTY[attempt.difficulty])
    return min(1.0 - slip_of(journey, attempt), odds_times(by_difficulty, GUESS_ODDS_OF_RUNG[attempt.rung]))


def learn_of(skill: Skill, attempt: Attempt) -> float:
    """P(comes to be known in this practice)."""
    return min(MOST_LEARN, skill.learn * LEARN_OF_DIFFICULTY[attempt.difficulty] * LEARN_OF_RUNG[attempt.rung])


def watched(journey: Journey, attempt: Attempt, belief: dict[str, float]) -> dict[str, float]:
    """P(known) after a video: seen to its end it teaches a little; neither outcome is evidence of anything."""
    taught = journey.steps[attempt.step].teaches if attempt.success else ()
    learned = {s.name: LEARN_OF_WATCHING * learn_of(s, attempt) for s in journey.skills if s.name in taught}
    return {name: b + (1.0 - b) * learned.get(name, 0.0) for name, b in belief.items()}


def traced(journey: Journey, attempts: list[Attempt]) -> dict[str, float]:
    """P(known) by skill after attempts: Bayes on each skill given that the others are independent, then practice."""
    belief = {skill.name: skill.prior for skill in journey.skills}
    for attempt in attempts:
        step = journey.steps[attempt.step]
        if step.kind == "video":
            belief = watched(journey, attempt, belief)
            continue
        names = [skill.name for skill in skills_of(journey, step)]
        slip, guess = slip_of(journey, attempt), guess_of(journey, attempt)
        seen_if_all = 1.0 - slip if attempt.success else slip
        seen_else = guess if attempt.success else 1.0 - guess
        after = dict(belief)
        for skill in journey.skills:
            if skill.name not in names:
                continue
            others = prod(belief[name] for name in names if name != skill.name)
            if_known = others * seen_if_all + (1.0 - others) * seen_else
            known = belief[skill.name] * if_known
            after[skill.name] = known / (known + (1.0 - belief[skill.name]) * seen_else)
            if skill.name in step.teaches:
                after[skill.name] += (1.0 - after[skill.name]) * learn_of(skill, attempt)
        belief = after
    return belief
