"""The problems that are solved exactly: a journey, calm people and binary mastery, under rules that keep it finite."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np

from agents.learner import LearnerPlan, compile_learner
from agents.learners import BINARY_MASTERY, Learner
from envs.reward import RewardWeights
from journeys.loading import load_journey
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey, Rules
from personas.persona import Population
from policies.training.exact.kinds import calm_population, traits_by_kind

EXACT = ("tiny", "ladder")
HELP_BUDGET = 5  # unasked offers over the journey: how often was offered is part of the state


@dataclass(frozen=True)
class ExactProblem:
    """A finite decision problem: what the solver, the planners and a learned policy all play.

    `journey`, `population` and `learner` go to environments and `rollout.play` as those of any other problem do.
    """

    journey: Journey
    population: Population = field(default_factory=calm_population)
    weights: RewardWeights = field(default_factory=RewardWeights)
    learner: Learner = BINARY_MASTERY

    def __post_init__(self) -> None:
        rules = self.journey.rules
        for wrong, fault, mend in (
            (rules.cooldown_seconds > 0.0, "a cool-down of help counts seconds", "rules.cooldown_seconds: 0"),
            (rules.human_support, "a human on the ladder", "rules.human_support: false"),
            (rules.forgetting, "what fades, fades by the hour", "rules.forgetting: false"),
            (bool(self.journey.goals), "goals that nobody declares", "leave goals out"),
            (self.learner != BINARY_MASTERY, f"learner {self.learner.name!r} is continuous", "learner bkt"),
        ):
            if wrong:
                raise ValueError(f"journey {self.journey.name!r}: {fault}: not a finite problem. Mend: {mend}")
        traits_by_kind(self.population)

    @property
    def name(self) -> str:
        """The journey's name."""
        return self.journey.name

    @cached_property
    def plan(self) -> Plan:
        """The compiled journey."""
        return compile_plan(self.journey)

    @cached_property
    def learner_plan(self) -> LearnerPlan:
        """The compiled learner model."""
        return compile_learner(self.journey, self.learner)

    @cached_property
    def traits(self) -> np.ndarray:
        """Traits `(P,)` of each kind."""
        return traits_by_kind(self.population)

    @cached_property
    def shares(self) -> np.ndarray:
        """P(kind), `(P,)`."""
        return np.diff(self.population.people.cumulative, prepend=0.0)


def finite_rules(rules: Rules) -> Rules:
    """The rules under which the number of unasked offers is all that counts of the help shown so far."""
    return msgspec.structs.replace(rules, cooldown_seconds=0.0, human_support=False, help_budget=HELP_BUDGET)


def exact_problem(name: str, weights: RewardWeights | None = None) -> ExactProblem:
    """One of `EXACT`. Raises `KeyError` where there is none of that name."""
    if name not in EXACT:
        raise KeyError(f"no exact problem called {name!r}. Mend: use one of {', '.join(EXACT)}")
    journey = load_journey(name)
    journey = msgspec.structs.replace(journey, rules=finite_rules(journey.rules))
    return ExactProblem(journey, weights=weights or RewardWeights())
