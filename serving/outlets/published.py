"""Decisions into a stream: each in the partition of its user, under a key that no other decision has."""

from __future__ import annotations

from collections.abc import Sequence

from serving.outlets.sink import Decided, Progress, SinkDown
from serving.streams.stream import Outgoing, Publisher, StreamError


class PublishedSink:
    """Sends decisions through `publisher`. Receivers drop repeats by the header `handrail-delivery`.

    The decision's own id is in the header `handrail-decision`.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def deliver(self, decisions: Sequence[Decided]) -> Progress:
        """Send all, within the stream's time-out; a stream refuses none."""
        try:
            self._publisher.send([outgoing(decision) for decision in decisions])
        except StreamError as error:
            raise SinkDown(str(error)) from None
        return Progress(len(decisions))

    def close(self) -> None:
        """Let go of connections."""
        self._publisher.close()


def outgoing(decision: Decided) -> Outgoing:
    """The message of a decision."""
    key = decision.key
    headers = {"content-type": "application/json", "handrail-decision": decision.id, "handrail-delivery": key}
    return Outgoing(decision.user, key, decision.record, headers)
