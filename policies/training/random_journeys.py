"""Random onboardings, to train a policy that is to serve journeys nobody has written yet.

A draw has the build of a real onboarding rather than that of a random graph: skills come up one after another; required
steps carry the user on and optional lessons beside them teach; what comes late needs what came early; the last step
often brings everything together. Sizes, times, rules and the skills' parameters range wider than those of the shipped
journeys, which look like draws and are none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.actions import DIFFICULTIES
from journeys.loading import journey_from
from journeys.spec import Journey

STEPS, MOST_SKILLS = (4, 16), 8
PRIOR, LEARN = (0.05, 0.7), (0.08, 0.4)  # over typical users, as fitted to tutors' logs (Corbett and Anderson 1995)
SLIP, GUESS = (0.02, 0.1), (0.05, 0.3)  # customary bounds, see journeys/spec.py
PRIOR_SPREAD = 0.15  # of the skills of one journey around its own level: audiences differ more than skills do
MINUTES, MINUTES_SPREAD = (1.0, 15.0), 0.4  # of a step; spread of the logarithm around the journey's own level
LEVEL_MINUTES = (1.5, 11.0)
SHARE_REQUIRED, CHAIN = (0.4, 1.0), (0.3, 1.0)  # of the steps; P(a step waits for the one before it)
OF_REQUIRED = {"task": 0.45, "form": 0.2, "integration": 0.17, "quiz": 0.13, "video": 0.05}
OF_OPTIONAL = {"video": 0.5, "task": 0.25, "quiz": 0.15, "form": 0.05, "integration": 0.05}
TEACHES, FINALE, ALL_VARIANTS, COMPLETED_BY_ALL, HAS_GOALS, HUMAN, FORGETS = 0.75, 0.7, 0.7, 0.1, 0.6, 0.85, 0.5
CHECKS_HOURS = ((24.0, 72.0, 168.0), (24.0, 72.0), (12.0, 48.0, 120.0), (48.0,), ())
HELP = {rung: f"{rung} for this step" for rung in ("hint", "guidance", "full", "human")}

Luck = np.random.Generator


def random_journey(seed: int) -> Journey:
    """Journey number `seed`, the same each time; 4 to 16 steps over 2 to 8 skills.

    Raises `JourneyError` never: that every draw is sound is tested, and checked here once more.
    """
    luck = np.random.default_rng(seed)
    n_steps = int(luck.integers(STEPS[0], STEPS[1] + 1))
    n_skills = int(luck.integers(2, min(MOST_SKILLS, n_steps // 2) + 1))
    skills = [f"skill-{k}" for k in range(n_skills)]
    steps = random_steps(luck, n_steps, skills)
    raw = {
        "name": f"random-{seed}",
        "skills": random_skills(luck, skills),
        "steps": steps,
        "completed_when": "all" if luck.random() < COMPLETED_BY_ALL else "required",
        "goals": random_goals(luck, [step["name"] for step in steps]),
        "rules": random_rules(luck, sum(step["minutes"] for step in steps)),
    }
    return journey_from(raw, f"random journey {seed}")


def random_skills(luck: Luck, names: list[str]) -> list[dict[str, Any]]:
    """Skills around the level of knowledge that the journey's users bring."""
    level = luck.uniform(*PRIOR)
    return [
        {
            "name": name,
            "prior": float(np.clip(luck.normal(level, PRIOR_SPREAD), *PRIOR)),
            "learn": luck.uniform(*LEARN),
            "slip": luck.uniform(*SLIP),
            "guess": luck.uniform(*GUESS),
        }
        for name in names
    ]


def random_steps(luck: Luck, n_steps: int, skills: list[str]) -> list[dict[str, Any]]:
    """Steps in the order of the journey; every skill is the matter of one at least."""
    share, chain = luck.uniform(*SHARE_REQUIRED), luck.uniform(*CHAIN)
    level, all_variants = np.log(luck.uniform(*LEVEL_MINUTES)), luck.random() < ALL_VARIANTS
    steps: list[dict[str, Any]] = []
    for i, k in enumerate(order_of_skills(luck, n_steps, len(skills))):
        required = i == 0 or bool(luck.random() < share)
        step = {
            "name": f"step-{i}",
            "help": HELP,
            "required": required,
            "after": waits_for(luck, steps, required, chain),
            "minutes": float(np.clip(np.exp(luck.normal(level, MINUTES_SPREAD)).round(1), *MINUTES)),
            "difficulties": DIFFICULTIES if all_variants else random_variants(luck),
            **matter(luck, required, skills[k], [step["name"] for step in steps], skills[:k]),
        }
        steps.append(step)
    if luck.random() < FINALE:
        bring_together(luck, steps, skills)
    return steps


