"""Synthetic users by the thousand, for tests: whole lives as event tables, and crowds inside one step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents.behavior import next_event
from agents.kernel import EVENTS_PER_DECISION, World, enter_all, make_world
from agents.learner import attempt, mastery_of, practise
from agents.learners import load_learner
from agents.mind import WORKING
from agents.offers import react_to
from journeys.actions import N_CHANNELS, N_RUNGS, STANDARD, n_actions
from journeys.compiled import compiled
from journeys.draws import nth_key
from journeys.events import EVENT
from journeys.plan import compile_plan
from journeys.spec import Help, Journey, Kind, Skill, Step
from personas.persona import Population, mixture
from policies.protocol import Policy
from policies.training.rollout import rounds

HELP = Help(hint="a hint", guidance="the way", full="the answer", human="a colleague")


def chain(n_steps: int, minutes: float, skill: Skill, kind: Kind = "task") -> Journey:
    """A journey of `n_steps` alike, one after the other, each teaching a skill of its own that is like `skill`."""
    skills = tuple(
        Skill(f"k{i}", prior=skill.prior, learn=skill.learn, slip=skill.slip, guess=skill.guess) for i in range(n_steps)
    )
    steps = tuple(
        Step(f"s{i}", HELP, kind=kind, teaches=(f"k{i}",), minutes=minutes, after=(f"s{i - 1}",) if i else ())
        for i in range(n_steps)
    )
    return Journey("chain", skills, steps)


def only(*personas: str) -> Population:
    """These personas in equal parts."""
    return mixture("-".join(personas), dict.fromkeys(personas, 1.0))


class Lives(NamedTuple):
    """Whole onboardings: the `world` as it ended, and all `events` `(m,)` EVENT by user and time."""

    world: World
    events: np.ndarray

    def of(self, *kinds: int) -> np.ndarray:
        """The events of these kinds, in order."""
        return self.events[np.isin(self.events["kind"], kinds)]


def live(
    journey: Journey, population: Population, policy: Policy, n_users: int, seed: int, learner: str = "bkt"
) -> Lives:
    """Let `n_users` live through `journey` under `policy`."""
    kept = []
    for moment in rounds(journey, population, policy, n_users, seed, keep_log=True, learner=load_learner(learner)):
        log, counts = moment.world.log, moment.world.n_events
        kept.append(np.array(log[np.arange(log.shape[1]) < counts[:, None]]))
    events = np.concatenate(kept)
    return Lives(moment.world, events[np.lexsort((events["time"], events["user"]))])


@compiled
def next_all(plan: Any, learner: Any, minds: Any, memories: Any, traits: Any, rows: Any, events: Any) -> None:
    """The next event of everybody in `rows`."""
    for i in rows:
        luck = nth_key(minds[i].key, minds[i].n)
        next_event(plan, learner, minds[i], memories[i], traits[i], luck, events[i])


@compiled
def react_all(plan: Any, minds: Any, traits: Any, action: int, events: Any) -> None:
    """Everybody takes notice of the same action."""
    for i in range(len(minds)):
        react_to(plan, minds[i], traits[i], action, nth_key(minds[i].key, minds[i].n), events[i])


@compiled
def try_all(plan: Any, learner: Any, minds: Any, memories: Any, traits: Any, out: Any) -> None:
    """Everybody attempts the current step `out.shape[1]` times and learns from each: `out` `(n, tries)` bool."""
    for i in range(out.shape[0]):
        mind, memory = minds[i], memories[i]
        for t in range(out.shape[1]):
            luck = nth_key(mind.key, mind.n)
            mind.n += 1
            mind.mastery = mastery_of(plan, learner, mind, memory, mind.step)
            out[i, t] = attempt(plan, learner, mind, traits[i].slip_odds, traits[i].guess_odds, luck)
            practise(plan, learner, mind, memory, traits[i].learn_odds, out[i, t], luck)


class Crowd:
    """`n` users inside the first step of a journey, alike in whatever is set of their minds."""

    def __init__(
        self, journey: Journey, population: Population, n: int = 10_000, learner: str = "bkt", **mind: Any
    ) -> None:
        model = load_learner(learner)
        self.plan = compile_plan(journey)
        self.world = make_world(self.plan, journey, model, n, False)
        scratch = np.zeros(EVENTS_PER_DECISION, EVENT).view(np.recarray)
        enter_all(self.plan, population.people, self.world, 5, 0, scratch, 0, n)
        self.help_base = n_actions(len(journey.steps)) - N_RUNGS - N_CHANNELS
        self.minds, self.memories, self.traits = self.world.minds, self.world.memories, self.world.traits
        self.events = np.zeros(n, EVENT).view(np.recarray)
        usual = {"phase": WORKING, "step": 0, "variant": STANDARD, "started": 1, "frustration": 0.0, "taken": 0}
        for field, value in {**usual, **mind}.items():
            self.minds[field] = value

    def offer(self, rung: int) -> np.ndarray:
        """What everybody answers to an offer of help: kinds of events `(n,)`."""
        react_all(self.plan, self.minds, self.traits, self.help_base + rung, self.events)
        return np.array(self.events["kind"])

    def go_on(self, rows: np.ndarray | None = None) -> np.ndarray:
        """What everybody, or who is in `rows`, does next: kinds of events `(n,)`, old ones for the others."""
        who = np.arange(len(self.minds)) if rows is None else rows
        next_all(self.plan, self.world.learner, self.minds, self.memories, self.traits, who, self.events)
        return np.array(self.events["kind"])

    def practise(self, tries: int) -> np.ndarray:
        """Successes `(n, tries)` of everybody who does nothing but try."""
        out = np.zeros((len(self.minds), tries), np.bool_)
        try_all(self.plan, self.world.learner, self.minds, self.memories, self.traits, out)
        return out


def share(kinds: np.ndarray, *wanted: int) -> float:
    """Share of `kinds` `(n,)` that are among `wanted`."""
    return float(np.isin(kinds, wanted).mean())
