"""What is trained, on what, and on what it is judged: a study is data, `trial` carries it out.

Seeds of a study differ in training and in the users that they are judged on, so that an interval over seeds holds for
both. Names of studies are those of the tables in docs/experiments/learning.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

JOURNEYS = ("saas", "creator", "course")
PRACTISED, HELD_OUT_LEARNERS = ("bkt", "irt", "afm_forgetting"), ("afm", "bkt_forgetting", "irt_forgetting")
PRACTISED_PEOPLE, OTHER_PEOPLE = "everyone", ("mixed", "beginners", "professionals", "mobile_first", "comeback")
EXACT = "exact"  # stands for the people and the rules of policies/training/exact

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Study:
    """One row of a table: `settings` override those of `PPOSettings`.

    `journey` is what is trained on; with `random_journeys` so many that nobody wrote instead. Judged on every pair of
    `judged_learners` and `judged_people` of every one of `judged_journeys` (default: the journey), and on `extra` pairs.
    """

    name: str
    journey: str
    learners: tuple[str, ...] = ("bkt",)
    people: tuple[str, ...] = ("mixed",)
    random_journeys: int = 0
    judged_journeys: tuple[str, ...] = ()
    judged_learners: tuple[str, ...] = ("bkt",)
    judged_people: tuple[str, ...] = ("mixed",)
    extra: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def pairs(self) -> list[tuple[str, str]]:
        """Learner models and populations to be judged on."""
        judged = [(learner, people) for learner in self.judged_learners for people in self.judged_people]
        return [*judged, *(pair for pair in self.extra if pair not in judged)]


def mixtures() -> list[Study]:
    """Every larger journey, trained on three learner models, judged on the three others and on other mixes of people."""
    return [
        Study(
            f"mixture-{journey}", journey, PRACTISED, (PRACTISED_PEOPLE,),
            judged_learners=(*HELD_OUT_LEARNERS, *PRACTISED), judged_people=(PRACTISED_PEOPLE,),
            extra=tuple(("bkt_forgetting", people) for people in OTHER_PEOPLE),
        )
        for journey in JOURNEYS
    ]  # fmt: skip


def unseen() -> Study:
    """A policy for journeys that it has never seen, judged on the four that ship."""
    return Study(
        "unseen", "saas", ("bkt", "irt", "afm_forgetting", "bkt_forgetting"), (PRACTISED_PEOPLE,),
        random_journeys=64, judged_journeys=("tiny", *JOURNEYS), judged_learners=("bkt", "irt_forgetting"),
        judged_people=(PRACTISED_PEOPLE,), settings={"actor": "steps"},
    )  # fmt: skip


def exacts() -> list[Study]:
    """The two journeys whose optimum is known."""
    return [Study(f"exact-{journey}", journey, people=(EXACT,), judged_people=(EXACT,)) for journey in ("tiny", "ladder")]
