"""What is trained, on what, and on what it is judged: a study is data, `trial` carries it out.

Seeds of a study differ in training and in the users that they are judged on, so that an interval over seeds holds for
both. Names of studies are those of the tables in docs/experiments/learning.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

JOURNEYS = ("saas", "creator", "course")
PRACTISED, HELD_OUT_LEARNERS = ("bkt", "irt", "afm_forgetting"), ("afm", "bkt_forgetting", "irt_forgetting")
PRACTISED_PEOPLE, OTHER_PEOPLE = "everyone", ("mixed", "professionals", "mobile_first")
EXACT = "exact"  # stands for the people and the rules of policies/training/exact

NOTHING: Mapping[str, Any] = MappingProxyType({})
MILLION = 1_000_000


@dataclass(frozen=True)
class Study:
    """One training over seeds: `settings` override those of `PPOSettings`.

    `journey` is what is trained on; with `random_journeys` so many that nobody wrote instead. Judged on every `pairs`
    of learner model and people, on every one of `judged_journeys` (none: the journey). `recall` and `teacher` are
    those of `trial`.
    """

    name: str
    journey: str
    learners: tuple[str, ...]
    people: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    random_journeys: int = 0
    judged_journeys: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    recall: str | None = None
    teacher: str = "greedy"


def mixtures() -> list[Study]:
    """Every larger journey, trained on three learner models; judged on the three others and on other people."""
    held_out = tuple((learner, PRACTISED_PEOPLE) for learner in HELD_OUT_LEARNERS)
    others = tuple(("bkt", people) for people in OTHER_PEOPLE)
    settings = {"actor": "steps", "total_steps": 6 * MILLION}
    return [
        Study(f"mixture-{name}", name, PRACTISED, (PRACTISED_PEOPLE,), (*held_out, *others), settings=settings)
        for name in JOURNEYS
    ]


def unseen() -> Study:
    """A policy for journeys that it has never seen, judged on the four that ship."""
    return Study(
        "unseen",
        "saas",
        (*PRACTISED, "bkt_forgetting"),
        (PRACTISED_PEOPLE,),
        (("bkt", PRACTISED_PEOPLE), ("irt_forgetting", PRACTISED_PEOPLE)),
        random_journeys=64,
        judged_journeys=("tiny", *JOURNEYS),
        settings={"actor": "steps", "total_steps": 6 * MILLION},
    )


def exacts() -> list[Study]:
    """The two journeys whose optimum is known."""
    settings = {"total_steps": 8 * MILLION, "imitation": 0.25, "imitation_doubt": 0.05, "ent_coef": 0.005}
    return [
        Study(f"exact-{name}", name, ("bkt",), (EXACT,), (("bkt", EXACT),), settings=settings, teacher="qmdp")
        for name in ("tiny", "ladder")
    ]


def ablations() -> list[Study]:
    """One thing changed at a time, on `saas` with a dense actor and fewer steps than elsewhere."""
    pairs = (("afm", PRACTISED_PEOPLE), ("bkt_forgetting", PRACTISED_PEOPLE), ("bkt", "mobile_first"))
    base = Study("base", "saas", PRACTISED, (PRACTISED_PEOPLE,), pairs)
    changed: dict[str, dict[str, Any]] = {
        "base": {},
        "critic-sees-no-more": {"settings": {"critic": "observed"}},
        "auxiliary-head": {"settings": {"auxiliary": 0.3}},
        "memory": {"recall": "traces"},
        "one-learner-model": {"learners": ("bkt",)},
        "three-personas": {"people": ("mixed",)},
        "no-imitation": {"settings": {"imitation": 0.0}},
        "informed-teacher": {"teacher": "greedy_full"},
        "shaping": {"settings": {"shaping": 1.0}},
        "shared-weights": {"settings": {"actor": "steps"}},
        "knowing-everything": {"recall": "everything"},
    }
    return [
        replace(
            base, name=name, **{**change, "settings": {"total_steps": 5 * MILLION // 2, **change.get("settings", {})}}
        )
        for name, change in changed.items()
    ]


def all_studies() -> dict[str, Study]:
    """Every study by name."""
    return {study.name: study for study in (*exacts(), *mixtures(), unseen(), *ablations())}
