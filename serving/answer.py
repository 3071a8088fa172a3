"""What the runtime answers to one event, and the dead letter of an event that it had to refuse."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from serving.decision import Decision

Reason = Literal[
    "oversized",  # a line longer than the runtime reads
    "malformed",  # not JSON, or a field is missing, unknown or out of range
    "invalid",  # an event of another journey, of an unknown step, or one that lacks what its kind needs
    "late",  # earlier than the user's last event
    "conflict",  # an id that this user had before, with other content
]
RAW_KEPT = 2_048  # characters of a refused line that a dead letter keeps


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that was refused, or known with other content: nothing was changed by it.

    `raw` is the line as it came, where there was one.
    """

    reason: Reason
    detail: str
    event: str | None = None
    user: str | None = None
    line: int | None = None
    raw: str | None = None


class Answer(NamedTuple):
    """What became of one event.

    applied    folded; `decision` is there where one was due
    duplicate  known already, nothing changed; `decision` is the one recorded the first time, and `letter` is there
               where the event now says something else
    ignored    a decision event in live mode, where the runtime's own decisions are the history
    refused    nothing changed; `letter` says why
    """

    outcome: Literal["applied", "duplicate", "ignored", "refused"]
    decision: Decision | None = None
    letter: DeadLetter | None = None
