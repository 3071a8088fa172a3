"""What an onboarding is: the journey as its author writes it. `loading` reads it, `plan` compiles it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")]
Probability = Annotated[float, Meta(gt=0.0, lt=1.0)]
# Upper bounds catch mistakes of unit and keep every counter and clock of the fold far from its end.
Minutes = Annotated[float, Meta(gt=0.0, le=1440.0)]  # a day of active time
Hours = Annotated[float, Meta(gt=0.0, le=8784.0)]  # a year
Count = Annotated[int, Meta(ge=0, le=1000)]
Kind = Literal["task", "form", "video", "quiz", "integration"]
Difficulty = Literal["easy", "standard", "hard"]

MAX_STEPS = 64  # sets of steps and skills are 64-bit words in the compiled plan
MAX_SKILLS = 64
MAX_GOALS = 16  # a list that a person would read at sign-up is shorter
MAX_CHECKS = 32  # of absence: more than one a day over a month would be a mistake of unit


class Skill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a user can come to master, with the Bayesian-knowledge-tracing parameters of a typical user.

    `prior`: known at sign-up; `learn`: comes to be known in one practice; `slip`: fails although known;
    `guess`: succeeds although not known (Corbett and Anderson 1995). Customary bounds: slip <= 0.1, guess <= 0.3.
    """

    name: Name
    title: str = ""
    prior: Probability = 0.3
    learn: Probability = 0.2
    slip: Probability = 0.1
    guess: Probability = 0.2


class Help(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text of each rung of the help ladder; `human` is what the user reads while a colleague is called."""

    hint: str
    guidance: str
    full: str
    human: str


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step: `needs` and `teaches` name skills, `after` names steps that must be done before it."""

    name: Name
    help: Help
    title: str = ""
    kind: Kind = "task"
    needs: tuple[Name, ...] = ()
    teaches: tuple[Name, ...] = ()
    after: tuple[Name, ...] = ()
    required: bool = True
    minutes: Minutes = 3.0
    difficulties: tuple[Difficulty, ...] = ("easy", "standard", "hard")
    content: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a policy may do, whoever it is."""

    cooldown_seconds: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 45.0
    """Least time between two offers of help that nobody asked for."""
    help_budget: Count = 12
    """Most offers of help that nobody asked for, over the whole journey."""
    human_support: bool = True
    time_budget_minutes: Minutes = 90.0
    """Active time a user is taken to have where the sign-up declares none."""
    away_checks_hours: Annotated[tuple[Hours, ...], Meta(max_length=MAX_CHECKS)] = (24.0, 72.0, 168.0)
    """Hours after leaving at which the timer writes an `away` event: the moments to re-engage."""
    lapse_hours: Hours = 336.0
    """Hours after leaving at which a user counts as lost."""
    horizon_days: Annotated[float, Meta(gt=0.0, le=366.0)] = 30.0
    """Days after sign-up at which the onboarding ends, whatever its state."""
    message_budget: Count = 3
    """Most push messages and e-mails over the whole journey."""
    forgetting: bool = False
    """Users are taken to forget: beliefs fade between sessions, and steps done may be selected again for review."""


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a user may say at sign-up to have come for; `steps` are those that serve it."""

    name: Name
    steps: tuple[Name, ...]
    title: str = ""


class Journey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole onboarding. `completed_when`: every `required` step is done, or `all` steps are."""

    name: Name
    skills: tuple[Skill, ...]
    steps: tuple[Step, ...]
    title: str = ""
    version: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    completed_when: Literal["required", "all"] = "required"
    rules: Rules = Rules()
    goals: Annotated[tuple[Goal, ...], Meta(max_length=MAX_GOALS)] = ()

    def hash(self) -> str:
        """SHA-256 over the canonical JSON of the whole journey: another file, another hash."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    def step_names(self) -> tuple[str, ...]:
        """Names of the steps in order: the index in this tuple is the step's number everywhere."""
        return tuple(step.name for step in self.steps)
