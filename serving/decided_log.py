"""Logs that hold decisions, read for learning: each user's events in order, every decision behind what it answers.

Three kinds of lines may stand in them, in as many files as one likes: events, decisions among them (docs/events.md);
decision records of the runtime (docs/serving.md), each taken as the decision event that it stands for; and rewards,
`{"decision": ID, "reward": NUMBER}`, of whoever measures success by something else than events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from journeys.draws import key_of_id
from journeys.events import EVENT, LARGEST_EVENT, Event, EventCodec, EventError, parse_event
from serving.decision import Decision
from serving.decision import decoder as decision_decoder
from serving.log_lines import lines_of
from serving.runtime import BLANK_RECORD

MARK_OF_RECORD, MARK_OF_REWARD = b'"offer"', b'"reward"'
LARGEST_RECORD = 8 * LARGEST_EVENT  # bytes: a decision record with its observation


class LogError(ValueError):
    """A log that nothing can be learned from: why, and how to mend it."""


class Reward(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a decision turned out to be worth, in whatever unit; `decision` is its id."""

    decision: str
    reward: float


class Refused(NamedTuple):
    """Lines that were passed over, as the runtime would have, and why the first of them was."""

    lines: int
    first: str | None


class DecidedLog(NamedTuple):
    """What the logs hold: `events` `(n,)` EVENT user by user, `starts` `(U + 1,)`, and the `users` `(U,)`.

    Users stand in the order of their last event. `rewards` by the key of the decision, empty where none were given.
    """

    users: list[str]
    events: np.ndarray
    starts: np.ndarray
    rewards: dict[int, float]
    refused: Refused


class LogReader:
    """Collects lines; `log` makes of them what there is to learn from."""

    def __init__(self, codec: EventCodec) -> None:
        self.codec = codec
        self.events: dict[str, list[tuple[str, tuple[Any, ...]]]] = {}
        self.seen: set[tuple[str, str]] = set()
        self.records: dict[tuple[str, str], Event] = {}
        self.rewards: dict[int, float] = {}
        self.refusals: list[str] = []

    def read(self, path: Path) -> None:
        """Read a file. Raises `LogError` where it cannot be read."""
        try:
            with path.open("rb") as log:
                for number, line in lines_of(log, LARGEST_RECORD):
                    try:
                        self.take(line)
                    except (EventError, msgspec.DecodeError, UnicodeDecodeError) as error:
                        self.refusals.append(f"{path}, line {number}: {error}")
        except OSError as error:
            why = error.strerror or str(error)
            raise LogError(f"{path}: cannot be read: {why}. Mend: give a log as JSON Lines") from None

    def take(self, line: bytes) -> None:
        """Take one line. Raises `EventError` or `msgspec.DecodeError` where it is none of the three kinds."""
        if MARK_OF_RECORD in line:
            self.take_record(decision_decoder.decode(line))
        elif MARK_OF_REWARD in line:
            reward = msgspec.json.decode(line, type=Reward)
            if not np.isfinite(reward.reward):
                raise EventError("field 'reward' is not finite. Mend: give a plain number such as 0.5")
            self.rewards[key_of_id(reward.decision)] = reward.reward
        else:
            self.take_event(parse_event(line))

    def take_record(self, record: Decision) -> None:
        """Take a decision record, unless nobody was shown what it says."""
        if record.mode != "live":
            raise EventError(
                f"decision {record.id!r} was made in {record.mode} mode: nobody was shown it. "
                "Mend: give the events with the decisions that were, or records of live mode"
            )
        self.records[record.user, record.event] = Event(
            record.id, record.user, record.journey, record.time, "decision",
            action=record.action, propensity=record.propensity, policy=record.policy,
        )  # fmt: skip

    def take_event(self, event: Event) -> None:
        """Take an event that is sound, new and not late."""
        fields = self.fields_of(event)
        if (event.user, event.id) in self.seen:
            return
        mine = self.events.setdefault(event.user, [])
        if mine and event.time < mine[-1][1][1]:
            raise EventError(f"event {event.id!r} is earlier than its user's last. Mend: give each user's in order")
        self.seen.add((event.user, event.id))
        mine.append((event.id, fields))
        self.events[event.user] = self.events.pop(event.user)  # users in the order of their last event

    def fields_of(self, event: Event) -> tuple[Any, ...]:
        """The EVENT record of an event, as a tuple. Raises `EventError`."""
        fields = BLANK_RECORD.copy()
        self.codec.to_record(event, fields)
        return tuple(fields.values())

    def log(self) -> DecidedLog:
        """Everything read until now, decision records in their places."""
        rows, starts = list[tuple[Any, ...]](), [0]
        placed = 0
        for user, mine in self.events.items():
            for event_id, fields in mine:
                rows.append(fields)
                record = self.records.get((user, event_id))
                if record is not None:
                    placed += 1
                    if (user, record.id) not in self.seen:
                        rows.append(self.fields_of(record))
            starts.append(len(rows))
        refusals = self.refusals + list(self.lost(placed))
        refused = Refused(len(refusals), refusals[0] if refusals else None)
        return DecidedLog(
            list(self.events), np.array(rows, EVENT).view(np.recarray), np.array(starts), self.rewards, refused
        )

    def lost(self, placed: int) -> Iterator[str]:
        """A complaint for every decision record whose event is missing."""
        if placed < len(self.records):
            for (user, event), record in self.records.items():
                if (user, event) not in self.seen:
                    yield (
                        f"decision {record.id!r} answers event {event!r} of user {user!r}, which no log holds. "
                        "Mend: give the events as well, with another --log"
                    )


def read_logs(paths: Sequence[Path], codec: EventCodec) -> DecidedLog:
    """Everything that the logs at `paths` hold. Raises `LogError`."""
    reader = LogReader(codec)
    for path in paths:
        reader.read(path)
    return reader.log()
