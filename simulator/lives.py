"""The kernel as the world calls it: many rows at a time, events written one behind the other."""

from __future__ import annotations

from typing import Any

from agents.kernel import EVENTS_PER_DECISION, World, accepts_human, arrive, live_and_look, look_at, one_event
from agents.mind import NEVER
from agents.offers import queue_patience
from journeys.compiled import compiled
from journeys.decisions import write_decision
from journeys.draws import nth_key
from journeys.plan import MS, Plan
from journeys.state import LAPSED, ONGOING
from personas.persona import People

ROOM = 2 * EVENTS_PER_DECISION  # events that a row may add in one call: a decision's, and a return after a lapse
DUE, LATER, QUEUES, OVER = range(4)  # what becomes of a row after a decision


@compiled
def enter_rows(plan: Plan, people: People, world: World, seed: int, rows: Any, first: int, times: Any, out: Any) -> int:
    """Let users `first` and on sign up at `times` `(m,)` in `rows` `(m,)`; returns how many events `out` was given."""
    count = 0
    for i in range(len(rows)):
        arrive(plan, people, world, seed, rows[i], first + i, times[i], out[count:])
        count += world.n_events[rows[i]]
    return count


@compiled
def decide_rows(
    plan: Plan, world: World, rows: Any, actions: Any, propensities: Any, human: int, until: int, fates: Any, out: Any
) -> int:
    """Apply `actions` `(m,)` to `rows` `(m,)` and write what becomes of each into `fates` `(m,)`.

    Where `human` is offered and would be taken up, the row queues: only the decision is written. With `human` -1
    nobody queues. Returns how many events were written to `out`.
    """
    count = 0
    for i in range(len(rows)):
        row, log = rows[i], out[count:]
        if actions[i] == human and accepts_human(plan, world, row, actions[i]):
            write_decision(
                log[0], world.keys[row], world.minds[row].user, world.users[row].last_time, actions[i], propensities[i]
            )
            count += 1
            fates[i] = QUEUES
        else:
            live_and_look(plan, world, row, actions[i], log)
            log[0].propensity = propensities[i]
            come_back(plan, world, row, log)
            count += world.n_events[row]
            fates[i] = fate_of(world, row, until)
    return count


@compiled
def patience_ms(world: World, row: int) -> int:
    """How long the user in `row`, offered a human now, would wait for one, in ms."""
    mind = world.minds[row]
    return int(MS * queue_patience(world.traits[row], nth_key(mind.key, mind.n))) + 1


@compiled
def come_back(plan: Plan, world: World, row: int, log: Any) -> None:
    """A user who has lapsed but returns after all goes on; for the decision problem the lapse was the end."""
    if world.users[row].ended == LAPSED and world.minds[row].returns_at != NEVER:
        one_event(plan, world, row, log)
        look_at(plan, world, row)


@compiled
def fate_of(world: World, row: int, until: int) -> int:
    """Whether the row is through, or its next decision is due before `until` (ms) or later."""
    if world.users[row].ended != ONGOING:
        return OVER
    return DUE if world.users[row].last_time < until else LATER
