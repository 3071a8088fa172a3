"""What serves a journey whose bundle cannot be used: the expert rules, each decision marked with the reason."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from journeys.spec import Journey
from policies.bundle import Bundle, Contents, bundle_of, files_of

NAME, VERSION, FAMILY = "stand-in", "0", "rules"


class NoBundleError(RuntimeError):
    """There is no policy to ask: why."""


class Absent:
    """A policy that is not there."""

    name = FAMILY

    def __init__(self, why: str) -> None:
        self.why = why

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> NoReturn:
        """Raises `NoBundleError`."""
        raise NoBundleError(self.why)

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> NoReturn:
        """Raises `NoBundleError`."""
        raise NoBundleError(self.why)


def stand_in(journey: Journey, why: str) -> Bundle:
    """A bundle without a policy: the guard says `why` and the rules answer."""
    bundle = bundle_of(files_of(Contents(NAME, VERSION, journey, FAMILY, {})), NAME)
    return bundle._replace(policy=Absent(why))
