"""Cohorts small enough for tests, and the events of a user told apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.cohort import Cohort, Setting
from agents.learners import load_learner
from journeys.loading import load_journey
from personas.persona import load_population
from policies.families import baseline


def setting_of(
    journey: str = "tiny", policy: str = "rules", population: str = "mixed", learner: str = "bkt"
) -> Setting:
    """A journey, a population, a baseline and a learner model, by name."""
    spec = load_journey(journey)
    return Setting(spec, load_population(population), baseline(policy, spec), load_learner(learner))


def lived(setting: Setting, users: int, **settings: Any) -> Cohort:
    """A cohort that has come to its end, all events kept."""
    cohort = Cohort(setting, users, keep_log=True, **settings)
    cohort.run_model()
    return cohort


def by_user(events: np.ndarray) -> np.ndarray:
    """The same events, one user's after another's."""
    return events[np.argsort(events["user"], kind="stable")]
