"""Folding a batch: compiled stretches, and between them the decisions that are due and the looks at the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import entry_point
from journeys.plan import Plan
from serving.batch import Batch
from serving.decider import Decider
from serving.fold_batch import find_suspects, fold_on, offer_on
from serving.residents import Residents
from serving.workspace import Workspace

NOBODY = np.zeros(0, np.int64)


class Code(NamedTuple):
    """The compiled stretches, called without Numba's dispatch."""

    find_suspects: Callable[..., Any]
    fold_on: Callable[..., Any]
    offer_on: Callable[..., Any]


class Folding:
    """Folds batches into residents. `slip_in` folds an event that is late, by up to `window` ms, into its place."""

    def __init__(
        self, plan: Plan, live: bool, window: int, decider: Decider, slip_in: Callable[[Batch, int], None]
    ) -> None:
        self.plan, self.live, self.window, self.decider, self.slip_in = plan, live, window, decider, slip_in

    def warm_up(self, residents: Residents, work: Workspace) -> None:
        """Load or compile everything now, in a blank workspace, so that the first event does not wait for it."""
        self._code = code_of(self.plan, residents, work)
        work.first(1)
        seen = work.due(1)
        seen.masks.fill(True)
        fallback = self.decider.choose(work, 1)
        self.decider.explain(seen, fallback)
        seen.masks.fill(False)

    def suspects(self, batch: Batch, residents: Residents, work: Workspace) -> np.ndarray:
        """Numbers of the events that are not later than all before them of their user."""
        events, rows, _, suspect, _ = work.first(len(batch.events))
        self._code.find_suspects(residents.state.users, events, rows, residents.newest, suspect, work.count)
        return np.flatnonzero(suspect) if work.count[0] else NOBODY

    def fold(self, batch: Batch, residents: Residents, work: Workspace) -> None:
        """Fold all that is not known: what became of the events is noted in `batch`."""
        n, start = len(batch.events), 0
        events, rows, through, _, late = work.views(n)
        seen, state, waiting = work.seen, residents.state, residents.waiting
        while start < n:
            self._code.fold_on(
                self.plan, *state, events, rows, self.live, self.window, start, waiting, through, late,
                seen.due, seen.moments, seen.keys, seen.answered, seen.observations, seen.masks, work.reached,
            )  # fmt: skip
            start, found, looks, more = work.reached.tolist()
            if more:  # before any look: what is refused has no place in the log
                batch.refused.update(np.flatnonzero(late > self.window).tolist())
            if found:
                self._decide(batch, residents, work, found)
            if looks:
                self._look(batch, residents, late)

    def _look(self, batch: Batch, residents: Residents, late: np.ndarray) -> None:
        for number in np.flatnonzero((late > 0) & (late <= self.window)).tolist():
            if number not in batch.slipped:
                self.slip_in(batch, number)
                residents.waiting[batch.rows[number]] = False

    def _decide(self, batch: Batch, residents: Residents, work: Workspace, found: int) -> None:
        """Make the first `found` decisions of the workspace, in one call of the policy."""
        seen = work.due(found)
        fallback = self.decider.choose(work, found)
        if self.live:
            events, rows, *_ = work.views(len(batch.events))
            self._code.offer_on(
                self.plan, *residents.state, events, rows, residents.waiting,
                seen.due, seen.actions, seen.propensities, work.told,
            )  # fmt: skip
        batch.decide(seen.due.tolist(), self.decider.records(work, found, batch.events, fallback, batch.started))


def code_of(plan: Plan, residents: Residents, work: Workspace) -> Code:
    """The machine code for the types of these arrays, which are those of every journey."""
    events, rows, through, suspect, late = work.first(1)
    seen, state = work.seen, residents.state
    return Code(
        entry_point(find_suspects, state.users, events, rows, residents.newest, suspect, work.count),
        entry_point(
            fold_on, plan, *state, events, rows, True, 0, 0, residents.waiting, through, late,
            seen.due, seen.moments, seen.keys, seen.answered, seen.observations, seen.masks, work.reached,
        ),
        entry_point(
            offer_on, plan, *state, events, rows, residents.waiting,
            seen.due, seen.actions, seen.propensities, work.told,
        ),
    )  # fmt: skip
