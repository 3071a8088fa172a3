"""Logs that hold decisions, read for learning: each user's events in order, every decision behind what it answers.

Three kinds of lines may stand in them, in as many files as one likes: events, decisions among them (docs/events.md);
decision records of the runtime (docs/serving.md), each taken as the decision event that it stands for; and rewards,
`{"decision": ID, "reward": NUMBER}`, of whoever measures success by something else than events.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from journeys.draws import key_of_id
from journeys.events import EVENT, LARGEST_EVENT, SIGNUP, Event, EventCodec, EventError, parse_event
from serving.decision import Decision
from serving.decision import decoder as decision_decoder
from serving.log_lines import lines_of
from serving.refold import REORDER_MS

MARK_OF_RECORD, MARK_OF_REWARD = b'"offer"', b'"reward"'
KEY_AT, TIME_AT, KIND_AT = ((EVENT.names or ()).index(name) for name in ("key", "time", "kind"))
LARGEST_REWARD = 1e6  # in whatever unit: squares and sums of what is larger lose what is small
LARGEST_RECORD = 8 * LARGEST_EVENT  # bytes: a decision record with its observation


class LogError(ValueError):
    """A log that nothing can be learned from: why, and how to mend it."""


class Reward(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a decision turned out to be worth, in whatever unit; `decision` is its id."""

    decision: str
    reward: float


class Glance(msgspec.Struct):
    """What tells the kinds of lines apart."""

    offer: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    reward: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Refused(NamedTuple):
    """Lines that were passed over, as the runtime would have, and why the first of them was."""

    lines: int
    first: str | None


class DecidedLog(NamedTuple):
    """What the logs hold: `events` `(n,)` EVENT user by user, `starts` `(U + 1,)`, and the `users` `(U,)`.

    Users stand in the order of their last event; `headless` are those left out because no log holds how they began.
    `rewards` by the key of the decision; None where there was no line of that kind, not even one that was refused.
    """

    users: list[str]
    events: np.ndarray
    starts: np.ndarray
    rewards: dict[int, float] | None
    refused: Refused
    headless: int


class Part(NamedTuple):
    """The beginning of the log at `path`, or the whole of it."""

    path: Path
    content: bytes


def time_of(event: tuple[str, tuple[Any, ...]]) -> int:
    """When an event was, in ms."""
    return int(event[1][TIME_AT])


class LogReader:
    """Collects lines; `log` makes of them what there is to learn from."""

    def __init__(self, codec: EventCodec) -> None:
        self.codec = codec
        self.events: dict[str, list[tuple[str, tuple[Any, ...]]]] = {}
        self.seen: set[tuple[str, str]] = set()
        self.records: dict[tuple[str, str], Event] = {}
        self.rewards: dict[str, float] | None = None  # by the decision's id
        self.refusals: list[str] = []

    def read(self, part: Part) -> None:
        """Read a log, or the beginning of one."""
        for number, line in lines_of(BytesIO(part.content), LARGEST_RECORD):
            try:
                self.take(line)
            except (EventError, msgspec.DecodeError, UnicodeDecodeError) as error:
                self.refusals.append(f"{part.path}, line {number}: {error}")

    def take(self, line: bytes) -> None:
        """Take one line. Raises `EventError` or `msgspec.DecodeError` where it is none of the three kinds."""
        if MARK_OF_RECORD not in line and MARK_OF_REWARD not in line:  # most lines, and nothing else to look at
            self.take_event(parse_event(line))
            return
        kind = msgspec.json.decode(line, type=Glance)
        if kind.offer is not msgspec.UNSET:
            self.take_record(decision_decoder.decode(line))
        elif kind.reward is not msgspec.UNSET:
            self.rewards = self.rewards or {}
            self.take_reward(line)
        else:
            self.take_event(parse_event(line))

    def take_reward(self, line: bytes) -> None:
        """Take a reward. Raises `EventError`."""
        try:
            given = msgspec.json.decode(line, type=Reward)
        except msgspec.ValidationError as error:
            raise EventError(f'{error}. Mend: write {{"decision": ID, "reward": 0.7}}') from None
        if not abs(given.reward) <= LARGEST_REWARD:
            raise EventError(f"field 'reward' is {given.reward:g}. Mend: give a number within {LARGEST_REWARD:g}")
        assert self.rewards is not None
        self.rewards[given.decision] = given.reward

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
        """Take an event that is sound, new and not late, into its place by time."""
        fields = self.codec.fields(event)
        if (event.user, event.id) in self.seen:
            return
        mine = self.events.setdefault(event.user, [])
        if mine and event.time < mine[-1][1][TIME_AT] - REORDER_MS:
            raise EventError(f"event {event.id!r} is earlier than its user's last. Mend: give each user's in order")
        self.seen.add((event.user, event.id))
        insort(mine, (event.id, fields), key=time_of)
        self.events[event.user] = self.events.pop(event.user)  # users in the order of their last event

    def log(self) -> DecidedLog:
        """Everything read until now, decision records in their places."""
        rows, starts, users = list[tuple[Any, ...]](), [0], list[str]()
        for user, mine in self.events.items():
            begins = mine[0][1][KIND_AT] == SIGNUP
            if begins:
                users.append(user)
            for event_id, fields in mine if begins else ():
                rows.append(fields)
                record = self.records.get((user, event_id))
                if record is not None and (user, record.id) not in self.seen:
                    rows.append(self.codec.fields(record))
            if begins:
                starts.append(len(rows))
        refusals = self.refusals + list(self.lost())
        refused = Refused(len(refusals), refusals[0] if refusals else None)
        events, headless = np.array(rows, EVENT).view(np.recarray), len(self.events) - len(users)
        return DecidedLog(users, events, np.array(starts), self.rewards_by_key(), refused, headless)

    def rewards_by_key(self) -> dict[int, float] | None:
        """Rewards by the keys of their decisions; None where no log gave any."""
        if self.rewards is None:
            return None
        keys = {decision: key_of_id(decision) for decision in self.rewards}  # of what no log holds, too: it is counted
        for mine in self.events.values():
            keys |= {event_id: fields[KEY_AT] for event_id, fields in mine if event_id in self.rewards}
        return {keys[decision]: reward for decision, reward in self.rewards.items()}

    def lost(self) -> Iterator[str]:
        """A complaint for every decision record whose event is missing."""
        for (user, event), record in self.records.items():
            if (user, event) not in self.seen:
                yield (
                    f"decision {record.id!r} answers event {event!r} of user {user!r}, which no log holds. "
                    "Mend: give the events as well, with another --log"
                )


def read_logs(parts: Sequence[Part], codec: EventCodec) -> DecidedLog:
    """Everything that parts of logs hold."""
    reader = LogReader(codec)
    for part in parts:
        reader.read(part)
    return reader.log()


def content_of(path: Path) -> bytes:
    """The bytes of a log. Raises `LogError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise LogError(f"{path}: {error.strerror or error}. Mend: give a log as JSON Lines") from None
