"""Workers that are stopped, thought dead, and wake: whatever they had in hand, they can write nothing any more."""

from __future__ import annotations

import signal
from functools import partial

import pytest

from tests.faults.crew import until
from tests.faults.verify import seen_in

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]


# Not on SQLite: there, who is stopped within a commit holds the file, and the others say so and wait.
MANY_MACHINES = ["redis+redis", "postgres+nats", "postgres+kafka"]


@pytest.mark.parametrize("pair", MANY_MACHINES, indirect=True)
@pytest.mark.parametrize("point", ["before commit", "after read"])
def test_a_worker_that_wakes_after_its_successor_writes_nothing(scene, events, point):
    half = len(events) // 2
    zombie = scene.hire(point=point, nth=4, number=signal.SIGSTOP)
    scene.send(events[:half])
    zombie.stopped()
    successor = scene.hire()
    scene.done()
    zombie.signal(signal.SIGCONT)
    scene.send(events[half:])
    scene.done()
    assert not zombie.dead()  # it found out, and went on with what is its own
    if point == "before commit":
        until(lambda: f" {zombie.pid} " in refused(scene), "its commit is refused", scene.log)
    for worker in (zombie, successor):
        worker.end()
    scene.verify()


def refused(scene) -> str:
    """What workers said of commits that came too late."""
    return "".join(line for line in scene.log.read_text().splitlines(keepends=True) if "Fenced(" in line)


@pytest.mark.parametrize("pair", MANY_MACHINES[:2], indirect=True)
def test_a_worker_that_is_stopped_again_and_again_does_no_harm(scene, events):
    """Stopped for longer than its lease, in the middle of anything, while another one works."""
    sleeper, other = scene.hire(), scene.hire()
    part = len(events) // 6
    scene.send(events[:part])
    scene.done()
    for i in range(1, 6):
        scene.send(events[i * part : (i + 1) * part if i < 5 else None])
        sleeper.signal(signal.SIGSTOP)
        store = scene.store()
        until(partial(moved_on, store, (i + 1) * part), "the other goes on", scene.log)
        store.close()
        sleeper.signal(signal.SIGCONT)
    scene.done()
    for worker in (sleeper, other):
        worker.end()
    scene.verify()


def moved_on(store, n: int) -> bool:
    return len(seen_in(store).entries) >= n
