"""Bundles that are swapped, and bundles that are damaged, under a service that reads a stream."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from journeys.events import encoder
from journeys.loading import load_journey
from policies.bundle import Contents, load_bundle, save_bundle
from serving.stores.sqlite_store import SqliteStore
from serving.streams.opening import open_publisher
from serving.streams.settings import StreamSettings
from serving.streams.stream import Outgoing
from tests.faults.crew import until
from tests.faults.verify import seen_in, verify
from tests.serving.bundles import contents_of, random_network
from tests.serving.service.running import running

pytestmark = [pytest.mark.xdist_group("service"), pytest.mark.slow]


def other_weights() -> Contents:
    """Version 2: another network."""
    journey = load_journey("saas")
    return contents_of(journey, version="2")._replace(tensors=random_network(journey, seed=9))


def corrupt(bundle: Path) -> None:
    """Turn a bit of the largest file; the manifest is written anew, as whoever looks for changes looks there."""
    largest = max(
        (path for path in bundle.iterdir() if path.name != "manifest.json"), key=lambda path: path.stat().st_size
    )
    body = bytearray(largest.read_bytes())
    body[len(body) // 2] ^= 1
    largest.write_bytes(body)
    os.utime(bundle / "manifest.json")


def test_a_bundle_is_swapped_under_load_and_a_corrupt_one_is_refused(tmp_path, events, bundle):
    """Every decision is the one that the bundle of its version makes of the whole history of its user."""
    files, served = tmp_path / "events", tmp_path / "served"
    files.mkdir()
    save_bundle(served, contents_of(load_journey("saas")))
    second = save_bundle(tmp_path / "second", other_weights())
    other = load_bundle(second)
    stream = StreamSettings(f"file:{files}", "events", 2)
    (files / "0.jsonl").touch()
    (files / "1.jsonl").touch()
    publisher, third = open_publisher(stream), len(events) // 3
    settings = {
        "bundles": [{"path": str(served)}], "streams": [{"url": f"file:{files}", "name": "events", "partitions": 2}]
    }  # fmt: skip
    with running(tmp_path, settings) as service:
        store = SqliteStore(tmp_path / "state.sqlite")
        for start, change in ((0, None), (third, "swap"), (2 * third, "corrupt")):
            some = events[start : start + third if start < 2 * third else None]
            publisher.send([Outgoing(event.user, event.id, encoder.encode(event)) for event in some[: len(some) // 2]])
            if change == "swap":
                served.rename(tmp_path / "first")
                second.rename(served)
                service.wait_for("bundle swapped")
            if change == "corrupt":
                corrupt(served)
                service.wait_for("bundle refused")
            publisher.send([Outgoing(event.user, event.id, encoder.encode(event)) for event in some[len(some) // 2 :]])
            sent = start + len(some)
            until(partial(lambda n: len(seen_in(store).entries) >= n, sent), f"{sent} events are in the log")
        assert service.end() == 0
    seen = verify(store, bundle, events, others=[other])
    store.close()
    versions = Counter(decision.version for decision in seen.decisions)
    assert set(versions) == {"1", "2"}
    assert seen.decisions[-1].version == "2"  # after the corrupt one was refused
    assert [decision for decision in seen.decisions if decision.fallback] == []
