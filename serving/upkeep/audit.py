"""One user audited: the log folded afresh beside the stored state, every decision made again beside the logged one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from journeys.actions import MOMENTS, NONE, n_actions
from journeys.events import EVENT, Event, EventCodec, EventError, parse_event
from journeys.fold import blank_states, fold_log
from journeys.observation import look, observation_size
from journeys.plan import Plan, compile_plan
from journeys.state import State, unpack
from policies.bundle import Bundle
from policies.expert_rules import expert_rules
from serving.batch import event_of
from serving.decision import Decision
from serving.decision import decoder as decision_decoder
from serving.known_journeys import KnownJourneys
from serving.refold import records_of, refold
from serving.stores.store import Change, Commit, LogLine, StaleState, Store, Stored, StoreError

TRIES = 8  # to read a user's state and log of one moment, while a service changes them
ROUNDING = 1e-6  # of a propensity: another machine's products are rounded elsewhere
DAMAGED = (EventError, msgspec.DecodeError, UnicodeDecodeError, ValueError)


class Audit(NamedTuple):
    """What was found of a user: `differences` in words, whether the state is one of them, and decisions by what came.

    `again` were made again and compared; `others` were made by another bundle, or under another version of the journey.
    """

    user: str
    differences: tuple[str, ...]
    state_differs: bool
    events: int
    again: int
    others: int


class Auditor:
    """Audits users of one bundle's journey. Raises `StoreError` where the store was never used for it."""

    def __init__(self, store: Store, bundle: Bundle) -> None:
        self.store, self.bundle, self.journey = store, bundle, bundle.journey
        mode = store.recall(f"mode/{self.journey.name}")
        if mode is None:
            raise StoreError(f"the store holds nothing of journey {self.journey.name!r}. Mend: give its own bundle")
        self.live, self.hash = mode == b"live", self.journey.hash()
        self._rules, self._known = expert_rules(), KnownJourneys(store)
        self._folds: dict[str, tuple[Plan, EventCodec]] = {}

    def audit(self, user: str) -> Audit:
        """Audit a user as stored at one moment. Raises `StoreError`."""
        stored, lines = self._snapshot(user)
        differences: list[str] = []
        differs = self._compare_state(stored, lines, differences)
        again, others = 0, 0
        try:
            again, others = self._compare_decisions(lines, differences)
        except DAMAGED as error:
            differences.append(f"the log is damaged: {error}")
        return Audit(user, tuple(differences), differs, len(lines), again, others)

    def mend(self, user: str) -> None:
        """Write the state that the log gives, unless somebody changes the user meanwhile (`StaleState`)."""
        stored, lines = self._snapshot(user)
        if stored is not None:
            change = Change(user, stored.version, self._fresh(stored.journey_hash, lines))
            self.store.commit(Commit(self.journey.name, stored.journey_hash, [change], []))

    def _snapshot(self, user: str) -> tuple[Stored | None, list[LogLine]]:
        name = self.journey.name
        for _ in range(TRIES):
            before = self.store.load(name, [user]).get(user)
            lines = self.store.log(name, user)
            if before == self.store.load(name, [user]).get(user):
                return before, lines
        raise StaleState(f"user {user!r} keeps changing. Mend: try again when there is less to do")

    def _compare_state(self, stored: Stored | None, lines: Sequence[LogLine], differences: list[str]) -> bool:
        if stored is None:
            if lines:
                differences.append(f"there are {len(lines)} events and no state")
            return False
        try:
            fresh = self._fresh(stored.journey_hash, lines)
        except DAMAGED as error:
            differences.append(f"the log is damaged: {error}")
            return False
        if fresh == stored.state:
            return False
        places = f"{sum(a != b for a, b in zip(fresh, stored.state, strict=False))} of {len(fresh)} bytes"
        differences.append(f"the stored state is not the fold of the log: {places} differ")
        return True

    def _fresh(self, journey_hash: str, lines: Sequence[LogLine]) -> bytes:
        """The fold of a log under the version of the journey that a state was folded under."""
        if journey_hash not in self._folds:
            journey = self.journey if journey_hash == self.hash else self._known.journey(journey_hash)
            self._folds[journey_hash] = compile_plan(journey), EventCodec(journey)
        plan, codec = self._folds[journey_hash]
        return refold(plan, codec, lines, self._known.steps_of, self.live)

    def _compare_decisions(self, lines: Sequence[LogLine], differences: list[str]) -> tuple[int, int]:
        """Make every decision again from what was known when it was made; returns how many, and how many were not."""
        self._fresh(self.hash, [])
        history = History(*self._folds[self.hash])
        again, others = 0, 0
        for place, line in enumerate(lines):
            event = parse_event(line.event)
            logged = None if line.decision is None else decision_decoder.decode(line.decision)
            in_order = event.time >= history.newest
            if in_order:
                history.fold(records_of([event], line.journey_hash, history.codec, self._known.steps_of))
                history.newest = event.time
            else:  # it came late, and was folded into its place: nothing was decided on it
                history.put(refold(history.plan, history.codec, lines[: place + 1], self._known.steps_of, self.live))
            if line.journey_hash == self.hash:
                due = in_order and event.kind != "decision" and history.is_due
                wrong, made = self._compare(event, logged, history if due else None)
                differences += wrong
                again, others = again + made, others + (logged is not None and not made)
            elif logged is not None:
                others += 1
            if logged is not None and self.live and in_order:
                history.fold(records_of([event_of(logged)], line.journey_hash, history.codec, self._known.steps_of))
        return again, others

    def _compare(self, event: Event, logged: Decision | None, due: History | None) -> tuple[list[str], bool]:
        """What is wrong with the decision on one event, and whether it was made again."""
        manifest, named = self.bundle.manifest, f"event {event.id!r}"
        if due is None:
            return ([] if logged is None else [f"{named}: decision {logged.id!r} is logged and none was due"]), False
        if logged is None:
            return [f"{named}: a decision was due and none is logged"], False
        if (logged.bundle, logged.version) != (manifest.name, manifest.version):
            return [], False
        observations, masks, moment = due.look()
        key = np.array([due.codec.fields(event)[KEY_AT]], np.uint64)
        policy = self._rules if logged.fallback else self.bundle.policy
        actions, propensities = policy.decide(observations, masks, key)
        pairs = {
            "moment": (logged.moment, moment),
            "legal actions": (logged.legal, tuple(np.flatnonzero(masks[0]).tolist())),
            "action": (logged.action, int(actions[0])),
        }
        wrong = [f"{named}: {what} {was}, made again {now}" for what, (was, now) in pairs.items() if was != now]
        if not abs(logged.propensity - float(propensities[0])) <= ROUNDING:
            wrong.append(f"{named}: propensity {logged.propensity!r}, made again {float(propensities[0])!r}")
        return wrong, True


