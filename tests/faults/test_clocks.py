"""Machines whose clocks are wrong by an hour, or run backwards: what a user did is in the events' own time."""

from __future__ import annotations

import msgspec
import pytest

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
    store = scene.store()
    refused = scene.settled(store, scene.sent)
    store.close()
    worker.end()
    assert refused > 0
    scene.verify(refused)
