"""A thousand WebSocket clients, of which every third vanishes in the middle, comes back and goes on."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import msgspec
import pytest

from journeys.events import Event
from journeys.events import encoder as event_encoder
from serving.stores.sqlite_store import SqliteStore
from tests.faults.verify import verify
from tests.serving.http.test_websocket import HANDSHAKE, resident, wait_until
from tests.serving.service.running import Running, running

CLIENTS, EVENTS_EACH, VANISHING = 1_000, 6, 3
MOST_GROWTH = 120_000_000  # bytes for a thousand users and sockets, and what an allocator keeps of them
PATIENCE_SECONDS = 60.0


def masked(text: bytes) -> bytes:
    """A client's text frame of at most 64 KiB, masked with zeros."""
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + text


async def frame(reader: asyncio.StreamReader) -> bytes:
    """The next text frame of the server."""
    while True:
        kind, size = await reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        text = await reader.readexactly(size)
        if kind == 0x81:
            return text


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket that is open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


async def vanish_after(port: int, events: list[Event], sent: int, read: int) -> dict[str, dict]:
    """Send some, read fewer, and vanish; returns the answers that came."""
    reader, writer = await opened(port)
    for event in events[:sent]:
        writer.write(masked(event_encoder.encode(event)))
    answers = [json.loads(await frame(reader)) for _ in range(read)]
    writer.transport.abort()
    return {answer["event"]: answer for answer in answers}


async def play(port: int, events: list[Event], vanishes: bool, luck: random.Random) -> dict[str, dict]:
    """One client's life: what was not answered when it vanished is sent again. Returns the answer to each event."""
    answers: dict[str, dict] = {}
    if vanishes:
        sent = luck.randint(1, len(events))
        answers = await vanish_after(port, events, sent, luck.randint(0, sent))
    reader, writer = await opened(port)
    waiting = [event for event in events if event.id not in answers]
    for event in waiting:
        writer.write(masked(event_encoder.encode(event)))
        await writer.drain()
    for event in waiting:
        answer = json.loads(await frame(reader))
        assert answer["event"] == event.id  # in order
        answers[event.id] = answer
    writer.transport.abort()
    return answers


async def crowd(port: int, lives: list[list[Event]]) -> list[dict[str, dict]]:
    """All clients at once."""
    luck = random.Random(5)
    plays = [play(port, life, i % VANISHING == 0, luck) for i, life in enumerate(lives)]
    return await asyncio.wait_for(asyncio.gather(*plays), PATIENCE_SECONDS)


def lives_of(events: list[Event]) -> list[list[Event]]:
    """The beginning of a synthetic user's log for each client."""
    logs: dict[str, list[Event]] = {}
    for event in events:
        logs.setdefault(event.user, []).append(event)
    users = list(logs.values())
    own = msgspec.structs.replace
    return [
        [own(event, user=f"c{i}", id=f"c{i}-{event.id}") for event in users[i % len(users)][:EVENTS_EACH]]
        for i in range(CLIENTS)
    ]


def descriptors(service: Running) -> int:
    """How many files and sockets the service holds open."""
    return sum(1 for _ in Path(f"/proc/{service.process.pid}/fd").iterdir())


@pytest.mark.slow
@pytest.mark.xdist_group("service")
def test_a_thousand_clients_of_which_some_vanish(tmp_path, bundle, bundle_path, events):
    lives = lives_of(events)
    with running(tmp_path, {"bundles": [{"path": str(bundle_path)}]}) as service:
        service.send(lives[0][0])  # whatever is opened once is open now
        service.client.get("/v1/users/nobody")
        before, memory = descriptors(service), resident(service)
        answers = asyncio.run(crowd(service.port, lives))
        wait_until(lambda: service.metric("handrail_sockets") == 0)
        wait_until(lambda: descriptors(service) <= before + 1)  # the metrics' own connection
        assert resident(service) - memory < MOST_GROWTH
        assert [line for line in service.lines() if line["level"] == "error"] == []
        assert service.end() == 0
    store = SqliteStore(tmp_path / "state.sqlite")
    seen = verify(store, bundle, [event for life in lives for event in life])
    store.close()
    logged = {(entry.user, entry.id): entry.decision for entry in seen.entries}
    for life, told in zip(lives, answers, strict=True):
        for event in life:
            record = logged[event.user, event.id]
            assert told[event.id]["decision"] == (None if record is None else msgspec.json.decode(record))
