"""Playing a policy on a fixed set of users, each living exactly one onboarding: what every comparison rests on.

Users `first_user` to `first_user + n_users - 1` of a seed are the same people with the same luck under every
policy (common random numbers), so differences between policies can be taken user by user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from agents.kernel import EVENTS_PER_DECISION, TERMS, World, advance, enter_all, make_world
from agents.learners import BINARY_MASTERY, Learner, journey_under
from envs.reward import RewardWeights
from envs.vector import MOST_DECISIONS
from journeys.events import EVENT, Event, EventCodec
from journeys.plan import compile_plan
from journeys.spec import Journey
from journeys.state import ONGOING
from personas.persona import Population
from policies.protocol import Choices, Policy


@runtime_checkable
class Insider(Protocol):
    """A policy that reads more than the fold knows: the truth, or every event. For comparisons only, never served."""

    def look_into(self, world: World, rows: np.ndarray) -> None:
        """Read of `world`, whose log is kept, what is wanted of the users in `rows` `(m,)`; `decide` follows.

        Every user is in `rows` from the first call, which begins a play, until the onboarding is over.
        """


class Moment(NamedTuple):
    """One round of decisions: the users in `rows` `(m,)` of `world` were due, and got `choices`.

    `observations` `(m, D)`, `masks` `(m, A)` and `keys` `(m,)` are what the policy saw.
    """

    world: World
    rows: np.ndarray
    observations: np.ndarray
    masks: np.ndarray
    keys: np.ndarray
    choices: Choices


class Played(NamedTuple):
    """Per-user results of `n` users: `terms` `(n, 6)` summed reward terms, `returns` `(n,)`, final `world`."""

    policy: str
    terms: np.ndarray
    returns: np.ndarray
    world: World

    @property
    def personas(self) -> np.ndarray:
        """Persona index `(n,)` of each user."""
        return np.asarray(self.world.minds["persona"])

    @property
    def skill(self) -> np.ndarray:
        """Share of the journey's skills `(n,)` that each user knows and recalls at the end."""
        return np.asarray(self.world.minds["skill"])


def rounds(
    journey: Journey,
    population: Population,
    policy: Policy,
    n_users: int,
    seed: int,
    first_user: int = 0,
    keep_log: bool = False,
    learner: Learner = BINARY_MASTERY,
) -> Iterator[Moment]:
    """Play `policy`, yielding each round after its decisions were made and before they take effect.

    The last item, with no rows, leaves the world as it ended.
    """
    journey = journey_under(journey, learner)
    plan = compile_plan(journey)
    keep_log = keep_log or isinstance(policy, Insider)
    world = make_world(plan, journey, learner, n_users, keep_log)
    scratch = np.zeros(EVENTS_PER_DECISION, EVENT).view(np.recarray)
    enter_all(plan, population.people, world, seed, first_user, scratch, 0, n_users)
    actions = np.zeros(n_users, np.int64)
    for _ in range(MOST_DECISIONS):
        rows = np.flatnonzero(world.users["ended"] == ONGOING)
        if not len(rows):
            break
        observations, masks, keys = world.observations[rows], world.masks[rows], world.keys[rows]
        if isinstance(policy, Insider):
            policy.look_into(world, rows)
        choices = policy.decide(observations, masks, keys)
        yield Moment(world, rows, observations, masks, keys, choices)
        actions[rows] = choices.actions
        world.terms[:] = 0.0
        world.n_events[:] = 0
        advance(plan, world, actions, scratch, 0, n_users)
        if keep_log:
            world.log["propensity"][rows, 0] = choices.propensities
    nobody = np.empty(0, np.int64)
    yield Moment(world, nobody, world.observations[:0], world.masks[:0], world.keys[:0], Choices(nobody, np.empty(0)))


def play(
    journey: Journey,
    population: Population,
    policy: Policy,
    n_users: int,
    seed: int,
    weights: RewardWeights | None = None,
    on_round: Callable[[Moment], None] | None = None,
    learner: Learner = BINARY_MASTERY,
    first_user: int = 0,
) -> Played:
    """Play `policy` on `n_users` users from `first_user` on, to the end of each one's onboarding."""
    terms = np.zeros((n_users, len(TERMS)))
    world = None
    for moment in rounds(journey, population, policy, n_users, seed, first_user, learner=learner):
        if world is not None:
            terms += world.terms  # of the round before: the terms are those of the last decision
        world = moment.world
        if on_round is not None and len(moment.rows):
            on_round(moment)
    assert world is not None
    return Played(policy.name, terms, terms @ (weights or RewardWeights()).array(), world)


def event_log(
    journey: Journey,
    population: Population,
    policy: Policy,
    n_users: int,
    seed: int,
    learner: Learner = BINARY_MASTERY,
) -> list[Event]:
    """All events of `n_users` users under `policy`, decisions included, each user's in order, sorted by time."""
    codec = EventCodec(journey)
    events: list[Event] = []
    for moment in rounds(journey, population, policy, n_users, seed, keep_log=True, learner=learner):
        counts = moment.world.n_events
        for row in np.flatnonzero(counts):
            for i in range(counts[row]):
                record = moment.world.log[row, i]
                events.append(codec.from_record(record, f"u{record['user']}", policy.name))
    return sorted(events, key=lambda event: event.time)  # stable: simultaneous events keep their order
