"""The batch kernel: advances many users, each from one decision moment to the next.

Every user is folded by the same `fold` that production runs, on the events that `behavior` produces. Rows are
independent of each other, so any range of them may be advanced by any thread.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents.behavior import next_event, sign_up
from agents.birth import arrival_time, be_born
from agents.learner import LearnerPlan, compile_learner, fade, remembers
from agents.learners import Learner
from agents.mind import MEMORY, MIND, blank_minds
from agents.offers import accepts, react_to
from journeys.actions import HUMAN, N_VARIANTS, NONE, n_actions
from journeys.compiled import compiled, compiled_apart
from journeys.decisions import write_decision
from journeys.draws import nth_key
from journeys.events import EVENT
from journeys.fold import blank_states, fold, forget_user
from journeys.mask import write_mask
from journeys.observation import USER_SIZE, observation_size, refresh_observation, write_observation
from journeys.plan import Plan
from journeys.prefetch import prefetch
from journeys.spec import Journey
from journeys.state import COMPLETED, NOWHERE, ONGOING, SKILL, STEP, USER
from journeys.words import UNIT
from personas.persona import People
from personas.traits import TRAIT_NAMES, TRAITS

TERMS = ("completion", "skill", "time", "annoyance", "support", "churn")
COMPLETION, SKILL_GAINED, TIME, ANNOYANCE, SUPPORT, CHURN = range(len(TERMS))
EVENTS_PER_DECISION = 12  # decision, response, four quarters of a video, leave, away or enter; with room to spare
SECONDS_PER_HOUR, MS = 3600.0, 1000.0
USER_BYTES, STEP_BYTES, SKILL_BYTES = USER.itemsize, STEP.itemsize, SKILL.itemsize
MIND_BYTES, MEMORY_BYTES, TRAIT_BYTES = MIND.itemsize, MEMORY.itemsize, TRAITS.itemsize
USER_BLOCK_BYTES = 4 * USER_SIZE  # float32
AHEAD = 2  # rows: long enough for memory to arrive, short enough for it to be still there


class World(NamedTuple):
    """`n` users: what the fold knows of them, what they carry unseen, and what was last seen of them."""

    users: np.ndarray  # (n,) USER
    steps: np.ndarray  # (n, S) STEP
    skills: np.ndarray  # (n, K) SKILL
    minds: np.ndarray  # (n,) MIND
    memories: np.ndarray  # (n, K) MEMORY; (n, 0) for learners that need none
    traits: np.ndarray  # (n,) TRAITS
    traits_flat: np.ndarray  # (n, T) float64, the same memory
    observations: np.ndarray  # (n, D) float32
    masks: np.ndarray  # (n, A) bool
    terms: np.ndarray  # (n, 6) float32, of the last decision
    elapsed: np.ndarray  # (n,) float64 seconds from the last decision to this one
    keys: np.ndarray  # (n,) uint64 key of the event that made this decision due
    n_events: np.ndarray  # (n,) int16 events since the last decision, the decision itself included
    log: np.ndarray  # (n or 0, 12) EVENT: those events, where they are kept
    learner: LearnerPlan


class Before(NamedTuple):
    """What is remembered of a user's state over one decision."""

    current: int
    fails: int
    sessions: int


def make_world(plan: Plan, journey: Journey, learner: Learner, n: int, keep_log: bool) -> World:
    """Room for `n` users on `journey`, of which `plan` is the compiled form. Nobody is born yet."""
    n_steps, n_skills = len(plan.steps), len(plan.prior)
    world = World(
        *blank_states(plan, n),
        minds=blank_minds(n),
        memories=np.zeros((n, n_skills if remembers(learner) else 0), MEMORY).view(np.recarray),
        traits=np.zeros(n, TRAITS).view(np.recarray),
        traits_flat=np.empty((0, len(TRAIT_NAMES))),
        observations=np.zeros((n, observation_size(n_steps, n_skills)), np.float32),
        masks=np.zeros((n, n_actions(n_steps)), bool),
        terms=np.zeros((n, len(TERMS)), np.float32),
        elapsed=np.zeros(n),
        keys=np.zeros(n, np.uint64),
        n_events=np.zeros(n, np.int16),
        log=np.zeros((n if keep_log else 0, EVENTS_PER_DECISION), EVENT).view(np.recarray),
        learner=compile_learner(journey, learner),
    )
    return share_traits(world)


