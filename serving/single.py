"""The short way of one event that is new: what the long way does with a batch, without what only a batch needs.

What is not a sound event of a user in memory, later than that user's last, is left to the long way with nothing
changed. Both ways give the same answers, states and logs, bit for bit.
"""

from __future__ import annotations

import time

import numpy as np

from journeys.compiled import entry_point
from journeys.events import Event, EventCodec, EventError
from journeys.plan import Plan
from serving.decider import Decider
from serving.decision import Decision
from serving.fold_batch import DUE, SUSPECT, fold_one, offer_one
from serving.residents import Residents
from serving.workspace import WRITE_EVENT, Workspace

NOT_FOLDED, NOTHING_DUE = (False, None), (True, None)


class Single:
    """Takes single events: `take` folds and decides, the caller commits."""

    def __init__(self, plan: Plan, codec: EventCodec, live: bool, decider: Decider, residents: Residents) -> None:
        self._plan, self._codec, self._live, self._decider, self._residents = plan, codec, live, decider, residents
        self._work = work = Workspace(plan, 1)
        self._seen, self._summary = work.due(1), np.zeros(2 + work.seen.masks.shape[1], np.int64)
        state, seen = residents.state, self._seen
        self._fold = entry_point(
            fold_one, plan, *state, work.events, 0, seen.moments, seen.keys, seen.observations, seen.masks
        )
        self._offer = entry_point(
            offer_one, plan, *state, work.events, 0, True, seen.moments, seen.masks, seen.actions, seen.propensities,
            seen.answered, work.told, self._summary,
        )  # fmt: skip

    def take(self, event: Event, row: int) -> tuple[bool, Decision | None]:
        """Fold one event into the state in `row`, and decide what is due; False leaves it to the long way."""
        started = time.perf_counter_ns()
        if event.kind == "decision" and self._live:
            return NOT_FOLDED
        work, seen = self._work, self._seen
        try:
            WRITE_EVENT(work.raw, 0, *self._codec.fields(event))
        except EventError:
            return NOT_FOLDED
        outcome = self._fold(
            self._plan, *self._residents.state, work.events, row,
            seen.moments, seen.keys, seen.observations, seen.masks,
        )  # fmt: skip
        if outcome == DUE:
            return True, self._decide(event, row, started)
        return NOT_FOLDED if outcome == SUSPECT else NOTHING_DUE

    def _decide(self, event: Event, row: int, started: int) -> Decision:
        decider, seen = self._decider, self._seen
        why = decider.ask(seen)
        count = 0 if why else self._offered(row)
        if not count:
            why = decider.ask_rules(seen, why)
            count = self._offered(row)
        moment, action, *legal = self._summary[:count].tolist()
        return decider.record(seen, event, moment, action, tuple(legal), why, started)

    def _offered(self, row: int) -> int:
        """How much of the summary is filled; 0 where the choice does not hold, and nothing was offered."""
        work, seen = self._work, self._seen
        count = self._offer(
            self._plan, *self._residents.state, work.events, row, self._live, seen.moments, seen.masks,
            seen.actions, seen.propensities, seen.answered, work.told, self._summary,
        )  # fmt: skip
        return int(count)
