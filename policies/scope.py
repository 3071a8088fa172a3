"""What a bundle is for: one journey, or any. Stated when it is written, and compared when it is read."""

from __future__ import annotations

from typing import NamedTuple

from journeys.actions import describe
from journeys.observation import observation_size, schema_hash
from journeys.spec import Journey
from policies.manifest import JourneyOf, ObservationOf
from policies.step_features import INPUT_SIZE, feature_hash

ANY_STEP = "*"  # stands for each step of the journey in the action codec of any journey


class Scope(NamedTuple):
    """The manifest's fields of these names."""

    journey: JourneyOf | None
    observation: ObservationOf
    actions: tuple[str, ...]


def scope_of(journey: Journey | None) -> Scope:
    """The scope of a policy for `journey`; for None, of one that weighs the steps of any journey by their features."""
    if journey is None:
        return Scope(None, ObservationOf(INPUT_SIZE, feature_hash()), tuple(describe((ANY_STEP,))))
    n_steps, n_skills = len(journey.steps), len(journey.skills)
    return Scope(
        JourneyOf(journey.name, journey.version, journey.hash()),
        ObservationOf(observation_size(n_steps, n_skills), schema_hash(n_steps, n_skills)),
        tuple(describe(journey.step_names())),
    )
