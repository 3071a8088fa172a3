"""What a worker counts, in plain numbers: cheap to add to, easy to hand over, and to sum over workers.

Nothing of a metrics library is on the hot path; `serving/service/metrics.py` shows the sums as Prometheus reads them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Literal, NamedTuple

import msgspec

# Upper edges in seconds: from a decision alone to what a client gives up on.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Labels = tuple[str, ...]


class Metric(NamedTuple):
    """One metric: its kind, what it means and its labels. Gauges of workers are summed, or the greatest."""

    kind: Literal["counter", "gauge", "greatest", "histogram"]
    help: str
    labels: Labels = ()


METRICS = {
    "handrail_events": Metric("counter", "Events by what became of them", ("journey", "outcome", "door")),
    "handrail_decisions": Metric("counter", "Decisions", ("journey", "moment")),
    "handrail_fallbacks": Metric("counter", "Decisions of the expert rules in place of the policy", ("journey",)),
    "handrail_dead_letters": Metric("counter", "Events refused, or in conflict with another", ("reason", "door")),
    "handrail_store_errors": Metric("counter", "Batches that the store failed", ("kind",)),
    "handrail_stream_errors": Metric("counter", "Times a stream failed", ("stream",)),
    "handrail_requests": Metric("counter", "HTTP requests", ("path", "status")),
    "handrail_request_seconds": Metric("histogram", "From a request's headers to its reply", ("path",)),
    "handrail_batch_seconds": Metric("histogram", "From taking a batch in hand to its commit", ("door",)),
    "handrail_batch_events": Metric("counter", "Events in batches; by batches it is their mean size", ("door",)),
    "handrail_decision_seconds": Metric("histogram", "From an event's arrival to its decision", ("stream",)),
    "handrail_lag": Metric("gauge", "Messages that wait in a partition", ("partition",)),
    "handrail_queue_events": Metric("gauge", "Events that wait for the engine"),
    "handrail_sockets": Metric("gauge", "WebSocket connections"),
    "handrail_bundle": Metric("greatest", "1 for every bundle served", ("journey", "bundle", "version")),
    "handrail_bundle_swaps": Metric("counter", "Bundles swapped, and those refused", ("journey", "outcome")),
    "handrail_breaker": Metric("greatest", "Circuit breaker: 0 closed, 1 half open, 2 open", ("dependency",)),
    "handrail_outlet_delivered": Metric("counter", "Decisions that left", ("outlet",)),
    "handrail_outlet_errors": Metric("counter", "Deliveries that failed", ("outlet",)),
    "handrail_worker_starts": Metric("counter", "Workers that were started"),
}  # fmt: skip


class Spread(msgspec.Struct):
    """A histogram: values by the edge of `SECONDS` that they do not exceed, beyond all in the last; and their sum."""

    counts: list[int]
    total: float = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value."""
        self.counts[bisect_left(SECONDS, value)] += times
        self.total += value * times


def no_spread() -> Spread:
    """An empty histogram."""
    return Spread([0] * (len(SECONDS) + 1))


class Snapshot(msgspec.Struct):
    """All numbers of one worker."""

    values: list[tuple[str, Labels, float]]
    spreads: list[tuple[str, Labels, Spread]]


class Numbers:
    """The numbers of one worker. Adding is safe from several threads as far as each adds to labels of its own."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, Labels], float] = defaultdict(float)
        self.spreads: dict[tuple[str, Labels], Spread] = defaultdict(no_spread)

    def add(self, name: str, labels: Labels = (), by: float = 1.0) -> None:
        """Add to a counter."""
        self.values[name, labels] += by

    def set(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        self.values[name, labels] = value

    def clear(self, name: str) -> None:
        """Forget a gauge with all its labels."""
        for key in [key for key in self.values if key[0] == name]:
            del self.values[key]

    def observe(self, name: str, labels: Labels, seconds: float) -> None:
        """Add to a histogram."""
        self.spreads[name, labels].add(seconds)

    def snapshot(self) -> Snapshot:
        """The numbers as they are."""
        values = [(name, labels, value) for (name, labels), value in list(self.values.items())]
        spreads = [(name, labels, spread) for (name, labels), spread in list(self.spreads.items())]
        return Snapshot(values, spreads)

    def go_on(self, before: Snapshot) -> None:
        """Go on counting where a worker that ended had come to."""
        for name, labels, value in before.values:
            if METRICS[name].kind == "counter":
                self.values[name, labels] += value
        for name, labels, spread in before.spreads:
            merge(self.spreads[name, labels], spread)


def merge(into: Spread, other: Spread) -> None:
    """Add one histogram to another."""
    into.counts = [a + b for a, b in zip(into.counts, other.counts, strict=True)]
    into.total += other.total


def summed(snapshots: list[Snapshot]) -> Snapshot:
    """The numbers of all workers together."""
    all_of = Numbers()
    for snapshot in snapshots:
        for name, labels, value in snapshot.values:
            if METRICS[name].kind == "greatest":
                all_of.set(name, labels, max(value, all_of.values.get((name, labels), value)))
            else:
                all_of.add(name, labels, value)
        for name, labels, spread in snapshot.spreads:
            merge(all_of.spreads[name, labels], spread)
    return all_of.snapshot()
