"""A load on one HTTP server, from a process of its own: `python -m benchmarks.http_load`, a `Load` on standard input.

Every connection plays the events of users of its own, in order. Without a rate each sends as soon as it has an answer;
with one, requests are due at fixed times, and an answer's latency counts from when its request was due, sent or not.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import msgspec
import numpy as np
import uvloop

from journeys.events import Event
from journeys.events import encoder as event_encoder


class Load(msgspec.Struct):
    """What to send where. `rate` is requests a second over all connections, 0 for as many as possible."""

    port: int
    path: str
    events: str
    connections: int
    seconds: float
    rate: float = 0.0
    tag: str = ""


class Result(msgspec.Struct):
    """What came back: answers and errors within the time, and percentiles of latency in ms."""

    answers: int
    errors: int
    seconds: float
    p50: float
    p99: float
    worst: float


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load, number: int, templates: list[tuple[bytes, bytes]], taken: list[float]) -> None:
        self._load, self._number, self._templates, self._taken = load, number, templates, taken
        self._next, self._buffer, self._due, self._busy = 0, b"", list[float](), False
        self.errors, self.ended = 0, False
        about = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: "
        self._head = f"POST {load.path} HTTP/1.1\r\n{about}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        """A loss before the end is an error."""
        self.errors += not self.ended

    def due(self, at: float) -> None:
        """A request is due since `at`."""
        self._due.append(at)
        if not self._busy:
            self._send()

    def _send(self) -> None:
        self._busy = True
        round_number, place = divmod(self._next, len(self._templates))
        self._next += 1
        user, rest = self._templates[place]
        tag = f"{self._load.tag}{self._number}-{round_number}"
        body = b'{"id":"%d-%s","user":"%s%s",%s' % (self._next, tag.encode(), tag.encode(), user, rest)
        self._transport.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)

    def data_received(self, data: bytes) -> None:
        """Count a reply that is whole."""
        buffer = self._buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = buffer.find(b"content-length: ") + 16
        if len(buffer) < end + 4 + int(buffer[at : buffer.find(b"\r", at)]):
            return
        self._buffer = b""
        self.errors += not buffer.startswith(b"HTTP/1.1 200")
        now = time.perf_counter()
        if self.ended:
            return
        self._taken.append(now - self._due.pop(0))
        self._busy = False
        if not self._load.rate:
            self.due(now)
        elif self._due:
            self._send()


def templates_of(path: str) -> list[tuple[bytes, bytes]]:
    """The events of a log as pairs: the user, and what follows it in the JSON."""
    with open(path, "rb") as log:
        events = [msgspec.json.decode(line, type=Event) for line in log]
    whole = [(event.user.encode(), event_encoder.encode(event)) for event in events]
    return [(user, text[text.index(b'"journey"') :]) for user, text in whole]


async def run(load: Load) -> Result:
    """Open all connections, then send for the time given."""
    loop, templates, taken = asyncio.get_running_loop(), templates_of(load.events), list[float]()
    clients = []
    for number in range(load.connections):
        _, client = await loop.create_connection(
            lambda number=number: Client(load, number, templates, taken), "127.0.0.1", load.port
        )
        clients.append(client)
    began = time.perf_counter()
    end = began + load.seconds
    if load.rate:
        sent = 0
        while (now := time.perf_counter()) < end:
            while sent < (now - began) * load.rate:
                clients[sent % load.connections].due(began + sent / load.rate)
                sent += 1
            await asyncio.sleep(0.001)
    else:
        for client in clients:
            client.due(began)
        await asyncio.sleep(load.seconds)
    seconds, answers = time.perf_counter() - began, len(taken)
    for client in clients:
        client.ended = True
    p50, p99, worst = (1e3 * np.percentile(taken, (50, 99, 100))).tolist()
    return Result(answers, sum(client.errors for client in clients), seconds, p50, p99, worst)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Load)))
    sys.stdout.buffer.write(msgspec.json.encode(result))
