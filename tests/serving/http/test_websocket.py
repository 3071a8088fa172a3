"""The WebSocket door: events in, answers back in order, resumable, and nobody can make it grow without bounds."""

from __future__ import annotations

import json
import socket as sockets
import struct
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from journeys.events import Event
from journeys.events import encoder as event_encoder
from serving.formats.writing import WRITE
from tests.serving.service.running import START, Running, running, signup, start

pytestmark = pytest.mark.xdist_group("service")

MANY, FRAMES = 520_000, 8  # items of one frame of 1 MiB, and such frames
HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sockets"), {"http": {"sockets": 8}}) as made:
        yield made


def open_to(service: Running, query: str = ""):
    return connect(service.url.replace("http", "ws") + "/v1/stream" + query, open_timeout=20)


def told(socket) -> dict:
    return json.loads(socket.recv(timeout=20))


def test_answers_come_in_the_order_of_events(service: Running):
    with open_to(service) as socket:
        socket.send(event_encoder.encode(signup("ann")).decode())
        socket.send("[" + event_encoder.encode(start("ann", 1)).decode() + ',{"id":1}]')
        socket.send("nope")
        socket.send(event_encoder.encode(signup("ann")))  # a binary frame will do as well
        first, second, third, fourth, again = (told(socket) for _ in range(5))
    assert (first["event"], first["outcome"], first["decision"]["event"]) == ("ann-e0", "applied", "ann-e0")
    assert (second["event"], second["outcome"]) == ("ann-e1", "applied")
    assert [third["refusal"]["reason"], fourth["refusal"]["reason"]] == ["malformed", "malformed"]
    assert again == first | {"outcome": "duplicate"}


@pytest.mark.parametrize("name", ["cloudevents", "segment", "xapi"])
def test_a_socket_has_a_format(service: Running, name):
    with open_to(service, f"?format={name}") as socket:
        socket.send(WRITE[name](signup(f"ws-{name}")).decode())
        assert told(socket)["outcome"] == "applied"


def test_strange_formats_and_paths(service: Running):
    for path, status in (("/v1/stream?format=csv", 415), ("/v1/other", 404)):
        with pytest.raises(InvalidStatus) as caught, connect(service.url.replace("http", "ws") + path):
            pass
        assert caught.value.response.status_code == status


def test_a_client_that_comes_back_gets_what_it_missed(service: Running):
    with open_to(service) as socket:
        socket.send(event_encoder.encode(signup("ben")).decode())
        seen = told(socket)
    missed = [service.decide(start("ben", 1)).json(), service.decide(start("ben", 2, "notebook")).json()]
    service.send(Event("ben-e3", "ben", "tiny", START + 3000, "leave"))
    with open_to(service) as socket:
        socket.send(json.dumps({"resume": {"journey": "tiny", "seen": {"ben": seen["event"], "nobody": None}}}))
        frames = [told(socket) for _ in range(4)]
    assert [frame.get("event") for frame in frames] == ["ben-e1", "ben-e2", "ben-e3", None]
    assert [frame["decision"] for frame in frames[:2]] == missed
    assert frames[-1] == {"resumed": 3}
    with open_to(service) as socket:
        socket.send(json.dumps({"resume": {"journey": "tiny", "seen": {"ben": None}}}))
        assert [told(socket).get("event") for _ in range(5)] == ["ben-e0", "ben-e1", "ben-e2", "ben-e3", None]


WRONG_RESUMES = {
    "shape": ({"resume": {"journey": "tiny", "seen": ["ben"]}}, "malformed"),
    "missing": ({"resume": {"journey": "tiny"}}, "malformed"),
    "more": ({"resume": {"journey": "tiny", "seen": {}}, "also": 1}, "malformed"),
    "journey": ({"resume": {"journey": "other", "seen": {"ben": None}}}, "no_journey"),
    "many": ({"resume": {"journey": "tiny", "seen": {f"u{i}": None for i in range(1_001)}}}, "malformed"),
}


