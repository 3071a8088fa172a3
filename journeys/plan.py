"""A journey compiled into arrays: what the fold, the observation, the mask and the synthetic users read.

Sets of steps and of skills are 64-bit words, so that "all prerequisites are done" is one operation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys import knowledge
from journeys.actions import DIFFICULTIES, N_RUNGS, N_VARIANTS
from journeys.checks import counts
from journeys.spec import Journey, Step
from journeys.words import word_of

MS = 1000  # milliseconds in a second
MINUTE_S = 60.0
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MOST_LEARN = 0.95  # a practice never teaches for certain

RULES = np.dtype(
    [
        ("required", "u8"),  # set of steps that complete the journey
        ("optional", "u8"),
        ("cooldown_ms", "i8"),
        ("lapse_ms", "i8"),
        ("horizon_ms", "i8"),
        ("budget_seconds", "f8"),
        ("help_budget", "i4"),
        ("message_budget", "i4"),
        ("n_checks", "i4"),
        ("n_required", "i4"),
        ("n_optional", "i4"),
        ("human_support", "u1"),
        ("forgetting", "u1"),
    ],
    align=True,
)

STEP_PLAN = np.dtype(
    [
        ("after", "u8"),  # set of steps that must be done first
        ("skills_from", "i4"),  # where the step's skills begin in `Plan.skills`: first those taught, then those needed
        ("taught_to", "i4"),
        ("skills_to", "i4"),
        ("exercised", "u8"),  # set of skills needed or taught
        ("taught", "u8"),
        ("related", "u8"),  # set of steps that exercise a skill that this one exercises, itself included
        ("opens", "u8"),  # set of steps that name this one as a prerequisite
        ("seconds", "f8"),  # expected active time of the standard variant
        ("minutes_scaled", "f8"),  # observation entry: minutes / LONG_STEP_MINUTES, at most 1
        ("unlocks", "f8"),  # observation entry: share of the other steps that wait for this one, directly or not
        ("required", "u1"),
        ("variants", "u1"),  # bit v: the difficulty v exists
        ("video", "u1"),  # watched, not attempted
        ("desk_work", "u1"),  # a form or an integration: typing, for which a small screen is slow
    ],
    align=True,
)

LONG_STEP_MINUTES = 20.0  # a step this long or longer reads 1 in the observation


class Plan(NamedTuple):
    """`S` steps, `K` skills, `V` = 3 difficulties, `R` = 5 rungs (help taken: none, hint, guidance, full, human)."""

    rules: np.ndarray  # (1,) RULES
    steps: np.ndarray  # (S,) STEP_PLAN
    checks_ms: np.ndarray  # (n_checks,) int64: time after leaving of each `away` event
    prior: np.ndarray  # (K,) P(known at sign-up)
    weight: np.ndarray  # (K,) share of the required steps that exercise the skill
    slip: np.ndarray  # (S, V)
    guess: np.ndarray  # (S, V, R)
    learn: np.ndarray  # (K, V, R) P(comes to be known in one practice)
    time: np.ndarray  # (V,) factor on the expected time
    goals: np.ndarray  # (G,) uint64: the steps that serve each goal
    skills: np.ndarray  # (E,) numbers of the skills that the steps exercise, step after step


def compile_plan(journey: Journey) -> Plan:
    """Compile a valid journey into arrays."""
    number = {step.name: i for i, step in enumerate(journey.steps)}
    skill_number = {skill.name: k for k, skill in enumerate(journey.skills)}
    return Plan(
        rules=rules_of(journey),
        steps=steps_of(journey, number, skill_number),
        checks_ms=np.array([round(h * HOUR_MS) for h in journey.rules.away_checks_hours], np.int64),
        prior=np.array([skill.prior for skill in journey.skills]),
        weight=skill_weights(journey),
        slip=slips(journey),
        guess=guesses(journey),
        learn=learning(journey),
        time=np.array(knowledge.TIME_OF_DIFFICULTY),
        goals=np.array([word_of(number[name] for name in goal.steps) for goal in journey.goals], np.uint64),
        skills=np.array([skill_number[name] for step in journey.steps for name in exercised(step)], np.int64),
    )


def rules_of(journey: Journey) -> np.ndarray:
    """The journey's rules as one RULES record."""
    needed = counts(journey)
    rules, record = journey.rules, np.zeros(1, RULES)
    record["required"] = word_of(i for i, count in enumerate(needed) if count)
    record["optional"] = word_of(i for i, count in enumerate(needed) if not count)
    record["n_required"], record["n_optional"] = sum(needed), len(needed) - sum(needed)
    record["cooldown_ms"] = round(rules.cooldown_seconds * MS)
    record["lapse_ms"] = round(rules.lapse_hours * HOUR_MS)
    record["horizon_ms"] = round(rules.horizon_days * DAY_MS)
    record["budget_seconds"] = rules.time_budget_minutes * MINUTE_S
    record["help_budget"], record["message_budget"] = rules.help_budget, rules.message_budget
    record["n_checks"], record["human_support"] = len(rules.away_checks_hours), rules.human_support
    record["forgetting"] = rules.forgetting
    return record


