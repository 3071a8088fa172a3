"""Streams in and decisions out, as threads of a worker, and what they tell the metrics and the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import structlog

from serving.answer import Answer
from serving.consumer import Consumer
from serving.formats.reading import Item, read_message
from serving.outlets.outlet import Outlet
from serving.outlets.settings import open_outlet
from serving.outlets.sink import Refusal
from serving.partition_reader import Taking
from serving.service.numbers import Numbers
from serving.service.settings import Settings, StreamSource
from serving.stores.store import Store
from serving.streams.opening import open_stream

log = structlog.get_logger("handrail.streams")


class StreamWatch:
    """Tells of one stream."""

    def __init__(self, stream: str, numbers: Numbers) -> None:
        self._stream, self._numbers = stream, numbers

    def batch(self, partition: str, answers: Sequence[Answer], seconds: float, waited: Sequence[float]) -> None:
        """A batch was committed; `waited` is from broker to commit, per message."""
        for wait in waited:
            self._numbers.observe("handrail_decision_seconds", (self._stream,), wait)

    def lag(self, partition: str, messages: int) -> None:
        """So many messages wait."""
        self._numbers.set("handrail_lag", (partition,), messages)

    def trouble(self, partition: str, error: Exception) -> None:
        """Something failed, and will be tried again."""
        self._numbers.add("handrail_stream_errors", (self._stream,))
        log.warning("stream trouble", partition=partition, detail=f"{type(error).__name__}: {error}")


class OutletWatch:
    """Tells of outlets."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def delivered(self, outlet: str, decisions: int) -> None:
        """So many decisions were taken over by the receiver."""
        self._numbers.add("handrail_outlet_delivered", (outlet,), decisions)

    def refused(self, outlet: str, refusal: Refusal) -> None:
        """A decision became a dead letter."""
        self._numbers.add("handrail_dead_letters", ("undelivered", outlet))
        decision = refusal.decision
        log.error("decision refused", outlet=outlet, decision=decision.id, user=decision.user, detail=refusal.detail)

    def trouble(self, outlet: str, error: Exception) -> None:
        """Something failed, and will be tried again."""
        self._numbers.add("handrail_outlet_errors", (outlet,))
        log.warning("outlet trouble", outlet=outlet, detail=f"{type(error).__name__}: {error}")


def decode(source: StreamSource, body: bytes, headers: Mapping[str, str], where: str) -> list[Item]:
    """The events of a message of `source`; `where` is its partition and its place there."""
    return read_message(body, headers, source.format, where)


def consumers_of(settings: Settings, store: Store, taking: Mapping[str, Taking], numbers: Numbers) -> list[Consumer]:
    """The consumers, not started; `taking` is by the stream's name. Raises `StreamError` where a stream cannot be."""
    return [
        Consumer(
            open_stream(source), store, taking[source.name], partial(decode, source), StreamWatch(source.name, numbers)
        )
        for source in settings.streams
    ]


def outlets_of(settings: Settings, store: Store, numbers: Numbers) -> list[Outlet]:
    """The outlets, not started. Raises `OutletError` or `StreamError`."""
    return [open_outlet(outlet, store, OutletWatch(numbers)) for outlet in settings.decisions]
