"""Where decisions are delivered to: one attempt at a time, whoever keeps the place keeps on trying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Decided(NamedTuple):
    """A decision as it was logged: its own id, whose it is, and the record as JSON."""

    id: str
    user: str
    journey: str
    record: bytes


class Refusal(NamedTuple):
    """A decision that the receiver does not want, and what it said."""

    decision: Decided
    detail: str


class SinkDown(Exception):
    """A receiver that cannot be reached, does not answer in time or asks to wait (`seconds`): try again later."""

    def __init__(self, what: str, seconds: float | None = None) -> None:
        super().__init__(what)
        self.seconds = seconds


class Sink(Protocol):
    """Takes decisions over."""

    def deliver(self, decisions: Sequence[Decided]) -> list[Refusal]:
        """Deliver all in order, in one attempt; returns those that the receiver refused for good.

        Raises `SinkDown` where it is to be tried again: some of them may have arrived.
        """

    def close(self) -> None:
        """Let go of connections."""
