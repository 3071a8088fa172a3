"""Webhooks, against a real HTTP server that fails, hangs, refuses and is restarted."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from serving.guard.retry import Backoff
from serving.outlets.outlet import Outlet
from serving.outlets.signature import SignatureError, sign, verify
from serving.outlets.sink import Decided, SinkDown
from serving.outlets.webhook import WebhookSink, seconds_of
from serving.stores.memory_store import MemoryStore
from serving.stores.store import Change, Commit, Entry
from tests.servers.process import free_port

SECRET = b"a secret of sixteen bytes or more"
QUICK = Backoff(0.005, 0.02)
WAIT = 10.0  # seconds


class Receiver:
    """An HTTP server that answers each POST as it was told, and remembers what it took."""

    def __init__(self) -> None:
        self.port, self.answers, self.taken, self.seen = free_port(), [], [], 0
        self.refuse: set[str] = set()  # decisions that it refuses for good
        self.waiting = 0.0  # seconds before each answer
        self.start()

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.seen += 1
                verify(body, self.headers["Handrail-Signature"], SECRET, time.time())
                time.sleep(receiver.waiting)
                status, *headers = receiver.answers.pop(0) if receiver.answers else (204,)
                records = json.loads(body)
                records = records if isinstance(records, list) else [records]
                if status == 204 and receiver.refuse & {record["id"] for record in records}:
                    status = 422
                if status == 204:
                    receiver.taken += [record["id"] for record in records]
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_) -> None:
                pass  # clients that gave up

        self.server = Quiet(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/decisions"


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.stop()


def store_of(n: int) -> MemoryStore:
    """A log of `n` decisions, `d0` to `d<n-1>`, of three users."""
    store = MemoryStore()
    for i in range(n):
        version, user = i // 3, f"u{i % 3}"
        record = b'{"id": "d%d"}' % i
        store.commit(Commit("j", "h", [Change(user, version, b"S")], [Entry(user, str(i), b"{}", record)]))
    return store


def delivering(store, receiver, **settings) -> Outlet:
    sink = WebhookSink(receiver.url, [SECRET], **settings)
    outlet = Outlet("hook", store, sink, lease_seconds=0.4, patience=QUICK)
    outlet.start()
    return outlet


def until(happened) -> None:
    end = time.monotonic() + WAIT
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.005)


def ids(n: int) -> list[str]:
    return [f"d{i}" for i in range(n)]


@pytest.mark.parametrize("batch", [1, 7])
def test_decisions_arrive_in_order_signed_and_go_on_where_they_were_left(receiver, batch):
    store = store_of(30)
    outlet = delivering(store, receiver, batch=batch)
    until(lambda: receiver.taken == ids(30))
    outlet.drain()
    store.commit(Commit("j", "h", [Change("u0", 10, b"S")], [Entry("u0", "30", b"{}", b'{"id": "d30"}')]))
    outlet = delivering(store, receiver, batch=batch)
    until(lambda: receiver.taken == ids(31))
    outlet.drain()


def test_a_receiver_that_fails_gets_everything_once_it_works(receiver):
    receiver.answers = [(503,), (500,), (429,), (204,), (302, ("Location", "/elsewhere")), (408,)]
    outlet = delivering(store_of(9), receiver)
    until(lambda: receiver.taken == ids(9))
    outlet.drain()


def test_retry_after_is_honoured(receiver):
    receiver.answers = [(429, ("Retry-After", "1"))]
    begun = time.monotonic()
    outlet = delivering(store_of(2), receiver)
    until(lambda: receiver.taken == ids(2))
    assert time.monotonic() - begun >= 1.0
    outlet.drain()


def test_a_receiver_that_hangs_is_given_up_and_asked_again(receiver):
    receiver.waiting = 0.3
    outlet = delivering(store_of(3), receiver, timeout=0.1)
    until(lambda: receiver.seen >= 3)
    receiver.waiting = 0.0
    until(lambda: set(ids(3)) <= set(receiver.taken))
    outlet.drain()
    assert list(dict.fromkeys(receiver.taken)) == ids(3)


def test_a_receiver_that_is_restarted_misses_nothing(receiver):
    store = store_of(60)
    outlet = delivering(store, receiver)
    until(lambda: len(receiver.taken) >= 10)
    receiver.stop()
    time.sleep(0.1)
    receiver.start()
    until(lambda: set(ids(60)) <= set(receiver.taken))
    outlet.drain()
    assert list(dict.fromkeys(receiver.taken)) == ids(60)


@pytest.mark.parametrize("batch", [1, 5])
def test_what_the_receiver_refuses_becomes_a_dead_letter_and_the_others_arrive(receiver, batch):
    receiver.refuse = {"d3", "d7"}
    store = store_of(12)
    outlet = delivering(store, receiver, batch=batch)
    until(lambda: len(store.letters("", 10)) == 2)
    until(lambda: len(receiver.taken) == 10)
    outlet.drain()
    assert receiver.taken == [name for name in ids(12) if name not in receiver.refuse]
    letters = [msgspec.json.decode(letter.letter) for letter in store.letters("", 10)]
    assert [(letter["reason"], letter["event"]) for letter in letters] == [("undelivered", "d3"), ("undelivered", "d7")]
    assert "422" in letters[0]["detail"]


def test_only_one_of_two_outlets_of_a_name_delivers(receiver):
    store = store_of(50)
    outlets = [delivering(store, receiver) for _ in range(2)]
    until(lambda: len(receiver.taken) >= 50)
    for outlet in outlets:
        outlet.drain()
    assert receiver.taken == ids(50)


def test_a_delivery_that_was_stopped_goes_on_where_it_was(receiver):
    receiver.answers = [(204,), (204,), (500,)]
    sink = WebhookSink(receiver.url, [SECRET])
    decisions = [Decided(name, "u", "j", b'{"id": "%s"}' % name.encode()) for name in ids(4)]
    with pytest.raises(SinkDown):
        sink.deliver(decisions)
    assert sink.deliver(decisions) == []
    assert receiver.taken == ids(4)
    sink.close()


def test_a_signature_says_that_a_body_is_ours_whole_and_recent():
    body, header = b'{"id": "d1"}', sign(b'{"id": "d1"}', [SECRET], 1_000)
    verify(body, header, SECRET, 1_100)
    for changed in [(b"{}", header, SECRET, 1_100), (body, header, b"other", 1_100), (body, header, SECRET, 1_400),
                    (body, header, SECRET, 600), (body, "v1=00", SECRET, 1_000), (body, "t=1000", SECRET, 1_000),
                    (body, "t=1001," + header, SECRET, 1_000), (body, "t=1²," + header, SECRET, 1_000)]:  # fmt: skip
        with pytest.raises(SignatureError):
            verify(*changed)


def test_both_secrets_sign_while_one_replaces_the_other():
    header = sign(b"{}", [b"old", b"new"], 1_000)
    verify(b"{}", header, b"old", 1_000)
    verify(b"{}", header, b"new", 1_000)


def test_a_retry_after_may_be_seconds_or_a_date_or_nonsense():
    assert seconds_of("7", 0.0) == 7.0
    assert seconds_of("Thu, 01 Jan 1970 00:00:30 GMT", 10.0) == 20.0
    assert seconds_of("999999999", 0.0) == 3_600.0
    assert seconds_of("soon", 0.0) is None
    assert seconds_of(None, 0.0) is None


@pytest.mark.parametrize(("url", "secrets"), [("ftp://h/", [SECRET]), ("http:///path", [SECRET]), ("https://h/", [])])
def test_a_webhook_that_cannot_be_is_refused(url, secrets):
    with pytest.raises(ValueError, match="Mend"):
        WebhookSink(url, secrets)
