"""Machines whose clocks are wrong by an hour, or run backwards: what a user did is in the events' own time."""

from __future__ import annotations

import time

import msgspec
import pytest

from serving.engine import CLOCK_TOLERANCE_MS
from serving.refold import REORDER_MS

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]

HOUR = 3_600.0


@pytest.mark.parametrize("pair", ["sqlite+file", "redis+redis"], indirect=True)
def test_workers_whose_clocks_disagree_by_hours_share_the_work(scene, events):
    third = len(events) // 3
    dying = scene.hire(clock=HOUR, point="after commit", nth=6)
    scene.send(events[:third])
    dying.died()
    workers = [scene.hire(clock=-HOUR), scene.hire(backwards=3.0)]
    scene.send(events[third:])
    scene.done()
    for worker in workers:
        worker.end()
    scene.verify()


@pytest.mark.parametrize("pair", ["sqlite+file"], indirect=True)
def test_a_sender_whose_clock_runs_backwards_gets_his_events_folded_or_refused(scene, events):
    """Within the reorder window an event finds its place; beyond, it is a dead letter; nothing vanishes."""
    luck = [event for event in events if event.user == events[0].user]
    back = [msgspec.structs.replace(event, id=f"{event.id}-b{i}") for i, event in enumerate(reversed(luck))]
    scene.send(events)
    scene.send(back)
    worker = scene.hire()
    last = max(event.time for event in luck)
    refused = sum(event.time < last - REORDER_MS for event in back)
    assert 0 < refused < len(back)
    scene.done(letters=refused)
    worker.end()
    scene.verify(refused)


@pytest.mark.parametrize("pair", ["redis+redis"], indirect=True)
def test_a_worker_whose_clock_is_slow_believes_the_broker_and_takes_events_of_now(scene, events):
    """With the tolerance that ships, 5 minutes, and a clock that is an hour behind."""
    later = round(time.time() * 1000) - events[-1].time
    now = [msgspec.structs.replace(event, time=event.time + later) for event in events]
    worker = scene.hire(clock=-HOUR, tolerance_ms=CLOCK_TOLERANCE_MS)
    scene.send(now)
    scene.done()
    worker.end()
    scene.verify(refused=0)
