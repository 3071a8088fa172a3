"""Brokers and stores that go away, hang, or have no room, while events come."""

from __future__ import annotations

import os
import resource
import time

import pytest
import redis

from tests.faults.crew import until

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]

AWAY = 1.0  # seconds
SMALL = 150_000  # bytes that a file may have: enough to begin with


def test_the_broker_is_killed_and_comes_back(scene, pair, events):
    third = len(events) // 3
    workers = [scene.hire(), scene.hire()]
    scene.send(events[:third])
    scene.done()
    for start in (third, 2 * third):
        scene.send(events[start : start + third])
        pair.broker_down()
        time.sleep(AWAY)
        pair.broker_up()
    scene.send(events[3 * third :])
    scene.done()
    assert not any(worker.dead() for worker in workers)
    for worker in workers:
        worker.end()
    scene.verify()


@pytest.mark.parametrize("pair", ["redis+redis", "postgres+nats"], indirect=True)
def test_the_store_is_killed_and_comes_back(scene, pair, events):
    half = len(events) // 2
    worker = scene.hire()
    scene.send(events[:half])
    pair.server.kill()
    time.sleep(AWAY)
    pair.server.start()
    scene.send(events[half:])
    scene.done()
    assert not worker.dead()
    worker.end()
    scene.verify()


@pytest.mark.parametrize("pair", ["redis+redis", "postgres+nats"], indirect=True)
def test_the_store_hangs_for_longer_than_any_time_out(scene, pair, events):
    """Calls whose answers never came may have been carried out: what they wrote counts once."""
    half = len(events) // 2
    workers = [scene.hire(timeout=0.5), scene.hire(timeout=0.5)]
    scene.send(events[:half])
    pair.server.pause()
    time.sleep(2 * AWAY)
    pair.server.resume()
    scene.send(events[half:])
    scene.done()
    for worker in workers:
        worker.end()
    scene.verify()


@pytest.mark.parametrize("pair", ["sqlite+file"], indirect=True)
def test_the_disk_is_full_and_then_it_is_not(scene, events, tmp_path):
    scene.send(events)
    worker = scene.hire(largest_file=SMALL)
    until(lambda: "Mend: " in told(scene) and "disk" in told(scene), "the worker says so", scene.log)
    assert not worker.dead()
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    scene.done()
    worker.end()
    scene.verify()
    assert os.path.getsize(tmp_path / "state.sqlite") > SMALL


def told(scene) -> str:
    return scene.log.read_text() if scene.log.exists() else ""


@pytest.mark.parametrize("pair", ["redis+redis"], indirect=True)
def test_a_slow_store_slows_the_worker_and_nothing_else(scene, pair, events):
    """Every write waits up to 0.2 s, within the time-out of the client: reading waits with it."""
    worker = scene.hire()
    client = redis.Redis(port=pair.server.port)
    for start in range(0, len(events), len(events) // 8):
        client.execute_command("CLIENT", "PAUSE", 200, "WRITE")
        scene.send(events[start : start + len(events) // 8])
    scene.done()
    client.close()
    worker.end()
    scene.verify()
    assert "StoreDown" not in told(scene)
