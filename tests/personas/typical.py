"""People made to measure: everybody has the same traits, so that what happens follows from one cause."""

from __future__ import annotations

import numpy as np

from personas.persona import People, Population
from personas.traits import FIXED, TRAIT_NAMES

# The typical user of the journey's parameters: every ratio is 1, nothing interrupts, everybody consents to everything.
TYPICAL = {
    **dict.fromkeys(("prior_odds", "learn_odds", "slip_odds", "guess_odds", "pace", "memory"), 1.0),
    **dict.fromkeys(("personalise", "push", "email", "return_chance"), 1.0),
    "patience": 5.0,
    "hesitancy": 0.2,
    "help_seeking": 0.2,
    "autonomy": 0.4,
    "habituation": 0.3,
    "session_minutes": 20.0,
    "motivation": 0.8,
    "return_hours": 60.0,
    "budget_minutes": 0.0,
    "distraction": 0.0,
    "mobile": 0.0,
    "declares": 0.0,
    "attention": 60.0,
    "exploration": 0.0,
    "sociability": 0.0,
}


def everybody(**traits: float) -> Population:
    """A population of typical users but for these traits."""
    values = TYPICAL | traits
    assert values.keys() == set(TRAIT_NAMES)
    a = np.array([[values[name] for name in TRAIT_NAMES]])
    people = People(np.ones(1), np.full(a.shape, FIXED), a, np.zeros_like(a))
    return Population("everybody", ("typical",), people)


# Whoever lives with these shows every kind of behaviour: they watch by halves, are called away, explore, and come back.
RESTLESS = everybody(
    distraction=0.06, mobile=0.5, declares=0.6, attention=12.0, exploration=0.25, hesitancy=0.3, help_seeking=0.4
)
