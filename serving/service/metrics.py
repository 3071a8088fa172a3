"""The numbers of all workers as Prometheus reads them. Workers leave theirs as files in a folder of their own.

Whichever worker is asked sums its own with what the others left last. A worker that follows a dead one goes on from
the file of that one, so that no counter ever falls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.service.numbers import METRICS, SECONDS, Numbers, Snapshot, Spread, summed

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Snapshot)
EDGES = (*(f"{edge:g}" for edge in SECONDS), "+Inf")


class Board:
    """The numbers of this worker, number `slot`, and of those beside it. `folder` None: there is no other."""

    def __init__(self, numbers: Numbers, folder: Path | None = None, slot: int = 0) -> None:
        self.numbers, self._folder, self._own = numbers, folder, f"{slot}.numbers"
        if folder is not None and (folder / self._own).exists():
            numbers.go_on(decoder.decode((folder / self._own).read_bytes()))
        numbers.add("handrail_worker_starts")

    def leave(self) -> None:
        """Write this worker's numbers for the others."""
        if self._folder is not None:
            part = self._folder / f"{self._own}.part"
            part.write_bytes(encoder.encode(self.numbers.snapshot()))
            part.replace(self._folder / self._own)

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(Shown(summed([self.numbers.snapshot(), *self._others()])))
        return generate_latest(registry)

    def _others(self) -> Iterator[Snapshot]:
        if self._folder is not None:
            for path in self._folder.glob("*.numbers"):
                if path.name != self._own:
                    yield decoder.decode(path.read_bytes())


class Shown(Collector):
    """A snapshot as families of metrics."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """All families, with every series that was ever counted."""
        families: dict[str, Metric] = {}
        for name, labels, value in self._snapshot.values:
            family = families.get(name) or families.setdefault(name, family_of(name))
            family.add_metric(labels, value)  # type: ignore[attr-defined]
        for name, labels, spread in self._snapshot.spreads:
            family = families.get(name) or families.setdefault(name, family_of(name))
            family.add_metric(labels, buckets(spread), spread.total)  # type: ignore[attr-defined]
        return families.values()


def family_of(name: str) -> Metric:
    """An empty family."""
    kind, text, labels = METRICS[name]
    makers = {"counter": CounterMetricFamily, "histogram": HistogramMetricFamily}
    return makers.get(kind, GaugeMetricFamily)(name, text, labels=labels)


def buckets(spread: Spread) -> list[tuple[str, float]]:
    """Counts up to every edge."""
    return list(zip(EDGES, accumulate(spread.counts), strict=True))