def share_traits(world: World) -> World:
    """The world with `traits_flat` looking at the memory of `traits`, which pickling tears apart."""
    flat = world.traits.view(np.ndarray).view(np.float64).reshape(len(world.traits), len(TRAIT_NAMES))
    return world._replace(traits_flat=flat)


@compiled
def enter_world(plan: Plan, people: People, world: World, seed: int, row: int, user: int, log: Any) -> None:
    """Let user number `user` be born in `row`, sign up on the first day, and come to the first decision."""
    arrive(plan, people, world, seed, row, user, arrival_time(seed, user), log)


@compiled_apart
def arrive(plan: Plan, people: People, world: World, seed: int, row: int, user: int, arrival: int, log: Any) -> None:
    """The same with a sign-up at `arrival`, ms since the Unix epoch."""
    forget_user(plan, world.users[row], world.steps[row], world.skills[row])
    traits, flat = world.traits[row], world.traits_flat[row]
    mind, memories = world.minds[row], world.memories[row]
    be_born(plan, world.learner, people, seed, user, arrival, mind, memories, traits, flat)
    event = log[0]
    sign_up(plan, world.learner, mind, memories, traits, nth_key(mind.key, mind.n), event)
    fold(plan, world.users[row], world.steps[row], world.skills[row], event)
    world.keys[row], world.n_events[row] = event.key, 1
    look_at(plan, world, row)


@compiled
def one_event(plan: Plan, world: World, row: int, log: Any) -> None:
    """Let the user in `row` do the next thing, and fold it."""
    user, mind = world.users[row], world.minds[row]
    event = log[world.n_events[row]]
    luck = nth_key(mind.key, mind.n)
    next_event(plan, world.learner, mind, world.memories[row], world.traits[row], luck, event)
    fold(plan, user, world.steps[row], world.skills[row], event)
    world.keys[row] = event.key
    world.n_events[row] += 1


@compiled
def go_on(plan: Plan, world: World, row: int, log: Any) -> None:
    """Let the user live until a decision is due or the onboarding is over."""
    user = world.users[row]
    user.moment = NONE
    while user.moment == NONE and user.ended == ONGOING:
        one_event(plan, world, row, log)


@compiled_apart
def look_at(plan: Plan, world: World, row: int) -> None:
    """Refresh the user's observation and mask."""
    write_observation(plan, world.users[row], world.steps[row], world.skills[row], world.observations[row])
    write_mask(plan, world.users[row], world.masks[row])


@compiled
def before_of(user: Any) -> Before:
    """What `look_again` will want to know of the user as of now."""
    return Before(user.current, user.fails, user.sessions)


@compiled
def look_again(plan: Plan, world: World, row: int, before: Before) -> None:
    """`look_at` where `before` is the user before the last decision: writes what changed."""
    user = world.users[row]
    touched = np.uint64(0)
    if user.current != NOWHERE:
        touched |= UNIT << np.uint64(user.current)
    practised = NOWHERE
    if before.current != NOWHERE:
        touched |= UNIT << np.uint64(before.current)
        if user.current != before.current or user.fails != before.fails:  # beliefs may have moved, steps have opened
            practised = before.current
            touched |= plan.steps[practised].related | plan.steps[practised].opens
    steps, skills, out = world.steps[row], world.skills[row], world.observations[row]
    if plan.rules[0].forgetting and user.sessions != before.sessions:
        write_observation(plan, user, steps, skills, out)
    else:
        refresh_observation(plan, user, steps, skills, touched, practised, out)
    write_mask(plan, user, world.masks[row])


