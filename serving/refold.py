"""A user's state from the log: for a changed journey (steps matched by name), an event that came late, and audits.

The log is in the order of commits. A state is the fold of its events in the order of their time (events of the same
millisecond in the order of commits), live with each decision behind the event that it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from journeys.actions import decode, encode
from journeys.events import EVENT, Event, EventCodec, EventError, parse_event
from journeys.fold import blank_states, fold_log
from journeys.plan import Plan
from journeys.state import pack
from serving.batch import event_of
from serving.decision import decoder as decision_decoder
from serving.stores.store import LogLine

REORDER_MS = 30_000  # longer than a flaky phone needs to send again, shorter than a visit to a step

StepsOf = Callable[[str], tuple[str, ...]]  # journey hash -> step names of that journey


class History(NamedTuple):
    """A log as records `(n,)` EVENT in the order of commits, and the time of its newest event (ms), read or not."""

    rows: np.ndarray
    newest: int

    def followed_by(self, later: History) -> History:
        """Both, one after the other."""
        return History(np.concatenate([self.rows, later.rows]), max(self.newest, later.newest))


def refold(plan: Plan, codec: EventCodec, lines: Iterable[LogLine], steps_of: StepsOf, live: bool) -> bytes:
    """The packed state after `lines` under the journey of `plan` and `codec`.

    Events of steps that the journey no longer has are left out, as are decisions that selected such a step; only that
    they have been is known, by the time of the last. Raises `EventError` or `msgspec.DecodeError` for a damaged line.
    """
    return folded(plan, history_of(codec, lines, steps_of, live))


def history_of(codec: EventCodec, lines: Iterable[LogLine], steps_of: StepsOf, live: bool) -> History:
    """A log as records. Raises `EventError` or `msgspec.DecodeError`."""
    rows, newest = list[tuple[Any, ...]](), 0
    for line in lines:
        event = parse_event(line.event)
        told = [event]
        if event.kind != "decision":
            newest = max(newest, event.time)
        if live and line.decision is not None:
            told.append(event_of(decision_decoder.decode(line.decision)))
        rows += records_of(told, line.journey_hash, codec, steps_of)
    return History(np.array(rows, EVENT), newest)


def folded(plan: Plan, history: History) -> bytes:
    """The packed state after a history: its events in the order of time, those of one time as they were committed."""
    state, order = blank_states(plan, 1), np.argsort(history.rows["time"], kind="stable")
    fold_log(plan, state.users[0], state.steps[0], state.skills[0], history.rows[order].view(np.recarray))
    state.users["last_time"] = max(int(state.users["last_time"][0]), history.newest)
    return pack(state, 0)


def in_order(lines: Iterable[LogLine]) -> list[tuple[Event, LogLine]]:
    """The events with their lines in the order of their time, those of the same time in the order of commits."""
    events = [(parse_event(line.event), line) for line in lines]
    return sorted(events, key=lambda one: one[0].time)


def records_of(
    events: Iterable[Event], journey_hash: str, codec: EventCodec, steps_of: StepsOf
) -> Iterable[tuple[Any, ...]]:
    """The EVENT records of those events that the journey of `codec` can read: others are no part of its history."""
    for event in events:
        now = moved(event, steps_of(journey_hash), codec.names) if event.action is not None else event
        try:
            if now is not None:
                yield codec.fields(now)
        except EventError:
            continue


def moved(event: Event, before: tuple[str, ...], now: tuple[str, ...]) -> Event | None:
    """`event` with its flat action renumbered from the steps `before` to those of `now`; None where that is gone."""
    if event.action is None or before == now:
        return event
    try:
        return msgspec.structs.replace(event, action=encode(decode(event.action, before), now))
    except ValueError:
        return None
