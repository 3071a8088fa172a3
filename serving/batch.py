"""One batch of events on its way through the runtime: those admitted, their rows, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from journeys.events import EVENT, Event
from journeys.events import encoder as event_encoder
from serving.decision import Decision
from serving.decision import encoder as decision_encoder
from serving.stores.store import Entry

EVENT_RECORD = np.dtype((np.record, EVENT))  # items with attributes, in a plain array: cheaper to hand to Numba


@dataclass
class Batch:
    """Events to fold: `places` in what came, `records` as EVENT tuples, `decisions` by number within the batch."""

    live: bool
    started: int
    places: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)
    decisions: dict[int, Decision] = field(default_factory=dict)

    def admit(self, place: int, event: Event, record: tuple[Any, ...]) -> None:
        """Add an event."""
        self.places.append(place)
        self.events.append(event)
        self.records.append(record)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The workspace row of every user."""
        return {user: row for row, user in enumerate(dict.fromkeys(event.user for event in self.events))}

    @cached_property
    def rows(self) -> np.ndarray:
        """The workspace row of every event's user, `(n,)`."""
        return np.array([self.row_of[event.user] for event in self.events])

    @cached_property
    def array(self) -> np.ndarray:
        """The events as EVENT records, `(n,)`."""
        return np.array(self.records, EVENT_RECORD)

    def entries(self, late: list[bool]) -> list[Entry]:
        """The lines of the log: every event that was not late, and live the decision that became history with it."""
        lines: list[Entry] = []
        for i, event in enumerate(self.events):
            if late[i]:
                continue
            decision = self.decisions.get(i)
            record = None if decision is None else decision_encoder.encode(decision)
            lines.append(Entry(event.user, event.id, event_encoder.encode(event), record))
            if decision is not None and self.live:
                lines.append(Entry(event.user, decision.id, event_encoder.encode(event_of(decision)), None))
        return lines


def event_of(decision: Decision) -> Event:
    """The decision as an event of the user's log."""
    return Event(
        id=decision.id,
        user=decision.user,
        journey=decision.journey,
        time=decision.time,
        kind="decision",
        action=decision.action,
        propensity=decision.propensity,
        policy=decision.policy,
    )
