"""The runtime: events in, decisions out, each event applied once, and all that it changed committed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np

from journeys.events import LARGEST_EVENT, Event, EventCodec, EventError, parse_event
from journeys.plan import compile_plan
from journeys.spec import Journey
from policies.bundle import Bundle
from serving.answer import Answer, DeadLetter, at_line, recorded, refusal, repeated, shown, too_late
from serving.batch import EVENT_RECORD, Batch
from serving.decider import Decider, Due, decision_id
from serving.decision import Decision, Mode
from serving.fold_batch import fold_on, offer_on
from serving.refold import refold
from serving.stores.store import RESTORE, Change, Commit, StaleState, Store, StoreError
from serving.workspace import Workspace

REASONS = 3  # entries of the observation that a decision names
TRIES = 8  # of a batch whose users another process keeps changing


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
        self.refused = refused
        self.plan, self.codec = compile_plan(self.journey), EventCodec(self.journey)
        self.journey_hash = self.journey.hash()
        self._decider = Decider(bundle, mode, reasons, keep_observations)
        self._work = Workspace(self.plan, 1)
        self._warm_up()
        begun = store.remember(f"mode/{self.journey.name}", mode.encode()).decode()
        if begun != mode:
            raise StoreError(f"the store was begun in {begun} mode. Mend: go on in {begun} mode, or use another store")
        store.remember(f"journey/{self.journey_hash}", msgspec.json.encode(self.journey, order="deterministic"))

    def _warm_up(self) -> None:
        """Load or compile everything now, in the blank workspace, so that the first event does not wait for it."""
        work, nothing = self._work, np.zeros(0, EVENT_RECORD)
        rows, masks = np.zeros(0, np.int64), np.ones_like(work.masks)
        fold_on(
            self.plan, *work.state, nothing, rows, True, 0, work.waiting, work.through, work.late,
            work.due, work.moments, work.observations, work.masks, work.reached,
        )  # fmt: skip
        chosen = self._decider.choose(Due([], work.moments, work.observations, masks, np.zeros(1, np.uint64)))
        offer_on(self.plan, *work.state, nothing, rows, work.waiting, rows, *chosen.choices, work.told)
        self._decider.explain(Due([], work.moments, work.observations, masks, rows), chosen)
        decision_id(np.uint64(0))

    def process(self, event: Event) -> Decision | None:
        """Apply one event; returns the decision, if one was due. A known event gets its recorded decision again."""
        return self.process_many([event])[0].decision

    def process_line(self, line: bytes, number: int | None = None) -> Answer:
        """Apply one event from its JSON; `number` is the line that a dead letter names."""
        return self.process_lines([(number, line)])[0]

    def process_lines(self, lines: Sequence[tuple[int | None, bytes]]) -> list[Answer]:
        """Apply events from numbered JSON lines, in order, as one batch."""
        read = [self._read(line, number) for number, line in lines]
        numbered = [(event, number) for event, (number, _) in zip(read, lines, strict=True) if isinstance(event, Event)]
        answers = iter(self._process_numbered(numbered))
        return [next(answers) if isinstance(event, Event) else event for event in read]

    def process_many(self, events: Sequence[Event]) -> list[Answer]:
        """Apply events in order, as one batch and one commit; the decisions are those of one event at a time.

        Raises `StoreError` where the store fails; then nothing of the batch was applied.
        """
        return self._process_numbered([(event, None) for event in events])

    def _process_numbered(self, numbered: Sequence[tuple[Event, int | None]]) -> list[Answer]:
        events = [event for event, _ in numbered]
        for _ in range(TRIES):
            try:
                answers = self._process(events)
            except StaleState:
                continue
            answers = [at_line(answer, number) for answer, (_, number) in zip(answers, numbered, strict=True)]
            for answer in answers:
                if answer.letter is not None and self.refused is not None:
                    self.refused(answer.letter)
            return answers
        raise StoreError(f"gave up after {TRIES} tries: other processes keep changing these users. Mend: split by user")

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

    def _process(self, events: Sequence[Event]) -> list[Answer]:
        batch = Batch(self.mode == "live", time.perf_counter_ns())
        answers: dict[int, Answer] = {}
        repeats = self._admit(events, batch, answers)
        if batch.events:
            versions = self._load(batch)
            self._fold(batch)
            late = self._work.late[: len(batch.events)].tolist()
            self._check_unknown(event for event, refused in zip(batch.events, late, strict=True) if refused)
            self._commit(batch, versions, late)
            for i, event in enumerate(batch.events):
                applied = Answer("applied", batch.decisions.get(i))
                answers[batch.places[i]] = too_late(event) if late[i] else applied
        for place, first in repeats.items():
            answers[place] = repeated(answers[first], events[first], events[place])
        return [answers[place] for place in range(len(events))]

    def _admit(self, events: Sequence[Event], batch: Batch, answers: dict[int, Answer]) -> dict[int, int]:
        """Answer events that are known, not for this runtime or not sound; admit the others.

        Returns the places of events that come twice, each with the place of the first.
        """
        known = self.store.answers(self.journey.name, [(event.user, event.id) for event in events])
        seen, repeats = dict[tuple[str, str], int](), dict[int, int]()
        for place, event in enumerate(events):
            pair, ours = (event.user, event.id), event.journey == self.journey.name
            if pair in seen:
                repeats[place] = seen[pair]
            elif ours and batch.live and event.kind == "decision":
                answers[place] = Answer("ignored")
            elif ours and pair in known:
                answers[place] = recorded(known[pair], event)
            else:
                try:
                    fields = self.codec.fields(event)
                except EventError as error:
                    answers[place] = refusal("invalid", str(error), event)
                    continue
                seen[pair] = place
                batch.admit(place, event, fields)
        return repeats

    def _check_unknown(self, late: Iterable[Event]) -> None:
        """Raises `StaleState` where an event is only late because another process applied it while this one looked.

        No commit would notice: a user of whom every event is late has no change to commit.
        """
        pairs = [(event.user, event.id) for event in late]
        if pairs and self.store.answers(self.journey.name, pairs):
            raise StaleState("an event of this batch is in the log already. Mend: load the users and try again")

    def _load(self, batch: Batch) -> list[int]:
        """Bring the users' states into the workspace; returns their versions."""
        if len(batch.events) > self._work.room:
            self._work = Workspace(self.plan, len(batch.events))
        stored = self.store.load(self.journey.name, batch.row_of)
        states: list[bytes | None] = []
        for user in batch.row_of:
            mine = stored.get(user)
            same = mine is None or mine.journey_hash == self.journey_hash
            states.append((mine and mine.state) if same else self._refold(user))
        try:
            self._work.fill(states)
        except ValueError as error:
            raise StoreError(f"the store holds a damaged state: {error}. {RESTORE}") from None
        return [stored[user].version if user in stored else 0 for user in batch.row_of]

    def _refold(self, user: str) -> bytes:
        try:
            return refold(self.plan, self.codec, self.store.log(self.journey.name, user), self._steps_of)
        except EventError as error:
            raise StoreError(f"the store holds a damaged event of user {user!r}: {error}. {RESTORE}") from None

    def _steps_of(self, journey_hash: str) -> tuple[str, ...]:
        document = self.store.recall(f"journey/{journey_hash}")
        if document is None:
            raise StoreError(f"the store has events of journey {journey_hash} but not it. Mend: restore the store")
        try:
            return msgspec.json.decode(document, type=Journey).step_names()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreError(f"the store holds a damaged journey: {error}. {RESTORE}") from None

    def _fold(self, batch: Batch) -> None:
        """Fold the batch, pausing to decide when every user left waits for a decision."""
        work, n, start = self._work, len(batch.events), 0
        through, late = work.through[:n], work.late[:n]
        while start < n:
            fold_on(
                self.plan, *work.state, batch.array, batch.rows, batch.live, start, work.waiting, through, late,
                work.due, work.moments, work.observations, work.masks, work.reached,
            )  # fmt: skip
            start, found = work.reached.tolist()
            if found:
                self._decide(batch, found)

    def _decide(self, batch: Batch, found: int) -> None:
        """Make the first `found` decisions of the workspace, in one call of the policy."""
        work, numbers = self._work, self._work.due[:found]
        keys, events = batch.array["key"][numbers], [batch.events[i] for i in numbers.tolist()]
        due = Due(events, work.moments[:found], work.observations[:found], work.masks[:found], keys)
        chosen = self._decider.choose(due)
        if batch.live:
            offer_on(self.plan, *work.state, batch.array, batch.rows, work.waiting, numbers, *chosen.choices, work.told)
        made = self._decider.records(due, chosen, batch.started)
        batch.decisions.update(zip(numbers.tolist(), made, strict=True))

    def _commit(self, batch: Batch, versions: list[int], late: list[bool]) -> None:
        """Write what the batch changed, unless that is nothing."""
        moved = {row for row, refused in zip(batch.rows.tolist(), late, strict=True) if not refused}
        if moved:
            states = self._work.packed(len(versions))
            changes = [Change(user, versions[row], states[row]) for user, row in batch.row_of.items() if row in moved]
            self.store.commit(Commit(self.journey.name, self.journey_hash, changes, batch.entries(late)))
