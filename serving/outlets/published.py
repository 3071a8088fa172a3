"""Decisions into a stream: each in the partition of its user, under its own id."""

from __future__ import annotations

from collections.abc import Sequence

from serving.outlets.sink import Decided, Refusal, SinkDown
from serving.streams.stream import Outgoing, Publisher, StreamError


class PublishedSink:
    """Sends decisions through `publisher`. Their id is in the header `handrail-decision`: receivers drop repeats."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def deliver(self, decisions: Sequence[Decided]) -> list[Refusal]:
        """Send all; a stream refuses none."""
        try:
            self._publisher.send([outgoing(decision) for decision in decisions])
        except StreamError as error:
            raise SinkDown(str(error)) from None
        return []

    def close(self) -> None:
        """Let go of connections."""
        self._publisher.close()


def outgoing(decision: Decided) -> Outgoing:
    """The message of a decision."""
    headers = {"content-type": "application/json", "handrail-decision": decision.id}
    return Outgoing(decision.user, decision.id, decision.record, headers)
