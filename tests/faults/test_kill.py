"""kill -9 of a worker at every point where something has been done and something else has not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest

from serving.streams.opening import open_stream
from serving.streams.settings import StreamSettings
from tests.faults.crew import until
from tests.faults.pairs import ALL_PAIRS

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]

POINTS = [
    "before claim", "after claim", "before open", "after open", "before read", "after read", "before commit",
    "after commit", "before settle", "after settle",
]  # fmt: skip
OUTLET_POINTS = ["before deliver", "after deliver", "before keep", "after keep"]
NTH = {"before open": 1, "after open": 1}  # a partition is opened once
ATOMIC = {"before settle", "after settle"}  # points that a store which acknowledges within its commit does not have


def parts(events: Sequence, n: int) -> list[Sequence]:
    cuts = [len(events) * i // n for i in range(n + 1)]
    return [events[start:stop] for start, stop in pairwise(cuts)]


@pytest.mark.parametrize("pair", ALL_PAIRS, indirect=True)
def test_a_worker_may_be_killed_at_any_point(scene, pair, events):
    points = [point for point in POINTS if not (pair.name == "redis+redis" and point in ATOMIC)]
    *slices, rest = parts(events, len(points) + 1)
    for point, some in zip(points, slices, strict=True):
        worker = scene.hire(point=point, nth=NTH.get(point, 3))
        scene.send(some)
        worker.died()
    scene.send(rest)
    last = scene.hire()
    scene.done()
    last.end()
    scene.verify()


@pytest.mark.parametrize("pair", ["sqlite+file", "redis+redis"], indirect=True)
def test_decisions_leave_though_workers_are_killed_at_any_point(scene, events, tmp_path):
    """Each at least once, those of a user in order, and nothing that is not in the log."""
    path = tmp_path / "decisions.jsonl"
    outlet = StreamSettings(f"file:{path}", "decisions", 1)
    path.touch()
    *slices, rest = parts(events, len(OUTLET_POINTS) + 1)
    for point, some in zip(OUTLET_POINTS, slices, strict=True):
        worker = scene.hire(point=point, nth=2, outlet=outlet)
        scene.send(some)
        worker.died()
    scene.send(rest)
    last = scene.hire(outlet=outlet)
    scene.done()
    logged = [decision.id for decision in scene.verify().decisions]
    until(lambda: set(delivered(outlet)) == set(logged), "every decision is delivered", scene.log)
    last.end()
    assert list(dict.fromkeys(delivered(outlet))) == logged
    assert len(delivered(outlet)) > len(logged)  # killed between delivery and keeping the place: once more


def delivered(outlet: StreamSettings) -> list[str]:
    """Ids of decisions, as often as they came."""
    partition = open_stream(outlet).partitions()[0]
    partition.open(None)
    found = [msgspec.json.decode(message.body)["id"] for message in partition.read(100_000, 0)]
    partition.close()
    return found
