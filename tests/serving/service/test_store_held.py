"""A SQLite file that another process holds: requests wait for it, and nobody else waits for them."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import structlog

from serving.engine import Engine
from serving.service import bundles
from serving.service.bundles import Watcher, load_all
from serving.service.numbers import Numbers
from serving.service.settings import BundleSettings
from serving.stores.memory_store import MemoryStore
from serving.stores.store import StoreDown
from tests.serving.service.running import bundle_at, running, signup

pytestmark = pytest.mark.xdist_group("service")
HELD_SECONDS, TIMEOUT, PROMPT = 1.5, 3.0, 0.5  # the last is generous: a busy machine


def test_health_answers_while_requests_wait_for_the_file(tmp_path):
    with running(tmp_path, {"store_timeout": TIMEOUT}) as service, ThreadPoolExecutor(1) as beside:
        service.decide(signup("ann"))
        assert service.client.get("/v1/users/ann").status_code == 200  # it has its connection now
        with closing(sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waits = beside.submit(service.decide, signup("ben"))
            began = time.monotonic()
            while time.monotonic() - began < HELD_SECONDS:
                asked = time.monotonic()
                assert service.client.get("/healthz").status_code == 200
                assert service.client.get("/v1/users/ann").status_code == 200
                assert time.monotonic() - asked < PROMPT
                assert not waits.done()
            other.execute("ROLLBACK")
            assert waits.result().status_code == 200
            assert service.metric("handrail_store_errors_total") == 0
            other.execute("BEGIN IMMEDIATE")
            reply = service.decide(signup("cat"))
            assert (reply.status_code, reply.json()["error"]) == (503, "store_down")
            assert int(reply.headers["retry-after"]) >= 1
            other.execute("ROLLBACK")
            assert service.decide(signup("cat")).status_code == 200
        assert service.metric("handrail_store_errors_total") == 1


def test_a_bundle_whose_store_is_held_is_swapped_at_the_next_look(tmp_path, monkeypatch):
    settings = [BundleSettings(str(bundle_at(tmp_path / "guide")))]
    engine = Engine(MemoryStore(), load_all(settings))
    watcher, swap, tries = Watcher(settings, engine, Numbers()), engine.swap, []

    def held_once(bundle):
        tries.append(bundle)
        if len(tries) == 1:
            raise StoreDown("held")
        swap(bundle)

    told = structlog.testing.CapturingLogger()
    monkeypatch.setattr(bundles, "log", structlog.wrap_logger(told, processors=[]))
    monkeypatch.setattr(engine, "swap", held_once)
    for _ in range(3):
        watcher.look(force=not tries)
    assert len(tries) == 2
    assert [call.kwargs["event"] for call in told.calls] == ["bundle not swapped yet", "bundle swapped"]
    assert engine.journeys["tiny"].bundle is tries[1]
