"""Several workers at once: they come, go and die while events come twice and out of order."""

from __future__ import annotations

import random

import pytest

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]

SHARE = 0.1  # of events that come twice, and of events that come later than the next ones
REORDERED_BY = 5  # places at most, and no further than the reorder window


def test_a_second_worker_joins_while_the_first_recovers(scene, events):
    third = len(events) // 3
    dying = scene.hire(point="after read", nth=4)
    scene.send(events[:third])
    dying.died()
    scene.send(events[third : 2 * third])
    first = scene.hire()
    second = scene.hire()
    scene.send(events[2 * third :])
    scene.done()
    for worker in (first, second):
        worker.end()
    scene.verify()


@pytest.mark.parametrize("pair", ["sqlite+file", "redis+redis"], indirect=True)
def test_a_tenth_comes_twice_and_a_tenth_comes_late(scene, events):
    """Duplicates change nothing; what comes within the reorder window is folded into its place."""
    luck = random.Random(3)
    messages = list(events)
    for place in luck.sample(range(len(events)), round(SHARE * len(events))):
        messages.insert(place + luck.randrange(40), events[place])
    for place in luck.sample(range(len(messages) - REORDERED_BY), round(SHARE * len(messages))):
        messages.insert(place + luck.randrange(1, REORDERED_BY), messages.pop(place))
    workers = [scene.hire(point="after commit", nth=9), scene.hire()]
    scene.send(messages)
    workers[0].died()
    workers.append(scene.hire())
    store = scene.store()
    refused = scene.settled(store, messages)
    store.close()
    for worker in workers[1:]:
        worker.end()
    scene.verify(refused)
