"""What the runtime answers to one event, and the dead letter of an event that it had to refuse."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from journeys.events import LARGEST_EVENT, Event, EventError, parse_event
from journeys.events import encoder as event_encoder
from serving.decision import Decision
from serving.decision import decoder as decision_decoder
from serving.stores.store import RESTORE, Known, StoreError

Reason = Literal[
    "oversized",  # a line longer than the runtime reads
    "malformed",  # not JSON, or a field is missing, unknown or out of range
    "invalid",  # an event of another journey, of an unknown step, or one that lacks what its kind needs
    "late",  # earlier than the user's last event, by more than the reorder window
    "early",  # later than the clock of the receiver, by more than its tolerance
    "conflict",  # an id that this user had before, with other content
    "undelivered",  # a decision that the receiver of an outlet refused
]
RAW_KEPT = LARGEST_EVENT  # bytes of what was refused that a dead letter keeps: a whole event, to be replayed


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that was refused, or known with other content: nothing was changed by it.

    `raw` is what came, where it is known, cut behind `RAW_KEPT` bytes; `format` and `headers` say how to read it again.
    `source` is the door it came by, `received` when, in ms since the Unix epoch.
    """

    reason: Reason
    detail: str
    event: str | None = None
    user: str | None = None
    line: int | None = None
    raw: str | None = None
    format: str | None = None
    headers: dict[str, str] | None = None
    source: str | None = None
    received: int | None = None


class Arrival(NamedTuple):
    """How a batch came: by which door, when (ms since the Unix epoch), and up to which time its events can be."""

    source: str | None = None
    received: int | None = None
    latest: int | None = None


SOMEHOW = Arrival()


class Answer(NamedTuple):
    """What became of one event. `record` is the JSON of the decision.

    applied    folded; `decision` is there where one was due
    reordered  folded into its place before later events of its user; nothing is decided on it
    duplicate  known already, nothing changed; `decision` is the one recorded the first time, and `letter` is there
               where the event now says something else
    ignored    a decision event in live mode, where the runtime's own decisions are the history
    refused    nothing changed; `letter` says why
    """

    outcome: Literal["applied", "reordered", "duplicate", "ignored", "refused"]
    decision: Decision | None = None
    letter: DeadLetter | None = None
    record: bytes | None = None


APPLIED, IGNORED = Answer("applied"), Answer("ignored")


def recorded(known: Known, event: Event) -> Answer:
    """The answer to an event that the store knows. Raises `StoreError` where what it knows is damaged."""
    try:
        decision = None if known.decision is None else decision_decoder.decode(known.decision)
        letter = None if known.event == event_encoder.encode(event) else conflict(parse_event(known.event), event)
    except (msgspec.DecodeError, UnicodeDecodeError, EventError) as error:
        raise StoreError(f"the store holds a damaged event or decision: {error}. {RESTORE}") from None
    return Answer("duplicate", decision, letter, known.decision)


def conflict(first: Event, event: Event) -> DeadLetter | None:
    """The dead letter of an event that says something else than the `first` of its id; None where it does not."""
    before, now = (msgspec.structs.asdict(one) for one in (first, event))
    differ = [f"{name} was {before[name]!r} and is now {now[name]!r}" for name in now if now[name] != before[name]]
    if not differ:
        return None
    what = f"event {event.id!r} of user {event.user!r} came before with other content: {', '.join(differ)}"
    return refusal("conflict", f"{what}. The first one holds. Mend: give each event an id of its own", event).letter


def arrived(letter: DeadLetter, arrival: Arrival) -> DeadLetter:
    """The dead letter with how it came, where it does not say so itself."""
    source, received = letter.source or arrival.source, letter.received or arrival.received
    return msgspec.structs.replace(letter, source=source, received=received)


def at_line(answer: Answer, number: int | None) -> Answer:
    """The answer with the line number in its dead letter, if it has one."""
    if answer.letter is None or number is None:
        return answer
    return answer._replace(letter=msgspec.structs.replace(answer.letter, line=number))


def refusal(reason: Reason, detail: str, event: Event) -> Answer:
    """The answer to an event that is refused."""
    return Answer("refused", letter=letter_of(reason, detail, event))


def letter_of(reason: Reason, detail: str, event: Event) -> DeadLetter:
    """The dead letter of an event."""
    raw = shown(event_encoder.encode(event))
    return DeadLetter(reason, detail, event=event.id, user=event.user, raw=raw)


def too_late(event: Event, window: int) -> Answer:
    """The answer to an event that is more than `window` ms earlier than its user's last."""
    what = f"event {event.id!r} is earlier than the last event of user {event.user!r} by more than {window} ms"
    return refusal("late", f"{what}. Mend: send each user's events in order of time, by a clock that is right", event)


def too_early(event: Event, latest: int) -> Answer:
    """The answer to an event of a time that has not come: no later than `latest` (ms) was to be."""
    what = f"event {event.id!r} of user {event.user!r} is of a time to come: {event.time}, at most {latest} is possible"
    return refusal("early", f"{what}. Mend: set the clock of the sender, or of this machine", event)


def repeated(answer: Answer, first: Event, event: Event) -> Answer:
    """The answer to an event that came before in the same batch as `first`, and was answered so."""
    if answer.outcome == "refused":
        return answer
    return Answer("duplicate", answer.decision, conflict(first, event), answer.record)


def shown(line: bytes) -> str:
    """What was refused, as a dead letter keeps it."""
    return line[:RAW_KEPT].decode("utf-8", "replace")
