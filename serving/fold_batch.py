"""A batch of events in compiled calls: each user folded as far as it goes without a decision or a look at the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from journeys.actions import NONE
from journeys.compiled import OPTIONS, compile_with
from journeys.decisions import write_decision
from journeys.draws import decision_key
from journeys.events import DECISION
from journeys.fold import fold
from journeys.mask import write_mask
from journeys.observation import write_observation
from journeys.plan import Plan

SUSPECT, FOLDED, DUE = range(3)

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile without letting other threads in: a stretch is over in microseconds, getting back is not."""
    return compile_with({**OPTIONS, "nogil": False}, function)


@compiled
def find_suspects(users: Any, events: Any, rows: Any, newest: Any, suspect: Any, count: Any) -> None:
    """Mark the events that are not later than all before them of their user, and so may be known already.

    `events` `(n,)` EVENT in order of arrival, `rows` `(n,)` of their users; `newest` `(users,)` int64 is room to work
    in; `suspect` `(n,)` bool and `count` `(1,)` are filled.
    """
    count[0] = 0
    for i in range(len(rows)):
        newest[rows[i]] = users[rows[i]].last_time
    for i in range(len(rows)):
        row, time = rows[i], events[i].time
        suspect[i] = time <= newest[row]
        count[0] += suspect[i]
        newest[row] = max(newest[row], time)


@compiled
def fold_on(
    plan: Plan,
    users: Any,
    steps: Any,
    skills: Any,
    events: Any,
    rows: Any,
    live: bool,
    window: int,
    start: int,
    waiting: Any,
    through: Any,
    late: Any,
    due: Any,
    moments: Any,
    keys: Any,
    answered: Any,
    observations: Any,
    masks: Any,
    reached: Any,
) -> None:
    """Fold what can be folded of `events` `(n,)` EVENT from number `start` on; `rows` `(n,)` are their users' rows.

    Wherever a decision falls due, the event's number goes into `due`, its key and that of the decision into `keys` and
    `answered`, and what the policy is to see into `moments`, `observations` and `masks`. Live, a user whose decision is
    not yet folded is `waiting` `(users,)`, and later events of such a user are passed over until the next call.
    `through` `(n,)` marks the events dealt with. One that is earlier than its user's last is not folded: `late` `(n,)`
    says by how many ms; up to `window` ms the user waits until the log was looked at. `reached` `(4,)` is the number
    of the first event passed over (`n` for none), the number of decisions due, of users waiting for a look at the
    log, and of events too late for that.
    """
    found, first, looks, lost = 0, len(rows), 0, 0
    for i in range(start, len(rows)):
        row = rows[i]
        event, user = events[i], users[row]
        if through[i]:
            continue
        if waiting[row]:
            first = min(first, i)
            continue
        through[i] = True
        if event.time < user.last_time:
            late[i] = user.last_time - event.time
            if late[i] <= window:
                waiting[row] = True
                looks += 1
            else:
                lost += 1
            continue
        fold(plan, user, steps[row], skills[row], event)
        if event.kind != DECISION and user.moment != NONE:
            write_observation(plan, user, steps[row], skills[row], observations[found])
            write_mask(plan, user, masks[found])
            due[found], moments[found] = i, user.moment
            keys[found], answered[found] = event.key, decision_key(event.key)
            waiting[row] = live
            found += 1
    reached[0], reached[1], reached[2], reached[3] = first, found, looks, lost


@compiled
def fold_one(
    plan: Plan,
    users: Any,
    steps: Any,
    skills: Any,
    events: Any,
    row: int,
    moments: Any,
    keys: Any,
    observations: Any,
    masks: Any,
) -> int:
    """`fold_on` for the first of `events` alone, where it is later than its user's last: DUE, FOLDED, or SUSPECT.

    SUSPECT is an event that is not later: nothing was changed, and `fold_on` knows what to do.
    """
    event, user = events[0], users[row]
    if event.time <= user.last_time:
        return SUSPECT
    fold(plan, user, steps[row], skills[row], event)
    if event.kind == DECISION or user.moment == NONE:
        return FOLDED
    write_observation(plan, user, steps[row], skills[row], observations[0])
    write_mask(plan, user, masks[0])
    moments[0], keys[0] = user.moment, event.key
    return DUE


@compiled
def offer_one(
    plan: Plan,
    users: Any,
    steps: Any,
    skills: Any,
    events: Any,
    row: int,
    live: bool,
    moments: Any,
    masks: Any,
    actions: Any,
    propensities: Any,
    answered: Any,
    told: Any,
    summary: Any,
) -> int:
    """`check_on` and, live, `offer_on` for one decision, if it is sound; returns how many numbers `summary` has, or 0.

    `summary` `(2 + A,)` int64 begins with moment and action, then come the legal actions. `answered` `(1,)` is the key
    of the decision.
    """
    end, action, is_legal = 2, actions[0], False
    for a in range(masks.shape[1]):
        if masks[0, a]:
            summary[end] = a
            end += 1
            is_legal = is_legal or a == action
    if not (is_legal and 0.0 < propensities[0] <= 1.0):
        return 0
    summary[0], summary[1] = moments[0], action
    event, decision = events[0], told[0]
    write_decision(decision, event.key, event.user, event.time, action, propensities[0])
    answered[0] = decision.key
    if live:
        fold(plan, users[row], steps[row], skills[row], decision)
    return end


@compiled
def check_on(masks: Any, actions: Any, propensities: Any, legal: Any, edges: Any, sound: Any, count: Any) -> None:
    """List the legal actions of every row of `masks` `(m, A)` and check what was chosen of them.

    `legal` `(m * A,)` int64 holds row after row, `edges` `(m + 1,)` where each begins; `sound` `(m,)` says whether the
    action is legal and its propensity a probability above 0, and `count` `(1,)` how many are not.
    """
    end, count[0], edges[0] = 0, 0, 0
    for row in range(len(actions)):
        is_legal = False
        for a in range(masks.shape[1]):
            if masks[row, a]:
                legal[end] = a
                end += 1
                is_legal = is_legal or a == actions[row]
        edges[row + 1] = end
        sound[row] = is_legal and 0.0 < propensities[row] <= 1.0
        count[0] += not sound[row]


@compiled
def offer_on(
    plan: Plan,
    users: Any,
    steps: Any,
    skills: Any,
    events: Any,
    rows: Any,
    waiting: Any,
    due: Any,
    actions: Any,
    propensities: Any,
    told: Any,
) -> None:
    """Fold the decisions that answer the events `due` `(m,)`: what was decided is what was offered.

    `told` `(1,)` EVENT is room to work in.
    """
    decision = told[0]
    for i in range(len(due)):
        row = rows[due[i]]
        event = events[due[i]]
        write_decision(decision, event.key, event.user, event.time, actions[i], propensities[i])
        fold(plan, users[row], steps[row], skills[row], decision)
        waiting[row] = False
