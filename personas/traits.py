"""The traits in which users differ, and how one is drawn: the vocabulary of persona files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from journeys.compiled import compiled, compiled_apart
from journeys.draws import PURPOSE_TRAIT, normal, uniform

TRAIT_MEANINGS = {
    "prior_odds": "odds of knowing a skill at sign-up, relative to the journey's typical user",
    "learn_odds": "odds of learning in one practice, relative to the typical user",
    "slip_odds": "odds of failing although the skills are known, relative to the typical user",
    "guess_odds": "odds of succeeding although a skill is unknown, relative to the typical user",
    "pace": "active time relative to what the journey expects; 2 is twice as slow",
    "patience": "setbacks that take frustration from 0 to 63%",
    "hesitancy": "P(hesitating or going back) at a moment in which a skill is missing",
    "help_seeking": "P(asking for help) at a moment of full distress",
    "autonomy": "dislike of interruption, 0 to 1",
    "habituation": "how much each further offer is worth less, 0 to 1",
    "session_minutes": "planned length of a session, minutes",
    "motivation": "wish to finish the onboarding, 0 to 1",
    "return_chance": "P(coming back unprompted after leaving) at full motivation",
    "return_hours": "median absence before coming back unprompted, hours",
    "budget_minutes": "time budget declared at sign-up, minutes; 0 declares none",
    "personalise": "P(consenting to personalisation)",
    "push": "P(consenting to push messages)",
    "email": "P(consenting to e-mail)",
    "memory": "stability of memory relative to the typical learner; 0.5 forgets twice as fast",
    "distraction": "P(being called away at a moment of work)",
    "mobile": "P(a session is on a mobile device)",
    "declares": "P(answering the questions at sign-up: goal and experience)",
    "attention": "minutes of video after which half have stopped watching",
    "exploration": "P(beginning another open step than the one offered)",
    "sociability": "pull of peers' visible progress on motivation, 0 to 1",
}
TRAIT_NAMES = tuple(TRAIT_MEANINGS)
TRAITS = np.dtype([(name, "f8") for name in TRAIT_NAMES])

FIXED, UNIFORM, LOGNORMAL, LOGITNORMAL = range(4)
DISTRIBUTIONS = ("fixed", "uniform", "lognormal", "logitnormal")


@compiled
def draw_trait(distribution: int, a: float, b: float, key: Any, purpose: int) -> float:
    """One value: fixed at `a`; uniform on (a, b); log-normal or logit-normal with median `a` and spread `b`.

    The spread is the standard deviation of the value's logarithm or logit.
    """
    if distribution == FIXED:
        return a
    if distribution == UNIFORM:
        return a + (b - a) * uniform(key, purpose)
    z = normal(key, purpose)
    if distribution == LOGNORMAL:
        return a * math.exp(b * z)
    odds = a / (1.0 - a) * math.exp(b * z)
    return odds / (1.0 + odds)


@compiled_apart
def draw_traits(distributions: Any, a: Any, b: Any, key: Any, out: Any) -> None:
    """Fill `out` `(T,)` with one user's traits; the first three arguments `(T,)` describe the user's persona."""
    for t in range(len(out)):
        out[t] = draw_trait(distributions[t], a[t], b[t], key, PURPOSE_TRAIT + t)