@pytest.mark.parametrize("case", WRONG_RESUMES)
def test_what_is_wrong_with_a_resume_is_told_and_kept_nowhere(service: Running, case):
    frame, reason = WRONG_RESUMES[case]
    letters = service.metric("handrail_dead_letters_total")
    with open_to(service) as socket:
        socket.send(json.dumps(frame))
        answer = told(socket)
        assert (answer["resumed"], answer["refusal"]["reason"]) == (0, reason)
        assert "Mend: " in answer["refusal"]["detail"]
        socket.send(json.dumps({"resume": {"journey": "tiny", "seen": {"nobody": None}}}))
        assert told(socket) == {"resumed": 0}
    assert service.metric("handrail_dead_letters_total") == letters


def test_an_event_may_hold_the_word(service: Running):
    with open_to(service, "?format=segment") as socket:
        socket.send(json.dumps(json.loads(WRITE["segment"](signup("resumer"))) | {"resume": True}))
        assert told(socket)["outcome"] == "applied"


def test_too_many_sockets_are_told_to_come_later(service: Running):
    with ExitStack() as opened:
        for _ in range(8):
            opened.enter_context(open_to(service))
        with pytest.raises(InvalidStatus) as caught, open_to(service):
            pass
        assert caught.value.response.status_code == 503
        assert caught.value.response.headers["retry-after"]
    wait_until(lambda: service.metric("handrail_sockets") == 0)
    with open_to(service):
        pass


@pytest.mark.slow
def test_a_client_that_does_not_read_is_let_go_and_costs_little(service: Running):
    """Its answers fill the buffers, then reading stops, then it is let go; others are served all the while."""
    event = event_encoder.encode(signup("cat"))
    before = resident(service)
    with open_to(service) as socket:
        socket.send(event.decode())
        told(socket)
        socket.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        socket.protocol.max_size = 1
        frame = b"[" + b",".join([event] * 200) + b"]"
        raw = masked(frame)
        socket.socket.settimeout(1.0)
        sent, until = 0, time.monotonic() + 15
        try:
            while time.monotonic() < until and sent < 200_000_000:
                sent += socket.socket.send(raw)
        except (TimeoutError, OSError):
            pass
        assert sent < 100_000_000  # reading stopped
        assert service.decide(signup("dan")).status_code == 200
        assert resident(service) - before < 100_000_000
        wait_until(lambda: service.metric("handrail_sockets") == 0, seconds=40)
    assert any(line["event"] == "slow client let go" for line in service.lines())


def masked(text: bytes) -> bytes:
    """A text frame, masked with zeros."""
    return b"\x81\xff" + len(text).to_bytes(8, "big") + bytes(4) + text


def test_a_frame_of_very_many_items_costs_little_and_leaves_nothing(service: Running):
    """A legal frame of half a million items: counted, refused as a whole, and the socket goes on."""
    before, letters = resident(service), service.metric("handrail_dead_letters_total")
    frame = "[" + ",".join(["1"] * MANY) + "]"
    with open_to(service) as socket:
        for _ in range(FRAMES):
            socket.send(frame)
        began = time.monotonic()
        assert service.client.get("/healthz").status_code == 200
        assert time.monotonic() - began < 1.0
        answers = [told(socket) for _ in range(FRAMES)]
        socket.send(event_encoder.encode(signup("flo")).decode())
        assert told(socket)["outcome"] == "applied"
    assert {answer["refusal"]["reason"] for answer in answers} == {"too_many"}
    assert all("Mend: " in answer["refusal"]["detail"] for answer in answers)
    assert service.metric("handrail_dead_letters_total") == letters
    assert resident(service) - before < 150_000_000


def test_vanishing_clients_leave_nothing(service: Running):
    for _ in range(20):
        with sockets.create_connection(("127.0.0.1", service.port)) as raw:
            raw.sendall(HANDSHAKE)
            assert raw.recv(4_096).startswith(b"HTTP/1.1 101 ")
            raw.sendall(masked(event_encoder.encode(signup("eve"))))
            assert b"eve-e0" in raw.recv(4_096)
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no goodbye
    wait_until(lambda: service.metric("handrail_sockets") == 0)
    assert service.client.get("/v1/users/eve").json()["events"] >= 1
    assert not [line for line in service.lines() if line["level"] == "error"]


def test_frames_are_limited_in_size(service: Running):
    with open_to(service) as socket:
        socket.send("x" * 2_000_000)
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=20)
    assert caught.value.rcvd.code == 1009


def resident(service: Running) -> int:
    """Bytes of memory of the service."""
    with open(f"/proc/{service.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def wait_until(true, seconds: float = 20.0) -> None:
    """Wait for something to come true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)
