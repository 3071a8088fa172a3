"""The learner models that ship: which of them the synthetic users of a run follow, and whether they forget."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from journeys.spec import Journey
from personas.persona import shipped

Model = Literal["bkt", "afm", "irt"]
FOLDER = Path(__file__).resolve().parents[1] / "conf" / "learner"


class LearnerError(ValueError):
    """A learner that cannot be used: what is wrong and how to mend it."""


class Learner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How knowledge is held (binary mastery, additive factors, item response) and whether it fades."""

    name: str = "bkt"
    model: Model = "bkt"
    forgetting: bool = False

    def __post_init__(self) -> None:
        is_called = self.model + ("_forgetting" if self.forgetting else "")
        if self.name != is_called:  # a run's records go by the name
            raise ValueError(
                f"learner.name is {self.name!r}, but learner.model and learner.forgetting make it {is_called!r}. "
                f"Mend: choose the whole learner, as in learner={self.name}"
            )


BINARY_MASTERY = Learner()


def load_learner(name: str) -> Learner:
    """A shipped learner. Raises `LearnerError` where there is none of that name."""
    if name not in shipped("learner"):
        raise LearnerError(f"no learner called {name!r}. Mend: use one of {', '.join(shipped('learner'))}")
    return msgspec.convert(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()), Learner)


def journey_under(journey: Journey, learner: Learner) -> Journey:
    """The journey as it is where users forget: with reviews, for a learner that forgets."""
    if not learner.forgetting or journey.rules.forgetting:
        return journey
    return msgspec.structs.replace(journey, rules=msgspec.structs.replace(journey.rules, forgetting=True))