@compiled
def take_decision(plan: Plan, world: World, row: int, action: int, propensity: float, log: Any) -> None:
    """Fold the decision for `action` and what the user in `row` makes of it; `log` begins anew with them."""
    user, mind = world.users[row], world.minds[row]
    world.n_events[row] = 1
    write_decision(log[0], world.keys[row], mind.user, user.last_time, action, propensity)
    fold(plan, user, world.steps[row], world.skills[row], log[0])
    mind.decisions += 1
    if react_to(plan, mind, world.traits[row], action, nth_key(mind.key, mind.n), log[1]):
        fold(plan, user, world.steps[row], world.skills[row], log[1])
        world.n_events[row] = 2


@compiled
def live(plan: Plan, world: World, row: int, action: int, log: Any) -> None:
    """Apply `action` to the user in `row` and let the user live until the next decision; account for it."""
    user, mind = world.users[row], world.minds[row]
    annoyance, humans, start, active = mind.annoyance, mind.humans, user.last_time, user.active_seconds
    skill = mind.skill
    take_decision(plan, world, row, action, 1.0, log)
    go_on(plan, world, row, log)
    terms = world.terms[row]
    over = user.ended != ONGOING
    if over:  # what counts is what will be left at the horizon
        horizon = user.first_time + plan.rules[0].horizon_ms
        fade(plan, world.learner, mind, world.memories[row], world.traits[row].memory, max(mind.time, horizon))
    terms[COMPLETION] = user.ended == COMPLETED
    terms[SKILL_GAINED] = mind.skill - skill
    terms[TIME] = (user.active_seconds - active) / SECONDS_PER_HOUR
    terms[ANNOYANCE] = mind.annoyance - annoyance
    terms[SUPPORT] = mind.humans - humans
    terms[CHURN] = over and user.ended != COMPLETED
    world.elapsed[row] = (user.last_time - start) / MS


@compiled
def expect(world: World, row: int) -> None:
    """Have the memory of the user in `row`, who is soon to live, fetched."""
    if row < len(world.users):
        n_steps, n_skills = world.steps.shape[1], world.skills.shape[1]
        prefetch(world.users, row, USER_BYTES)
        prefetch(world.minds, row, MIND_BYTES)
        prefetch(world.traits_flat, row, TRAIT_BYTES)
        prefetch(world.skills, row, SKILL_BYTES * n_skills)
        prefetch(world.memories, row, MEMORY_BYTES * world.memories.shape[1])
        prefetch(world.steps, row, STEP_BYTES * n_steps)
        prefetch(world.observations, row, USER_BLOCK_BYTES)


@compiled
def live_and_look(plan: Plan, world: World, row: int, action: int, log: Any) -> None:
    """`live`, then refresh the user's observation and mask."""
    before = before_of(world.users[row])
    live(plan, world, row, action, log)
    look_again(plan, world, row, before)


@compiled
def accepts_human(plan: Plan, world: World, row: int, action: int) -> bool:
    """Whether `action` offers a human and the user in `row` is going to accept: a support desk wants to know first."""
    mind = world.minds[row]
    if action != N_VARIANTS * len(plan.steps) + HUMAN:
        return False
    return accepts(mind, world.traits[row], nth_key(mind.key, mind.n))


@compiled
def advance(plan: Plan, world: World, actions: Any, scratch: Any, low: int, high: int) -> None:
    """Apply `actions` `(n,)` to the users in rows `low` to `high` who are not through, and look at them again."""
    for row in range(low, high):
        if world.users[row].ended == ONGOING:
            log = world.log[row] if len(world.log) else scratch
            live_and_look(plan, world, row, actions[row], log)


@compiled
def enter_all(
    plan: Plan, people: People, world: World, seed: int, first_user: int, scratch: Any, low: int, high: int
) -> None:
    """Let users `first_user + row` be born in rows `low` to `high`."""
    for row in range(low, high):
        log = world.log[row] if len(world.log) else scratch
        enter_world(plan, people, world, seed, row, first_user + row, log)
