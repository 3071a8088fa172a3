"""The runtime: events in, decisions out, each event applied once, and all that it changed committed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from journeys.actions import MOMENTS
from journeys.draws import id_of_key
from journeys.events import EVENT, Event, EventCodec, EventError, parse_event
from journeys.events import encoder as event_encoder
from journeys.plan import compile_plan
from journeys.spec import Journey
from policies.bundle import Bundle
from serving.answer import RAW_KEPT, Answer, DeadLetter
from serving.decider import ILLEGAL, Decider
from serving.decision import Decision, Mode
from serving.decision import decoder as decision_decoder
from serving.decision import encoder as decision_encoder
from serving.fold_batch import decide_on, fold_on
from serving.refold import refold
from serving.store import Change, Commit, Entry, StaleState, Store, StoreError
from serving.workspace import Workspace

MOST_BYTES = 65_536  # of one event on the wire; the longest that a well-formed event can need is far shorter
REASONS = 3  # entries of the observation that a decision names
TRIES = 8  # of a batch whose users another process keeps changing
NS_PER_US = 1_000.0
EVENT_FIELDS = EVENT.names or ()
RECORD_DEFAULTS = dict.fromkeys(EVENT_FIELDS, 0)


class Admitted(NamedTuple):
    """The events of a batch that are to be folded: their places in the batch, themselves, and as EVENT tuples."""

    places: list[int]
    events: list[Event]
    records: list[tuple[Any, ...]]


class Runtime:
    """Serves one bundle on one store.

    `mode` is `live` (the runtime's own decisions are the history: decision events that come in are ignored) or
    `shadow` (decision events that come in are the history; own decisions are what *would* be offered). A store stays
    in the mode in which it was begun. `refused` is called with the dead letter of every event that is refused.

    `reasons` is how many entries a decision names (0: neither reasons nor next best action, which saves most of the
    time of a decision); `keep_observations` puts the observation into every decision record.

    Raises `StoreError` where the store was begun in the other mode.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: Store,
        mode: Mode = "live",
        refused: Callable[[DeadLetter], None] | None = None,
        reasons: int = REASONS,
        keep_observations: bool = False,
    ) -> None:
        self.bundle, self.store, self.mode = bundle, store, mode
        self.journey = bundle.journey
        self.refused, self.keep_observations = refused, keep_observations
        self.plan, self.codec = compile_plan(self.journey), EventCodec(self.journey)
        self.journey_hash = self.journey.hash()
        self._decider = Decider(bundle, reasons)
        self._work = Workspace(self.plan, 1)
        begun = store.remember(f"mode/{self.journey.name}", mode.encode()).decode()
        if begun != mode:
            raise StoreError(f"the store was begun in {begun} mode. Mend: go on in {begun} mode, or use another store")
        store.remember(f"journey/{self.journey_hash}", msgspec.json.encode(self.journey, order="deterministic"))

    def process(self, event: Event) -> Decision | None:
        """Apply one event; returns the decision, if one was due. A known event gets its recorded decision again."""
        return self.process_many([event])[0].decision

    def process_line(self, line: bytes, number: int | None = None) -> Answer:
        """Apply one event from its JSON; `number` is the line that a dead letter names."""
        return self.process_lines([(number, line)])[0]

    def process_lines(self, lines: Sequence[tuple[int | None, bytes]]) -> list[Answer]:
        """Apply events from numbered JSON lines, in order, as one batch."""
        read = [self._read(line, number) for number, line in lines]
        answers = iter(self.process_many([event for event in read if isinstance(event, Event)]))
        return [next(answers) if isinstance(event, Event) else event for event in read]

    def process_many(self, events: Sequence[Event]) -> list[Answer]:
        """Apply events in order, as one batch and one commit; the decisions are those of one event at a time.

        Raises `StoreError` where the store fails; then nothing of the batch was applied.
        """
        for _ in range(TRIES):
            try:
                answers = self._process(events)
            except StaleState:
                continue
            for answer in answers:
                if answer.letter is not None and self.refused is not None:
                    self.refused(answer.letter)
            return answers
        raise StoreError(f"gave up after {TRIES} tries: other processes keep changing these users. Mend: split by user")

    def _read(self, line: bytes, number: int | None) -> Event | Answer:
        if len(line) > MOST_BYTES:
            detail = f"{len(line)} bytes or more, at most {MOST_BYTES} are read. Mend: send one event per line"
            letter = DeadLetter("oversized", detail, line=number, raw=shown(line))
        else:
            try:
                return parse_event(line)
            except EventError as error:
                letter = DeadLetter("malformed", str(error), line=number, raw=shown(line))
        if self.refused is not None:
            self.refused(letter)
        return Answer("refused", letter=letter)

    def _process(self, events: Sequence[Event]) -> list[Answer]:
        started = time.perf_counter_ns()
        answers: dict[int, Answer] = {}
        repeats: dict[int, int] = {}
        admitted = self._admit(events, answers, repeats)
        if admitted.events:
            self._apply(admitted, answers, started)
        for place, first in repeats.items():
            answers[place] = repeated(answers[first])
        return [answers[place] for place in range(len(events))]

    def _admit(self, events: Sequence[Event], answers: dict[int, Answer], repeats: dict[int, int]) -> Admitted:
        """Sort out events that are known, not for this runtime, or not sound."""
        known = self.store.answers(self.journey.name, [(event.user, event.id) for event in events])
        admitted, seen = Admitted([], [], []), dict[tuple[str, str], int]()
        for place, event in enumerate(events):
            pair = (event.user, event.id)
            if pair in seen:
                repeats[place] = seen[pair]
            elif self.mode == "live" and event.kind == "decision" and event.journey == self.journey.name:
                answers[place] = Answer("ignored")
            elif pair in known and event.journey == self.journey.name:
                recorded = known[pair]
                answers[place] = Answer("duplicate", decision_decoder.decode(recorded) if recorded else None)
            else:
                record: dict[str, Any] = RECORD_DEFAULTS.copy()
                try:
                    self.codec.to_record(event, record)
                except EventError as error:
                    answers[place] = refusal("invalid", str(error), event)
                    continue
                seen[pair] = place
                admitted.places.append(place)
                admitted.events.append(event)
                admitted.records.append(tuple(record.values()))
        return admitted

    def _apply(self, admitted: Admitted, answers: dict[int, Answer], started: int) -> None:
        """Fold the events, decide where decisions are due, and commit."""
        row_of: dict[str, int] = {}
        rows = np.array([row_of.setdefault(event.user, len(row_of)) for event in admitted.events])
        versions = self._load(list(row_of), len(rows))
        records = np.array(admitted.records, EVENT).view(np.recarray)
        entries: dict[int, list[Entry]] = {}
        decided: dict[int, Decision] = {}
        start, work = 0, self._work
        while start < len(records):
            fold_on(
                self.plan, *work.state, records, rows, self.mode == "live", start, work.waiting, work.late[: len(rows)],
                work.due, work.moments, work.observations, work.masks, work.reached,
            )  # fmt: skip
            start, found = work.reached.tolist()
            if found:
                self._decide(admitted.events, records, rows, found, started, decided, entries)
        late = work.late[: len(rows)].tolist()
        self._commit(admitted.events, late, rows, row_of, versions, decided, entries)
        for i, place in enumerate(admitted.places):
            event = admitted.events[i]
            answers[place] = too_late(event) if late[i] else Answer("applied", decided.get(i))

    def _load(self, users: list[str], n_events: int) -> list[int]:
        """Bring the users' states into the workspace; returns their versions."""
        if n_events > self._work.room:
            self._work = Workspace(self.plan, n_events)
        stored = self.store.load(self.journey.name, users)
        states: list[bytes | None] = []
        for user in users:
            mine = stored.get(user)
            same = mine is None or mine.journey_hash == self.journey_hash
            states.append((mine and mine.state) if same else self._refold(user))
        self._work.fill(states)
        return [stored[user].version if user in stored else 0 for user in users]

    def _refold(self, user: str) -> bytes:
        return refold(self.plan, self.codec, self.store.log(self.journey.name, user), self._steps_of)

    def _steps_of(self, journey_hash: str) -> tuple[str, ...]:
        document = self.store.recall(f"journey/{journey_hash}")
        if document is None:
            raise StoreError(
                f"the store lacks journey {journey_hash}, under which it has events. Mend: restore the store"
            )
        return msgspec.json.decode(document, type=Journey).step_names()

    def _decide(
        self,
        events: list[Event],
        records: np.ndarray,
        rows: np.ndarray,
        found: int,
        started: int,
        decided: dict[int, Decision],
        entries: dict[int, list[Entry]],
    ) -> None:
        """Decide what is due in the workspace, in one call of the policy."""
        work, live = self._work, self.mode == "live"
        due, observations, masks = work.due[:found], work.observations[:found], work.masks[:found]
        choices, fallen = self._decider.decide(observations, masks, records["key"][due])
        decide_on(self.plan, *work.state, records, rows, live, work.waiting, due, *choices, work.decisions)
        whys = self._decider.explain(observations, masks, choices.actions)
        latency = (time.perf_counter_ns() - started) / NS_PER_US
        for k, i in enumerate(due.tolist()):
            event, action, record = events[i], int(choices.actions[k]), work.decisions[k]
            decided[i] = Decision(
                id=id_of_key(int(record["key"])),
                event=event.id,
                user=event.user,
                journey=self.journey.name,
                time=event.time,
                moment=MOMENTS[work.moments[k]],
                action=action,
                offer=self._decider.offers[action],
                propensity=float(choices.propensities[k]),
                legal=tuple(np.flatnonzero(masks[k]).tolist()),
                policy="rules" if fallen[k] else self.bundle.policy.name,
                bundle=self.bundle.manifest.name,
                version=self.bundle.manifest.version,
                mode=self.mode,
                latency_us=latency,
                reasons=whys[k].reasons,
                next_best=whys[k].next_best,
                predicted_success=whys[k].predicted_success,
                fallback=ILLEGAL if fallen[k] else None,
                observation=observations[k].astype("<f4").tobytes() if self.keep_observations else None,
            )
            if live:
                told = self.codec.from_record(record, event.user, decided[i].policy)
                entries[i] = [Entry(event.user, told.id, event_encoder.encode(told), None)]

    def _commit(
        self,
        events: list[Event],
        late: list[bool],
        rows: np.ndarray,
        row_of: dict[str, int],
        versions: list[int],
        decided: dict[int, Decision],
        entries: dict[int, list[Entry]],
    ) -> None:
        """Write what the batch changed."""
        lines: list[Entry] = []
        for i, event in enumerate(events):
            if not late[i]:
                decision = decision_encoder.encode(decided[i]) if i in decided else None
                lines += [Entry(event.user, event.id, event_encoder.encode(event), decision), *entries.get(i, ())]
        moved = set(rows[~self._work.late[: len(rows)]].tolist())
        states = self._work.packed(len(row_of))
        changes = [Change(user, versions[row], states[row]) for user, row in row_of.items() if row in moved]
        if lines:
            self.store.commit(Commit(self.journey.name, self.journey_hash, changes, lines))


def refusal(reason: Any, detail: str, event: Event) -> Answer:
    """The answer to an event that is refused."""
    raw = shown(event_encoder.encode(event))
    return Answer("refused", letter=DeadLetter(reason, detail, event=event.id, user=event.user, raw=raw))


def too_late(event: Event) -> Answer:
    """The answer to an event that is earlier than its user's last."""
    mend = "Mend: send each user's events in order of time"
    return refusal("late", f"event {event.id!r} is earlier than the last event of user {event.user!r}. {mend}", event)


def repeated(first: Answer) -> Answer:
    """The answer to an event that came before in the same batch."""
    return first if first.outcome == "refused" else Answer("duplicate", first.decision)


def shown(line: bytes) -> str:
    """The beginning of a refused line, as a dead letter keeps it."""
    return line[:RAW_KEPT].decode("utf-8", "replace")
