"""Where decisions are delivered to: one attempt at a time, whoever keeps the place keeps on trying."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol

KEY_BYTES = 16  # of a delivery's key: among 10^12 decisions, two are alike with a chance of 10^-15


class Decided(NamedTuple):
    """A decision as it was logged: its own id, whose it is, and the record as JSON."""

    id: str
    user: str
    journey: str
    record: bytes

    @property
    def key(self) -> str:
        """What a receiver tells deliveries apart by: 32 hex digits, the same whenever this decision is sent.

        The decision's id alone is not enough, as the event's id that it is made from is unique within its user only.
        It is the BLAKE2b-128 of journey, decision id and user, with a line end between; only the user may have any.
        """
        return blake2b(f"{self.journey}\n{self.id}\n{self.user}".encode(), digest_size=KEY_BYTES).hexdigest()


class Refusal(NamedTuple):
    """A decision that the receiver does not want, and what it said."""

    decision: Decided
    detail: str


class Progress(NamedTuple):
    """What one attempt came to: the first `done` decisions need no other, and some of them were `refused` for good."""

    done: int
    refused: Sequence[Refusal] = ()


class SinkDown(Exception):
    """A receiver that cannot be reached, does not answer in time or asks to wait (`seconds`): try again later."""

    def __init__(self, what: str, seconds: float | None = None) -> None:
        super().__init__(what)
        self.seconds = seconds


class Sink(Protocol):
    """Takes decisions over."""

    def deliver(self, decisions: Sequence[Decided]) -> Progress:
        """Deliver the first one, or the first few, in one attempt that takes no longer than its time-out.

        Whoever calls goes on with those behind what is `done` (which may be none), and can look after its lease between
        two calls. Raises `SinkDown` where it is to be tried again later: some may have arrived.
        """

    def close(self) -> None:
        """Let go of connections."""
