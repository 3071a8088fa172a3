"""The cohort clock: users live from decision to decision, but never past the end of the present tick.

The kernel's decision clock lets a user live on until a decision is due, however far ahead in time that is. Here two
things wait for their tick: a decision that is due after the tick's end, and what somebody does who is away (a return
begins a session, and a session begins with a look at the peers, so it has to see them as they are then). Since luck
belongs to the event and not to the moment of asking, waiting changes no event.

An event that began within the tick may end after it. It is written already, but the book takes note of it in the tick
in which it ends: all counts are by the time of the event.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents.kernel import World, before_of, look_again, one_event, take_decision
from agents.mind import AWAY_NOW
from agents.sessions import next_check
from journeys.actions import N_CHANNELS, N_RUNGS, N_VARIANTS, NONE
from journeys.compiled import compiled
from journeys.events import ACCEPT, AWAY, DECISION, KINDS, SUCCEED
from journeys.mask import progress
from journeys.plan import Plan
from journeys.state import ENDINGS, ONGOING
from journeys.words import UNIT

# Columns of `Book.counts`: first the events of each kind.
OFFERED = len(KINDS)  # help, by rung; waiting counts as rung 0
ACCEPTED = OFFERED + N_RUNGS
MESSAGES = ACCEPTED + N_RUNGS  # by channel; silence counts as channel 0
ACTIVE = MESSAGES + N_CHANNELS  # users who did something, not merely were away
N_COUNTS = ACTIVE + 1

NO_ACTION = -1  # nothing was decided: the user was away


class Book(NamedTuple):
    """What has happened by the cohort's clock, for `n` users of `P` personas in a journey of `S` steps."""

    noted: np.ndarray  # (n,) int16: how many events of the world's log have been counted
    done: np.ndarray  # (n,) uint64: set of steps done
    progress: np.ndarray  # (n,) float64: share of the required steps done
    seen: np.ndarray  # (n,) int64: the last tick in which the user did something
    counts: np.ndarray  # (P, N_COUNTS) int64, of the present tick
    endings: np.ndarray  # (P, 4) int64: users by how their onboarding stands, in the order of `state.ENDINGS`
    finished: np.ndarray  # (P, S) int64: users who have done each step
    users: np.ndarray  # (P,) int64


def blank_book(plan: Plan, personas: np.ndarray, n_personas: int) -> Book:
    """An empty book for users of these `personas` `(n,)`, all of whom are to come."""
    n, users = len(personas), np.bincount(personas, minlength=n_personas).astype(np.int64)
    endings = np.zeros((n_personas, len(ENDINGS)), np.int64)
    endings[:, ONGOING] = users
    return Book(
        noted=np.zeros(n, np.int16),
        done=np.zeros(n, np.uint64),
        progress=np.zeros(n),
        seen=np.zeros(n, np.int64),
        counts=np.zeros((n_personas, N_COUNTS), np.int64),
        endings=endings,
        finished=np.zeros((n_personas, len(plan.steps)), np.int64),
        users=users,
    )


@compiled
def next_sign(plan: Plan, mind: Any) -> int:
    """When somebody who is away is next heard of, ms: at the return, or at the timer's next `away` event."""
    return min(mind.returns_at, next_check(plan, mind))


@compiled
def go_on_until(plan: Plan, world: World, row: int, end: int) -> None:
    """The kernel's `go_on`, but what an absent user does at `end` (ms) or later is left for another time."""
    user, mind = world.users[row], world.minds[row]
    while user.moment == NONE and user.ended == ONGOING:
        if mind.phase == AWAY_NOW and next_sign(plan, mind) >= end:
            return
        one_event(plan, world, row, world.log[row])


@compiled
def live_until(plan: Plan, world: World, row: int, action: int, propensity: float, end: int) -> None:
    """Apply `action`, unless it is `NO_ACTION`, and let the user live until a decision is due or `end` (ms).

    The user is looked at again. Without an action it is somebody away whose time has come.
    """
    before = before_of(world.users[row])
    if action != NO_ACTION:
        take_decision(plan, world, row, action, propensity, world.log[row])
    go_on_until(plan, world, row, end)
    look_again(plan, world, row, before)


@compiled
def note(plan: Plan, world: World, book: Book, row: int, end: int, tick: int) -> None:
    """Count what the user's log holds from before `end` (ms) and was not counted yet."""
    user, persona, log = world.users[row], world.minds[row].persona, world.log[row]
    first = i = book.noted[row]
    while i < world.n_events[row] and log[i].time < end:
        count_event(plan, book, row, persona, log[i])
        if log[i].kind != DECISION and log[i].kind != AWAY and book.seen[row] != tick:
            book.seen[row] = tick
            book.counts[persona, ACTIVE] += 1
        i += 1
    book.noted[row] = i
    if user.ended != ONGOING and i > first and i == world.n_events[row]:  # the last event there will ever be
        book.endings[persona, ONGOING] -= 1
        book.endings[persona, user.ended] += 1


@compiled
def count_event(plan: Plan, book: Book, row: int, persona: int, event: Any) -> None:
    """Count one event, and what it does to the user's progress."""
    counts = book.counts[persona]
    counts[event.kind] += 1
    if event.kind == DECISION:
        choice = event.action - N_VARIANTS * len(plan.steps)
        if choice >= N_RUNGS:
            counts[MESSAGES + choice - N_RUNGS] += 1
        elif choice >= 0:
            counts[OFFERED + choice] += 1
    elif event.kind == ACCEPT:
        counts[ACCEPTED + event.rung] += 1
    elif event.kind == SUCCEED:
        bit = UNIT << np.uint64(event.step)
        if book.done[row] & bit == 0:  # not a review
            book.done[row] = book.done[row] | bit
            book.finished[persona, event.step] += 1
            book.progress[row] = progress(plan, book.done[row])


@compiled
def begin_tick(plan: Plan, world: World, book: Book, end: int, tick: int, due: Any, waking: Any) -> Any:
    """Note what was lived ahead and has ended since; find who is to live on before `end` (ms).

    Fills `due` `(n,)` with the rows that want a decision and `waking` `(n,)` with those of users away whose time comes;
    returns how many there are of each.
    """
    for p in range(len(book.counts)):
        for c in range(N_COUNTS):
            book.counts[p, c] = 0
    n_due, n_waking = 0, 0
    for row in range(len(world.users)):
        note(plan, world, book, row, end, tick)
        user = world.users[row]
        if is_due(world, row, end):
            due[n_due] = row
            n_due += 1
        elif user.ended == ONGOING and user.moment == NONE and next_sign(plan, world.minds[row]) < end:
            waking[n_waking] = row
            n_waking += 1
    return n_due, n_waking


@compiled
def is_due(world: World, row: int, end: int) -> bool:
    """Whether the user waits for a decision before `end` (ms)."""
    user = world.users[row]
    return user.ended == ONGOING and user.moment != NONE and user.last_time < end


@compiled
def live_round(
    plan: Plan, world: World, book: Book, rows: Any, count: int, actions: Any, propensities: Any, end: int, tick: int
) -> int:
    """The first `count` of `rows` live on, with their `actions` `(count,)` and propensities, or `NO_ACTION`.

    Keeps in `rows` those who want another decision before `end` (ms); returns how many they are.
    """
    kept = 0
    for i in range(count):
        row = rows[i]
        if actions[i] != NO_ACTION:
            book.noted[row] = 0  # the log begins anew with this decision
        live_until(plan, world, row, actions[i], propensities[i], end)
        note(plan, world, book, row, end, tick)
        if is_due(world, row, end):
            rows[kept] = row
            kept += 1
    return kept
