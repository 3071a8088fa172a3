"""The runtime: events in, decisions out, each event applied once, and all that it changed committed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np

from journeys.events import LARGEST_EVENT, Event, EventCodec, EventError, parse_event
from journeys.events import encoder as event_encoder
from journeys.plan import compile_plan
from policies.bundle import Bundle
from serving.answer import (
    APPLIED,
    IGNORED,
    SOMEHOW,
    Answer,
    Arrival,
    DeadLetter,
    arrived,
    at_line,
    recorded,
    refusal,
    repeated,
    shown,
    too_early,
    too_late,
)
from serving.batch import Batch
from serving.decider import Decider
from serving.decision import Decision, Mode
from serving.decision import encoder as decision_encoder
from serving.folding import Folding
from serving.guarded_policy import DEADLINE_SECONDS
from serving.refold import REORDER_MS
from serving.roster import Roster
from serving.single import Single
from serving.stores.store import (
    NOTHING,
    Change,
    Commit,
    Delivery,
    Entry,
    LogLine,
    StaleState,
    Store,
    StoreError,
)
from serving.turns import Turns
from serving.workspace import EVENT_SIZE, WRITE_EVENT, Workspace

REASONS = 3  # entries of the observation that a decision names
TRIES = 8  # of a batch whose users another process keeps changing
ACTIVE_USERS = 100_000  # users in memory: some 150 MB


class Runtime:
    """Serves one bundle on one store. Threads may share it.

    `mode` is `live` (the runtime's own decisions are the history: decision events that come in are ignored) or
    `shadow` (decision events that come in are the history; own decisions are what *would* be offered). A store stays
    in the mode in which it was begun. `refused` is called with the dead letter of every event that is refused; with
    `keep_letters` they are committed to the store as well.

    `reasons` is how many entries a decision names (0: neither reasons nor next best action, which saves some
    two fifths of an event's time); `keep_observations` puts the observation into every decision record. An event up to
    `reorder_ms` behind its user's last is folded into its place. `deadline` is in seconds: then the rules answer.
    Up to `active_users` states are kept in memory.

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
        reorder_ms: int = REORDER_MS,
        deadline: float = DEADLINE_SECONDS,
        active_users: int = ACTIVE_USERS,
        keep_letters: bool = False,
    ) -> None:
        self.bundle, self.store, self.mode = bundle, store, mode
        self.journey, self.refused, self.keep_letters = bundle.journey, refused, keep_letters
        self.plan, self.codec = compile_plan(self.journey), EventCodec(self.journey)
        self.journey_hash, self.reorder_ms = self.journey.hash(), reorder_ms
        live, self._work, self._turns = mode == "live", Workspace(self.plan, 1), Turns()
        begun = store.remember(f"mode/{self.journey.name}", mode.encode()).decode()
        if begun != mode:
            raise StoreError(f"the store was begun in {begun} mode. Mend: go on in {begun} mode, or use another store")
        self._roster = Roster(store, self.journey, self.plan, self.codec, live, active_users)
        self._residents = self._roster.residents
        decider = Decider(bundle, mode, reasons, keep_observations, deadline)
        self._folding = Folding(self.plan, live, reorder_ms, decider, self._slip_in)
        self._folding.warm_up(self._residents, self._work)
        self._single = Single(self.plan, self.codec, live, decider, self._residents)

    def process(self, event: Event) -> Decision | None:
        """Apply one event; returns the decision, if one was due. A known event gets its recorded decision again."""
        return self.process_many([event])[0].decision

    def process_line(self, line: bytes, number: int | None = None) -> Answer:
        """Apply one event from its JSON; `number` is the line that a dead letter names."""
        return self.process_lines([(number, line)])[0]

    def process_lines(self, lines: Sequence[tuple[int | None, bytes]]) -> list[Answer]:
        """Apply events from numbered JSON lines, in order, as one batch."""
        read = [self._read(line, number) for number, line in lines]
        events = [event for event in read if isinstance(event, Event)]
        numbers = [number for event, (number, _) in zip(read, lines, strict=True) if isinstance(event, Event)]
        answers = iter(self._process(events, numbers))
        return [next(answers) if isinstance(event, Event) else event for event in read]

    def process_many(
        self, events: Sequence[Event], delivery: Delivery = NOTHING, arrival: Arrival = SOMEHOW
    ) -> list[Answer]:
        """Apply events in order, as one batch and one commit; the decisions are those of one event at a time.

        `delivery` is committed with the batch, whatever became of its events. Events later than what
        `arrival` allows are refused. Raises `StoreError` where the store fails; then nothing was applied.
        """
        return self._process(events, None, delivery, arrival)

    def _process(
        self,
        events: Sequence[Event],
        numbers: Sequence[int | None] | None,
        delivery: Delivery = NOTHING,
        arrival: Arrival = SOMEHOW,
    ) -> list[Answer]:
        answers = self._insist(events, delivery, arrival)
        if numbers is not None:
            answers = [at_line(answer, number) for answer, number in zip(answers, numbers, strict=True)]
        if self.refused is not None:
            for answer in answers:
                if answer.letter is not None:
                    self.refused(answer.letter)
        return answers

    def _insist(self, events: Sequence[Event], delivery: Delivery, arrival: Arrival) -> list[Answer]:
        latest = arrival.latest
        if len(events) == 1 and (latest is None or events[0].time <= latest):
            answer = self._apply_one(events[0], delivery)
            if answer is not None:
                return [answer]
        for attempt in range(TRIES):
            try:
                return self._apply(events, delivery, arrival, careful=attempt > 0)
            except StaleState:
                continue
        raise StaleState(f"gave up after {TRIES} tries: other processes keep changing these users. Mend: split by user")

    def _read(self, line: bytes, number: int | None) -> Event | Answer:
        if len(line) > LARGEST_EVENT:
            detail = f"{len(line)} bytes or more, at most {LARGEST_EVENT} are read. Mend: send one event per line"
            letter = DeadLetter("oversized", detail, line=number, raw=shown(line))
        else:
            try:
                return parse_event(line)
            except EventError as error:
                letter = DeadLetter("malformed", str(error), line=number, raw=shown(line))
        if self.refused is not None:
            self.refused(letter)
        return Answer("refused", letter=letter)

    def _apply_one(self, event: Event, delivery: Delivery) -> Answer | None:
        """The short way; None where the long way has to look closer."""
        users, residents, turns = (event.user,), self._residents, self._turns
        turns.take(users)
        change = None
        try:
            row = self._roster.seat_one(event.user)
            folded, decision = self._single.take(event, row)
            if folded:
                change = Change(event.user, residents.versions[row], residents.packed(row))
        except BaseException:
            residents.forget(users)
            turns.end(users)
            raise
        if change is None:
            turns.end(users)
            return None
        turns.leave(users)
        try:
            record = None if decision is None else decision_encoder.encode(decision)
            entry = Entry(event.user, event.id, event_encoder.encode(event), record)
            self.store.commit(Commit(self.journey.name, self.journey_hash, (change,), (entry,), delivery))
        except BaseException as error:
            self._settle(users, None)
            if isinstance(error, StaleState):
                return None
            raise
        self._settle(users, (change,))
        return APPLIED if decision is None else Answer("applied", decision, None, record)

    def _apply(self, events: Sequence[Event], delivery: Delivery, arrival: Arrival, careful: bool) -> list[Answer]:
        batch, answers = Batch(time.perf_counter_ns()), dict[int, Answer]()
        users = {event.user for event in events}
        self._turns.take(users)
        try:
            changes = self._fold(events, batch, answers, arrival.latest, careful)
        except BaseException:
            self._residents.forget(users)
            self._turns.end(users)
            raise
        self._turns.leave(users)
        try:
            self._commit(batch, changes, answers, delivery, arrival)
        except BaseException:
            self._settle(users, None)
            raise
        self._settle(users, changes)
        return [answers[place] for place in range(len(events))]

    def _fold(
        self, events: Sequence[Event], batch: Batch, answers: dict[int, Answer], latest: int | None, careful: bool
    ) -> Sequence[Change]:
        """Fold a batch and answer it, with nothing written yet; returns the states that are to be."""
        self._admit(events, batch, answers, latest)
        repeats: dict[int, int] = {}
        if batch.events:
            batch.rows = self._roster.seat([event.user for event in batch.events])
            self._work.rows[: len(batch.rows)] = batch.rows
            repeats = self._look_up(batch, answers, careful)
            self._folding.fold(batch, self._residents, self._work)
        self._answer(batch, answers, repeats)
        residents = self._residents
        user_of = {batch.rows[i]: batch.events[i].user for i in batch.applied()}
        return [Change(user, residents.versions[row], residents.packed(row)) for row, user in user_of.items()]

    def _settle(self, users: Collection[str], changes: Sequence[Change] | None) -> None:
        """What was folded is stored: `changes`. None: it is not, and the users are to be loaded again."""
        self._turns.take_back()
        if changes is None:
            self._residents.forget(users)
        else:
            for user, version, _ in changes:
                self._residents.stored(user, version + 1)
        self._turns.end(users)

    def _admit(self, events: Sequence[Event], batch: Batch, answers: dict[int, Answer], latest: int | None) -> None:
        """Answer events that are not for this runtime or not sound; write the others into the workspace."""
        if len(events) > self._work.room:
            self._work = Workspace(self.plan, 2 * len(events))
        raw, live, number = self._work.raw, self.mode == "live", 0
        for place, event in enumerate(events):
            if live and event.kind == "decision" and event.journey == self.journey.name:
                answers[place] = IGNORED
            elif latest is not None and event.time > latest:
                answers[place] = too_early(event, latest)
            else:
                try:
                    WRITE_EVENT(raw, number * EVENT_SIZE, *self.codec.fields(event))
                except EventError as error:
                    answers[place] = self._unsound(event, str(error))
                    continue
                batch.places.append(place)
                batch.events.append(event)
                number += 1

    def _unsound(self, event: Event, what: str) -> Answer:
        """The answer to an event that cannot be read: it may be known, from before the journey was changed."""
        pair = event.user, event.id
        known = self.store.answers(self.journey.name, [pair]) if event.journey == self.journey.name else {}
        return recorded(known[pair], event) if pair in known else refusal("invalid", what, event)

    def _look_up(self, batch: Batch, answers: dict[int, Answer], careful: bool) -> dict[int, int]:
        """Answer the events that are known, without folding them.

        Only what is not later than its user's last can be known, unless an id was given twice: the commit finds that,
        and then all are looked up (`careful`). Returns places of events that come twice, each with that of the first.
        """
        repeats: dict[int, int] = {}
        suspects = self._folding.suspects(batch, self._residents, self._work)
        if careful:
            suspects = np.arange(len(batch.events))
        if not len(suspects):
            return repeats
        pairs = [(event.user, event.id) for event in batch.events]
        known, first = self.store.answers(self.journey.name, [pairs[i] for i in suspects]), dict[tuple[str, str], int]()
        for i, pair in enumerate(pairs):
            first.setdefault(pair, i)
        for i in suspects.tolist():
            event, place = batch.events[i], batch.places[i]
            if pairs[i] in known:
                answers[place] = recorded(known[pairs[i]], event)
            elif first[pairs[i]] < i:
                repeats[place] = batch.places[first[pairs[i]]]
            else:
                continue
            batch.known.add(i)
        self._work.through[list(batch.known)] = True
        return repeats

    def _slip_in(self, batch: Batch, number: int) -> None:
        """Fold a late event into its place: the user's log again, with it."""
        row = batch.rows[number]
        mine = [i for i in batch.applied() if i <= number and batch.rows[i] == row]
        lines = [LogLine(self.journey_hash, entry.event, entry.decision) for entry in batch.entries(mine)]
        self._roster.fold_again(batch.events[number].user, row, lines)
        batch.slipped.add(number)

    def _answer(self, batch: Batch, answers: dict[int, Answer], repeats: dict[int, int]) -> None:
        for i, place in enumerate(batch.places):
            if i in batch.decisions:
                answers[place] = Answer("applied", batch.decisions[i], None, batch.records[i])
            elif i in batch.refused:
                answers[place] = too_late(batch.events[i], self.reorder_ms)
            elif i in batch.slipped:
                answers[place] = Answer("reordered")
            elif i not in batch.known:
                answers[place] = APPLIED
        events = dict(zip(batch.places, batch.events, strict=True))
        for place, first in repeats.items():
            answers[place] = repeated(answers[first], events[first], events[place])

    def _commit(
        self, batch: Batch, changes: Sequence[Change], answers: dict[int, Answer], delivery: Delivery, arrival: Arrival
    ) -> None:
        """Write what the batch changed and what comes with it, unless that is nothing."""
        if self.keep_letters:
            letters = [arrived(answer.letter, arrival) for answer in answers.values() if answer.letter is not None]
            if letters:
                delivery = delivery._replace(letters=[*delivery.letters, *map(msgspec.json.encode, letters)])
        if changes or delivery != NOTHING:
            entries = batch.entries(batch.applied())
            self.store.commit(Commit(self.journey.name, self.journey_hash, changes, entries, delivery))
