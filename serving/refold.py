"""A state under a changed journey: the user's log folded again, steps matched by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import numpy as np

from journeys.actions import decode, encode
from journeys.events import EVENT, Event, EventCodec, EventError, parse_event
from journeys.fold import blank_states, fold_log
from journeys.plan import Plan
from journeys.state import pack
from serving.stores.store import LogLine

StepsOf = Callable[[str], tuple[str, ...]]  # journey hash -> step names of that journey


def refold(plan: Plan, codec: EventCodec, lines: Iterable[LogLine], steps_of: StepsOf) -> bytes:
    """The packed state after `lines` under the journey of `plan` and `codec`.

    Events of steps that the journey no longer has are left out, as are decisions that selected such a step.
    """
    records: list[np.void] = []
    for line in lines:
        event = moved(parse_event(line.event), steps_of(line.journey_hash), codec.names)
        record = np.zeros(1, EVENT)
        try:
            if event is not None:
                codec.to_record(event, record[0])
                records.append(record[0])
        except EventError:  # what the changed journey cannot read is no part of its history
            continue
    state = blank_states(plan, 1)
    fold_log(plan, state.users[0], state.steps[0], state.skills[0], np.array(records, EVENT).view(np.recarray))
    return pack(state, 0)


def moved(event: Event, before: tuple[str, ...], now: tuple[str, ...]) -> Event | None:
    """`event` with its flat action renumbered from the steps `before` to those of `now`; None where that is gone."""
    if event.action is None or before == now:
        return event
    try:
        return msgspec.structs.replace(event, action=encode(decode(event.action, before), now))
    except ValueError:
        return None