KEY_AT = (EVENT.names or ()).index("key")


class History:
    """What was known of one user at a moment of the past: a state into which events are folded one by one."""

    def __init__(self, plan: Plan, codec: EventCodec) -> None:
        self.plan, self.codec, self.newest = plan, codec, 0
        self.state: State = blank_states(plan, 1)
        n_steps = len(codec.names)
        self._observations = np.zeros((1, observation_size(n_steps, len(plan.prior))), np.float32)
        self._masks = np.zeros((1, n_actions(n_steps)), bool)

    def fold(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Fold events: EVENT records as tuples."""
        events = np.array(list(rows), EVENT).view(np.recarray)
        fold_log(self.plan, self.state.users[0], self.state.steps[0], self.state.skills[0], events)

    def put(self, packed: bytes) -> None:
        """Go on from a state."""
        unpack(packed, self.state, 0)

    @property
    def is_due(self) -> bool:
        """Whether a decision is."""
        return bool(self.state.users["moment"][0] != NONE)

    def look(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Observation `(1, D)`, mask `(1, A)` and the kind of the moment."""
        users, steps, skills = (part.view(np.ndarray) for part in self.state)
        look(self.plan, users, steps, skills, np.zeros(1, np.int64), self._observations, self._masks)
        return self._observations, self._masks, MOMENTS[self.state.users["moment"][0]]