def order_of_skills(luck: Luck, n_steps: int, n_skills: int) -> list[int]:
    """Which skill each step is about: every one at least once, in a loose order."""
    about = np.concatenate([np.arange(n_skills), luck.integers(0, n_skills, n_steps - n_skills)])
    return sorted(about.tolist(), key=lambda k: k + luck.uniform(0.0, 2.0))


def matter(luck: Luck, required: bool, skill: str, before: list[str], earlier: list[str]) -> dict[str, Any]:
    """What a step is about: lessons teach, work needs what came before, and most work teaches as well."""
    kinds = OF_REQUIRED if required else OF_OPTIONAL
    kind = str(luck.choice(list(kinds), p=list(kinds.values())))
    lesson = kind == "video" or not required
    teaches = lesson or luck.random() < TEACHES
    needs = [] if lesson or not before else some(luck, earlier, 2)
    return {"kind": kind, "teaches": [skill] if teaches else [], "needs": needs if teaches else [*needs, skill]}


def waits_for(luck: Luck, steps: list[dict[str, Any]], required: bool, chain: float) -> list[str]:
    """Up to two steps that must be done first; a required step waits for required ones only."""
    before = [step["name"] for step in steps if step["required"] or not required]
    if not before:
        return []
    names = [before[-1]] if luck.random() < chain else some(luck, before, 1)
    return list(dict.fromkeys([*names, *(some(luck, before, 1) if required else [])]))


def bring_together(luck: Luck, steps: list[dict[str, Any]], skills: list[str]) -> None:
    """Make the last step one that needs what was learned and waits for every required step that nothing waits for."""
    last = steps[-1]
    waited = {name for step in steps[:-1] for name in step["after"]}
    last["needs"] = list(dict.fromkeys([*last["teaches"], *last["needs"], *some(luck, skills, 2)]))
    last["after"] = [s["name"] for s in steps[:-1] if s["required"] and s["name"] not in waited]
    last |= {"required": True, "teaches": [], "kind": str(luck.choice(["quiz", "task"]))}


def random_variants(luck: Luck) -> list[str]:
    """At least one difficulty, most often all."""
    there = luck.random(len(DIFFICULTIES)) < TEACHES
    return [name for name, is_there in zip(DIFFICULTIES, there, strict=True) if is_there] or ["standard"]


def random_goals(luck: Luck, names: list[str]) -> list[dict[str, Any]]:
    """None, or up to four that some of the steps serve."""
    n_goals = int(luck.integers(1, 5)) if luck.random() < HAS_GOALS else 0
    return [{"name": f"goal-{g}", "steps": some(luck, names, len(names), least=1)} for g in range(n_goals)]


def random_rules(luck: Luck, minutes: float) -> dict[str, Any]:
    """What a policy may do; users have between a little and much more time than the steps take."""
    return {
        "cooldown_seconds": round(float(np.exp(luck.uniform(np.log(15.0), np.log(300.0))))),
        "help_budget": int(luck.integers(2, 21)),
        "human_support": bool(luck.random() < HUMAN),
        "time_budget_minutes": round(max(10.0, minutes * luck.uniform(0.9, 2.5))),
        "away_checks_hours": CHECKS_HOURS[luck.integers(len(CHECKS_HOURS))],
        "lapse_hours": round(luck.uniform(170.0, 720.0)),
        "horizon_days": round(luck.uniform(7.0, 60.0)),
        "message_budget": int(luck.integers(0, 7)),
        "forgetting": bool(luck.random() < FORGETS),
    }


def some(luck: Luck, names: list[str], most: int, least: int = 0) -> list[str]:
    """Between `least` and `most` of the names, or fewer where there are fewer, in their order."""
    count = int(luck.integers(least, min(most, len(names)) + 1))
    return [names[i] for i in sorted(luck.choice(len(names), count, replace=False).tolist())]