def steps_of(journey: Journey, number: dict[str, int], skill_number: dict[str, int]) -> np.ndarray:
    """One STEP_PLAN record per step."""
    steps = np.zeros(len(journey.steps), STEP_PLAN)
    waiting = dependants(journey)
    start = 0
    for record, step in zip(steps, journey.steps, strict=True):
        record["skills_from"], record["taught_to"] = start, start + len(step.teaches)
        start += len(exercised(step))
        record["skills_to"] = start
        record["after"] = word_of(number[name] for name in step.after)
        record["taught"] = word_of(skill_number[name] for name in step.teaches)
        record["exercised"] = word_of(skill_number[name] for name in exercised(step))
        record["related"] = word_of(i for i, other in enumerate(journey.steps) if share_skill(step, other)) | word_of(
            [number[step.name]]
        )
        record["opens"] = word_of(i for i, other in enumerate(journey.steps) if step.name in other.after)
        record["seconds"] = step.minutes * MINUTE_S
        record["minutes_scaled"] = min(1.0, step.minutes / LONG_STEP_MINUTES)
        record["unlocks"] = len(waiting[step.name]) / max(1, len(journey.steps) - 1)
        record["required"] = step.required or journey.completed_when == "all"
        record["variants"] = word_of(DIFFICULTIES.index(difficulty) for difficulty in step.difficulties)
        record["video"] = step.kind == "video"
        record["desk_work"] = step.kind in {"form", "integration"}
    return steps


def exercised(step: Step) -> list[str]:
    """Skills that an attempt at the step gives evidence of, those that it teaches first."""
    return list(dict.fromkeys((*step.teaches, *step.needs)))


def share_skill(one: Step, other: Step) -> bool:
    """Whether an attempt at one step changes what is believed of the other."""
    return not set(exercised(one)).isdisjoint(exercised(other))


def dependants(journey: Journey) -> dict[str, set[str]]:
    """For each step, the steps that wait for it directly or through others."""
    waiting: dict[str, set[str]] = {step.name: set() for step in journey.steps}
    for _ in journey.steps:  # at most as many rounds as the longest chain
        for step in journey.steps:
            for name in step.after:
                waiting[name] |= {step.name} | waiting[step.name]
    return waiting


def skill_weights(journey: Journey) -> np.ndarray:
    """Share of the required steps that exercise each skill."""
    required = [step for step, needed in zip(journey.steps, counts(journey), strict=True) if needed]
    return np.array([sum(s.name in exercised(step) for step in required) / len(required) for s in journey.skills])


def mean_over_skills(journey: Journey, step: Step, field: str, otherwise: float) -> float:
    """Mean of a skill parameter over the skills on which success at the step depends."""
    values = [getattr(skill, field) for skill in journey.skills if skill.name in attempted(step)]
    return sum(values) / len(values) if values else otherwise


NO_SKILL_SLIP = 0.05  # a step that exercises no skill still fails now and then: a typing error


def attempted(step: Step) -> list[str]:
    """Skills on which success at the step depends: none where it is only watched, so that it is no evidence of any."""
    return [] if step.kind == "video" else exercised(step)


def slips(journey: Journey) -> np.ndarray:
    """P(fail | all exercised skills known), shape `(S, V)`: mean of the skills' slips, odds scaled by difficulty."""
    return np.array(
        [
            [
                knowledge.scale_odds(mean_over_skills(journey, step, "slip", NO_SKILL_SLIP), factor)
                for factor in knowledge.SLIP_ODDS_OF_DIFFICULTY
            ]
            for step in journey.steps
        ]
    )


def guesses(journey: Journey) -> np.ndarray:
    """P(succeed | some exercised skill unknown), shape `(S, V, R)`: odds scaled by difficulty and by help taken.

    At most what those who know reach unaided: whatever the help, a success never speaks against knowing. Where
    success depends on no skill, it is the same for all.
    """
    knowing = 1.0 - slips(journey)
    table = np.zeros((len(journey.steps), N_VARIANTS, N_RUNGS))
    for s, step in enumerate(journey.steps):
        if not attempted(step):
            table[s] = knowing[s][:, None]
            continue
        guess = mean_over_skills(journey, step, "guess", 1.0)
        for v, by_difficulty in enumerate(knowledge.GUESS_ODDS_OF_DIFFICULTY):
            for r, by_rung in enumerate(knowledge.GUESS_ODDS_OF_RUNG):
                table[s, v, r] = min(knowing[s, v], knowledge.scale_odds(guess, by_difficulty * by_rung))
    return table


def learning(journey: Journey) -> np.ndarray:
    """P(an unknown taught skill comes to be known in one practice), shape `(K, V, R)`."""
    base = np.array([skill.learn for skill in journey.skills])
    factor = np.outer(knowledge.LEARN_OF_DIFFICULTY, knowledge.LEARN_OF_RUNG)
    return np.asarray(np.minimum(MOST_LEARN, base[:, None, None] * factor))
