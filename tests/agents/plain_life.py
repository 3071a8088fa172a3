"""Lives of synthetic users by the readable functions alone, run as plain Python: no kernel, no compiler, no batch.

Run as a script with `NUMBA_DISABLE_JIT=1`, it writes what happened as arrays for `test_kernel_parity` to compare.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.behavior import next_event
from agents.birth import arrival_time, be_born
from agents.learner import LearnerPlan, compile_learner
from agents.learners import journey_under, load_learner
from agents.mind import MEMORY, blank_minds
from agents.offers import react_to
from journeys.actions import NONE, n_actions
from journeys.draws import decision_key, nth_key
from journeys.events import DECISION, EVENT
from journeys.fold import blank_states, fold
from journeys.loading import load_journey
from journeys.mask import write_mask
from journeys.observation import observation_size, write_observation
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey
from journeys.state import NOWHERE, ONGOING, UNDECLARED
from personas.persona import People, Population, load_population
from personas.traits import TRAITS
from tests.journeys.studio import STUDIO
from tests.personas.typical import RESTLESS

SEED = 20260105
STYLES = ("any", "first", "last")  # which of the legal actions is taken


def journey_of(name: str) -> Journey:
    """A shipped journey, or the one that has everything."""
    return STUDIO if name == STUDIO.name else load_journey(name)


def population_for(journey: str) -> Population:
    """The mixed one; on the journey that has everything, people who do everything."""
    return RESTLESS if journey == STUDIO.name else load_population("mixed")


class Life(NamedTuple):
    """One user's life: `events` `(e,)` EVENT, and what was seen at the `m` decision moments and at the end."""

    events: np.ndarray
    observations: np.ndarray
    masks: np.ndarray


def pick(mask: np.ndarray, key: int, style: str) -> int:
    """A legal action: the first, the last, or any one, chosen by the event's key."""
    legal = np.flatnonzero(mask)
    return int(legal[{"first": 0, "last": -1, "any": int(key) % len(legal)}[style]])


def readable(plan: Plan) -> Plan:
    """The plan with attribute access to its records, which plain NumPy gives only to record arrays."""
    return plan._replace(rules=plan.rules.view(np.recarray), steps=plan.steps.view(np.recarray))


def live(plan: Plan, learner: LearnerPlan, people: People, seed: int, number: int, style: str) -> Life:
    """One user's whole life, event by event: born, signed up, and answered at every decision moment."""
    states = blank_states(plan, 1)
    user, steps, skills = states.users[0], states.steps[0], states.skills[0]
    mind = blank_minds(1)[0]
    memories = np.zeros(len(plan.prior), MEMORY).view(np.recarray)
    traits = np.zeros(1, TRAITS).view(np.recarray)
    arrival, flat = arrival_time(seed, number), traits.view(np.float64)
    be_born(plan, learner, people, seed, number, arrival, mind, memories, traits[0], flat)
    events: list[Any] = []
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def happen(event: Any) -> None:
        fold(plan, user, steps, skills, event)
        events.append(event)

    while True:
        while user.moment == NONE and user.ended == ONGOING:
            event = blank_event()
            next_event(plan, learner, mind, memories, traits[0], nth_key(mind.key, mind.n), event)
            happen(event)
        seen.append(look(plan, user, steps, skills))
        if user.ended != ONGOING:
            break
        action = pick(seen[-1][1], events[-1].key, style)
        happen(decision(events[-1], user, action))
        event = blank_event()
        if react_to(plan, mind, traits[0], action, nth_key(mind.key, mind.n), event):
            happen(event)
    return Life(np.array([e.tolist() for e in events], EVENT), *(np.stack(part) for part in zip(*seen, strict=True)))


def blank_event() -> Any:
    """An EVENT record to be filled."""
    return np.zeros(1, EVENT).view(np.recarray)[0]


def decision(answered: Any, user: Any, action: int) -> Any:
    """The decision as an event: at the time of the event it answers."""
    event = blank_event()
    event.key, event.user, event.time = decision_key(answered.key), answered.user, user.last_time
    event.kind, event.step, event.variant = DECISION, NOWHERE, 1
    event.action, event.propensity = action, 1.0
    event.goal = event.experience = UNDECLARED
    return event


def look(plan: Plan, user: Any, steps: Any, skills: Any) -> tuple[np.ndarray, np.ndarray]:
    """Observation `(D,)` and mask `(A,)` of one user, computed afresh."""
    observation = np.zeros(observation_size(len(steps), len(skills)), np.float32)
    mask = np.zeros(n_actions(len(steps)), bool)
    write_observation(plan, user, steps, skills, observation)
    write_mask(plan, user, mask)
    return observation, mask


def main(journey: str, learner: str, style: str, n_users: str, out: str) -> None:
    """Write the lives of users 0 to `n_users` - 1, one after the other, to the file `out` (npz)."""
    model = load_learner(learner)
    spec = journey_under(journey_of(journey), model)
    plan, people = readable(compile_plan(spec)), population_for(journey).people
    learning = compile_learner(spec, model)
    with np.errstate(over="ignore"):  # 64-bit words wrap around: that is what mixing them means
        lives = [live(plan, learning, people, SEED, number, style) for number in range(int(n_users))]
    np.savez(
        Path(out),
        counts=np.array([(len(life.events), len(life.masks)) for life in lives]),
        events=np.concatenate([life.events for life in lives]),
        observations=np.concatenate([life.observations for life in lives]),
        masks=np.concatenate([life.masks for life in lives]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
