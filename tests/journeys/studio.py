"""A small journey with everything in it that a journey can have: a video, goals, reviews, steps without a skill."""

from __future__ import annotations

from typing import Any

import msgspec

from journeys.loading import journey_from
from journeys.spec import Journey
from tests.journeys.random_logs import HELP

SKILLS = [
    {"name": "light", "prior": 0.3, "learn": 0.3},
    {"name": "sound", "prior": 0.2, "learn": 0.25, "slip": 0.05},
    {"name": "cut", "prior": 0.15, "learn": 0.2, "guess": 0.1},
]
STEPS: list[dict[str, Any]] = [
    {"name": "lamp", "teaches": ["light"], "minutes": 2},
    {"name": "film", "kind": "video", "teaches": ["light", "sound"], "minutes": 4},
    {"name": "microphone", "kind": "form", "teaches": ["sound"], "after": ["lamp"], "minutes": 3},
    {"name": "name", "kind": "form", "required": False, "minutes": 1},
    {"name": "trailer", "needs": ["light"], "teaches": ["cut"], "after": ["film", "microphone"], "minutes": 5},
    {"name": "publish", "kind": "integration", "needs": ["light", "cut"], "after": ["trailer"], "minutes": 3},
]
GOALS = [{"name": "film", "steps": ["film", "lamp", "trailer"]}, {"name": "radio", "steps": ["microphone"]}]
RULES = {
    "forgetting": True,
    "cooldown_seconds": 30,
    "help_budget": 8,
    "away_checks_hours": [24, 72],
    "lapse_hours": 336,
}
STUDIO = journey_from(
    {
        "name": "studio",
        "skills": SKILLS,
        "steps": [{"help": HELP, **step} for step in STEPS],
        "rules": RULES,
        "goals": GOALS,
    },
    "studio",
)
LAMP, FILM, MICROPHONE, NAME, TRAILER, PUBLISH = range(len(STEPS))
LIGHT, SOUND, CUT = range(len(SKILLS))


def remembering() -> Journey:
    """The same where nothing is forgotten."""
    return msgspec.structs.replace(STUDIO, rules=msgspec.structs.replace(STUDIO.rules, forgetting=False))
