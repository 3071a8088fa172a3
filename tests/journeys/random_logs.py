"""Random journeys and random logs of well-formed events, in any order: what real trackers can send."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from journeys.actions import n_actions
from journeys.events import DECISION, ENTER, EVENT, IN_A_STEP, KINDS, SIGNUP, VIDEO_KINDS
from journeys.loading import journey_from, load_journey
from journeys.spec import Journey
from journeys.state import DEVICES, EXPERIENCES, NOWHERE, UNDECLARED, UNKNOWN_DEVICE

START_MS = 1_767_225_600_000  # 2026-01-01 UTC
DAY_MS = 86_400_000
HELP = {"hint": "a", "guidance": "b", "full": "c", "human": "d"}


@st.composite
def journeys(draw: st.DrawFn) -> Journey:
    """A sound journey of 1 to 8 steps: steps wait only for earlier ones, required ones only for required ones."""
    skills = [f"skill-{k}" for k in range(draw(st.integers(1, 4)))]
    some_skills = st.lists(st.sampled_from(skills), unique=True, max_size=3)
    steps: list[dict[str, Any]] = []
    for i in range(draw(st.integers(1, 8))):
        required = i == 0 or draw(st.booleans())
        before = [step["name"] for step in steps if step["required"] or not required]
        steps.append(
            {
                "name": f"step-{i}",
                "help": HELP,
                "required": required,
                "needs": draw(some_skills),
                "teaches": skills if i == 0 else draw(some_skills),
                "after": draw(st.lists(st.sampled_from(before), unique=True)) if before else [],
                "difficulties": draw(st.lists(st.sampled_from(["easy", "standard", "hard"]), unique=True, min_size=1)),
                "minutes": draw(st.sampled_from([0.5, 3.0, 30.0])),
                "kind": draw(st.sampled_from(["task", "form", "video"])),
            }
        )
    rules = {
        "cooldown_seconds": draw(st.sampled_from([0, 45, 600])),
        "help_budget": draw(st.integers(0, 3)),
        "message_budget": draw(st.integers(0, 2)),
        "human_support": draw(st.booleans()),
        "away_checks_hours": draw(st.sampled_from([[], [24], [24, 72]])),
        "lapse_hours": 100,
        "horizon_days": draw(st.sampled_from([0.5, 30])),
        "forgetting": draw(st.booleans()),
    }
    goals = [{"name": f"goal-{g}", "steps": [steps[-g]["name"]]} for g in range(draw(st.integers(0, 2)))]
    skill_specs = [{"name": name, "prior": draw(st.sampled_from([0.01, 0.3, 0.9]))} for name in skills]
    when = draw(st.sampled_from(["required", "all"]))
    raw = {
        "name": "random",
        "skills": skill_specs,
        "steps": steps,
        "rules": rules,
        "completed_when": when,
        "goals": goals,
    }
    return journey_from(raw, "random")


any_journey = st.one_of(st.sampled_from(["tiny", "saas"]).map(load_journey), journeys())


@st.composite
def logs(draw: st.DrawFn, journey: Journey, longest: int = 60, signed_up: bool = False) -> np.ndarray:
    """Up to `longest` events, shape `(n,)` EVENT: any kinds in any order, times mostly but not always increasing."""
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, longest))
    luck = np.random.default_rng(seed)
    events = np.zeros(n, EVENT).view(np.recarray)
    weights = np.ones(len(KINDS))
    weights[draw(st.integers(0, len(KINDS) - 1))] = draw(st.sampled_from([1.0, 10.0]))  # so that lows and highs come up
    time = START_MS
    for i, event in enumerate(events):
        kind = luck.choice(len(KINDS), p=weights / weights.sum())
        if i == 0 and signed_up:
            kind = SIGNUP
        time += int(luck.choice([-5_000, 0, 1, 40_000, 600_000, DAY_MS], p=[0.05, 0.1, 0.1, 0.5, 0.2, 0.05]))
        fill(event, kind, time, journey, luck)
    return events


def fill(event: Any, kind: int, time: int, journey: Journey, luck: np.random.Generator) -> None:
    """Make `event` a well-formed event of `kind`."""
    n_steps = len(journey.steps)
    event.key, event.time, event.kind = luck.integers(2**63), time, kind
    event.step = luck.integers(n_steps) if KINDS[kind] in IN_A_STEP else NOWHERE
    event.duration = luck.choice([0.0, 1.0, 30.0, 900.0])
    event.variant, event.propensity, event.action = luck.integers(3), 1.0, -1
    event.rung = luck.integers(1, 5) if KINDS[kind] == "accept" else 0
    event.consent = luck.integers(8)
    event.position = luck.choice([0.0, 0.25, 1.0]) if KINDS[kind] in VIDEO_KINDS else 0.0
    event.goal = event.experience = UNDECLARED
    if kind == SIGNUP:
        event.goal = luck.integers(UNDECLARED, len(journey.goals))
        event.experience = luck.integers(UNDECLARED, len(EXPERIENCES))
    event.device = luck.integers(len(DEVICES)) if kind in (SIGNUP, ENTER) else UNKNOWN_DEVICE
    if kind == DECISION:
        event.action, event.propensity = luck.integers(n_actions(n_steps)), luck.uniform(0.01, 1.0)
