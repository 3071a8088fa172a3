"""kill -9 of a worker at every point where something has been done and something has not."""

from __future__ import annotations

import pytest

from serving.streams.settings import StreamSettings
from tests.faults.scene import Scene

POINTS = [
    "before claim", "after claim", "before open", "after open", "before read", "after read", "before commit",
    "after commit", "before settle", "after settle",
]  # fmt: skip


@pytest.fixture
def scene(crew, bundle, tmp_path):
    (tmp_path / "events.jsonl").touch()
    stream = StreamSettings(f"file:{tmp_path}/events.jsonl", "events", 1)
    made = Scene(crew, f"sqlite:{tmp_path}/state.sqlite", stream, bundle, tmp_path)
    yield made
    made.close()


def test_a_worker_may_be_killed_at_any_point(scene, events):
    part = len(events) // (len(POINTS) + 1)
    for i, point in enumerate(POINTS):
        worker = scene.hire(point=point, nth=1 if "open" in point else 3)
        scene.send(events[i * part : (i + 1) * part])
        worker.died()
    scene.send(events[len(POINTS) * part :])
    last = scene.hire()
    scene.done()
    last.end()
    scene.verify()
