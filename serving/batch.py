"""One batch of events on its way through the runtime: those admitted, where they are folded, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from journeys.events import Event
from journeys.events import encoder as event_encoder
from serving.decision import Decision
from serving.decision import encoder as decision_encoder
from serving.stores.store import Entry


@dataclass(slots=True)
class Batch:
    """Events to fold, by number: their `places` in what came, their users' `rows`, and what became of them.

    `decisions` and their JSON (`records`) are by number. `known` numbers are in the log already, `refused` ones are too
    late to be folded, `slipped` ones were folded into their place in the log.
    """

    started: int
    places: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    decisions: dict[int, Decision] = field(default_factory=dict)
    records: dict[int, bytes] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    slipped: set[int] = field(default_factory=set)

    def decide(self, numbers: Sequence[int], made: Sequence[Decision]) -> None:
        """Note decisions, each with the number of the event that it answers."""
        for number, decision in zip(numbers, made, strict=True):
            self.decisions[number] = decision
            self.records[number] = decision_encoder.encode(decision)

    def applied(self) -> Sequence[int]:
        """Numbers of the events that changed something."""
        if not self.known and not self.refused:
            return range(len(self.events))
        return [i for i in range(len(self.events)) if i not in self.known and i not in self.refused]

    def entries(self, numbers: Sequence[int]) -> list[Entry]:
        """The lines of the log for events by `numbers`, each with the decision that answers it."""
        events, records = self.events, self.records
        return [Entry(events[i].user, events[i].id, event_encoder.encode(events[i]), records.get(i)) for i in numbers]


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
