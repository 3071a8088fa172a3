"""What is no event, or none for this service: it becomes a dead letter with its reason, and the stream moves on."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from journeys.events import LARGEST_EVENT, encoder

pytestmark = pytest.mark.xdist_group("faults")


@pytest.mark.parametrize("pair", ["sqlite+file", "redis+redis"], indirect=True)
def test_poison_is_dead_lettered_with_the_reason_and_nothing_stops(scene, events):
    some, user = events[:200], events[0].user
    last = max(event.time for event in some)
    poison = {
        "malformed": [b"{", b"\xff\xfe\x00", b"[1, 2", b'{"id": 7}', b"null"],
        "oversized": [b'{"id": "%s"}' % (b"x" * LARGEST_EVENT), b'{"id": "%s"}' % (b"y" * 1_200_000)],
        "invalid": [
            encoder.encode(msgspec.structs.replace(some[0], id="no such step", step="nowhere", kind="start")),
            encoder.encode(msgspec.structs.replace(some[0], id="no such journey", journey="other")),
        ],
        "late": [encoder.encode(msgspec.structs.replace(some[0], id="long ago", time=some[0].time - 10_000_000))],
        "early": [encoder.encode(msgspec.structs.replace(some[0], id="tomorrow", time=4_000_000_000_000))],
    }
    scene.send(some)
    bad = [body for bodies in poison.values() for body in bodies]
    scene.send_raw([(user, f"poison{i}", body) for i, body in enumerate(bad)])
    worker = scene.hire(tolerance_ms=3_600_000)
    later = [msgspec.structs.replace(event, id=event.id + "b", time=last + 1000 + i) for i, event in enumerate(some)]
    scene.send(later)
    scene.done(letters=len(bad))
    worker.end()
    seen = scene.verify(refused=0)
    assert Counter(letter["reason"] for letter in seen.letters) == {name: len(some) for name, some in poison.items()}
    assert all("Mend: " in letter["detail"] for letter in seen.letters)
