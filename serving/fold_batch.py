"""Folding a batch of events of several users in compiled calls: each user up to where a decision is needed to go on."""

from __future__ import annotations

from typing import Any

from journeys.actions import NONE
from journeys.compiled import compiled
from journeys.decisions import write_decision
from journeys.events import DECISION
from journeys.fold import fold
from journeys.mask import write_mask
from journeys.observation import write_observation
from journeys.plan import Plan


@compiled
def fold_on(
    plan: Plan,
    users: Any,
    steps: Any,
    skills: Any,
    events: Any,
    rows: Any,
    live: bool,
    start: int,
    waiting: Any,
    through: Any,
    late: Any,
    due: Any,
    moments: Any,
    observations: Any,
    masks: Any,
    reached: Any,
) -> None:
    """Fold what can be folded of `events` `(n,)` EVENT from number `start` on; `rows` `(n,)` are their users' rows.

    Wherever a decision falls due, the event's number goes into `due`, and what the policy is to see into `moments`,
    `observations` and `masks`. Live, a user whose decision is not yet folded is `waiting` `(users,)`, and later
    events of such a user are passed over until the next call. `through` `(n,)` marks the events dealt with, `late`
    `(n,)` those among them that are earlier than their user's last and were not folded.
    `reached` `(2,)` is the number of the first event passed over (`n` for none) and the number of decisions due.
    """
    found, first = 0, len(events)
    for i in range(start, len(events)):
        event, user, row = events[i], users[rows[i]], rows[i]
        if through[i]:
            continue
        if waiting[row]:
            first = min(first, i)
            continue
        through[i] = True
        if event.time < user.last_time:
            late[i] = True
            continue
        fold(plan, user, steps[row], skills[row], event)
        if event.kind != DECISION and user.moment != NONE:
            write_observation(plan, user, steps[row], skills[row], observations[found])
            write_mask(plan, user, masks[found])
            due[found], moments[found] = i, user.moment
            waiting[row] = live
            found += 1
    reached[0], reached[1] = first, found


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
        event, row = events[due[i]], rows[due[i]]
        write_decision(decision, event.key, event.user, event.time, actions[i], propensities[i])
        fold(plan, users[row], steps[row], skills[row], decision)
        waiting[row] = False
