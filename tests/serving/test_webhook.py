"""Webhooks, against a real HTTP server that fails, hangs, refuses and is restarted."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest
from nats.js.api import StreamConfig

from handrail import main
from journeys.loading import load_journey
from policies.bundle import save_bundle
from serving.guard.retry import Backoff
from serving.outlets.outlet import Outlet, Unwatched
from serving.outlets.published import PublishedSink
from serving.outlets.signature import SignatureError, sign, verify
from serving.outlets.sink import Decided, Progress, Refusal, SinkDown
from serving.outlets.webhook import WebhookSink, seconds_of
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Change, Commit, Entry, Fenced, StoreDown
from serving.streams.opening import open_publisher, open_stream
from serving.streams.settings import StreamSettings
from tests.servers.nats import create_nats_stream, nats_server
from tests.servers.process import free_port
from tests.serving.bundles import contents_of

SECRET = b"a secret of sixteen bytes or more"
QUICK = Backoff(0.005, 0.02)
WAIT = 10.0  # seconds


class Receiver:
    """An HTTP server that answers each POST as it was told, and remembers what it took."""

    def __init__(self) -> None:
        self.port, self.answers, self.taken, self.seen = free_port(), [], [], 0
        self.keys: list[str] = []  # idempotency keys, as often as they came
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
                receiver.keys.append(self.headers["Idempotency-Key"])
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
    fill(store, n)
    return store


def fill(store, n: int):
    """`store` with a log of `n` decisions."""
    for i in range(n):
        version, user = i // 3, f"u{i % 3}"
        record = b'{"id": "d%d", "user": "%s", "journey": "j"}' % (i, user.encode())
        store.commit(Commit("j", "h", [Change(user, version, b"S")], [Entry(user, str(i), b"{}", record)]))
    return store


def same_ids() -> MemoryStore:
    """A log of decisions of three users, on events whose ids are all `1`, and so of the same decision id."""
    store = MemoryStore()
    for user in ("anna", "bert", "carl"):
        entry = Entry(user, "1", b"{}", b'{"id": "d", "user": "%s"}' % user.encode())
        store.commit(Commit("j", "h", [Change(user, 0, b"S")], [entry]))
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


def test_the_key_of_a_delivery_is_of_journey_user_and_decision():
    decision = Decided("d", "u", "j", b"{}")
    keys = {decision._replace(**other).key for other in ({}, {"id": "e"}, {"user": "v"}, {"journey": "k"})}
    assert len(keys) == 4
    assert decision.key == hashlib.blake2b(b"j\nd\nu", digest_size=16).hexdigest()  # as docs/streams.md says it


def test_decisions_of_one_id_but_of_other_users_have_keys_of_their_own(receiver):
    outlet = delivering(same_ids(), receiver)
    until(lambda: len(receiver.taken) == 3)
    outlet.drain()
    assert len(set(receiver.keys)) == 3


def test_a_delivery_has_the_same_key_again(receiver):
    receiver.answers = [(503,), (204,), (503,), (204,)]
    outlet = delivering(same_ids(), receiver, batch=2)
    until(lambda: len(receiver.taken) == 3)
    outlet.drain()
    assert [receiver.keys.count(key) for key in dict.fromkeys(receiver.keys)] == [2, 2]


def test_nats_takes_decisions_of_one_id_but_of_other_users(tmp_path):
    with nats_server(tmp_path) as server:
        create_nats_stream(server.port, StreamConfig(name="out", subjects=["out.*"]))
        settings = StreamSettings(f"nats://127.0.0.1:{server.port}", "out", 1)
        outlet = Outlet("nats", same_ids(), PublishedSink(open_publisher(settings)), lease_seconds=0.4)
        outlet.start()
        stream = open_stream(settings)
        partition = stream.partitions()[0]
        partition.open(None)
        users = [json.loads(message.body)["user"] for message in read_all(partition, 3)]
        outlet.drain()
        partition.close()
        stream.close()
    assert users == ["anna", "bert", "carl"]


def read_all(partition, n: int) -> list:
    """`n` messages, or as many as come in time."""
    found: list = []
    end = time.monotonic() + WAIT
    while len(found) < n and time.monotonic() < end:
        found += partition.read(n, 0.2)
    return found


def test_a_slow_receiver_of_two_workers_gets_on(receiver):
    """A page of the log takes several leases: the place moves, and one worker delivers."""
    receiver.waiting = 0.02
    store = store_of(60)
    outlets = [delivering(store, receiver) for _ in range(2)]  # a lease is 0.4 s, a page 1.2 s
    until(lambda: len(receiver.taken) >= 60)
    until(lambda: store.recall("outlet/hook") == store.read_log("", 100)[-1].cursor.encode())
    for outlet in outlets:
        outlet.drain()
    assert receiver.taken == ids(60)


def test_a_worker_that_is_told_to_end_keeps_what_it_delivered(receiver):
    receiver.waiting = 0.02
    store = store_of(60)
    first = delivering(store, receiver)
    until(lambda: len(receiver.taken) >= 3)
    first.drain()
    second = delivering(store, receiver)
    until(lambda: len(receiver.taken) >= 60)
    second.drain()
    assert receiver.taken == ids(60)


def test_letters_of_refused_decisions_survive_a_replay_and_are_delivered_once_the_receiver_takes_them(
    receiver, tmp_path, capsys
):
    receiver.refuse = {"d3", "d7"}
    url = f"sqlite:{tmp_path}/state.sqlite"
    store = fill(SqliteStore(tmp_path / "state.sqlite"), 9)
    outlet = delivering(store, receiver)
    until(lambda: len(store.letters("", 10)) == 2)
    outlet.drain()
    bundle = save_bundle(tmp_path / "bundle", contents_of(load_journey("tiny"), "rules"))
    assert main(["letters", "replay", "--store", url, "--bundle", str(bundle)]) == 0
    assert len(store.letters("", 10)) == 2
    (tmp_path / "secret").write_bytes(SECRET)
    hook = {"name": "hook", "webhook": {"url": receiver.url, "secret_file": "secret", "batch": 5}}
    other = {"name": "other", "webhook": {"url": receiver.url + "/other", "secret_file": "secret"}}
    file = tmp_path / "handrail.yaml"
    file.write_text(json.dumps({"bundles": [{"path": "bundle"}], "store": url, "decisions": [other, hook]}))
    receiver.refuse = {"d7"}
    receiver.answers = [(503,)]
    assert main(["letters", "deliver", "--settings", str(file)]) == 1
    assert receiver.taken[-1] == "d3"
    assert "hook: 1 delivered, 1 kept" in capsys.readouterr().out
    receiver.refuse = set()
    assert main(["letters", "deliver", "--settings", str(file), "--outlet", "other"]) == 0
    assert len(store.letters("", 10)) == 1
    assert main(["letters", "deliver", "--settings", str(file), "--outlet", "none"]) == 2
    assert main(["letters", "deliver", "--settings", str(file), "--outlet", "hook"]) == 0
    assert receiver.taken[-1] == "d7"
    assert store.letters("", 10) == []
    first = [key for key, times in Counter(receiver.keys).items() if times > 1]
    assert len(first) == 2  # delivered under the same keys as before
    store.close()


class Sleepy:
    """A sink that holds each attempt until it is woken, and then says that everything arrived."""

    def __init__(self) -> None:
        self.asleep, self.wake = threading.Event(), threading.Event()
        self.refuses = False

    def deliver(self, decisions) -> Progress:
        self.asleep.set()
        self.wake.wait(WAIT)
        return Progress(len(decisions), [Refusal(decisions[0], "no")] if self.refuses else [])

    def close(self) -> None:
        pass


class Troubles(Unwatched):
    """Remembers what failed."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def trouble(self, outlet: str, error: Exception) -> None:
        self.errors.append(error)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_worker_that_wakes_after_its_lease_moves_no_place_and_writes_no_letter(refuses):
    store, sink, watch = store_of(5), Sleepy(), Troubles()
    sink.refuses = refuses
    zombie = Outlet("hook", store, sink, watch, lease_seconds=0.1)
    zombie.start()
    assert sink.asleep.wait(WAIT)
    time.sleep(0.15)
    successor = store.claim("outlet/hook", "another", 60.0)
    assert successor is not None
    store.keep({"outlet/hook": b"3"}, [successor])
    sink.wake.set()
    until(lambda: watch.errors)
    zombie.drain()
    assert isinstance(watch.errors[0], Fenced)
    assert store.recall("outlet/hook") == b"3"
    assert store.letters("", 10) == []


class Unsteady(MemoryStore):
    """A store whose every second reading of the log fails."""

    readings = 0

    def read_log(self, after, limit):
        self.readings += 1
        if self.readings % 2:
            raise StoreDown("away. Mend: wait")
        return super().read_log(after, limit)


def test_trouble_that_passed_makes_the_next_one_wait_no_longer():
    """Twenty troubles with success between them: pauses that go on doubling would come to hours."""
    store, watch = Unsteady(), Troubles()
    sink = Sleepy()
    sink.wake.set()
    outlet = Outlet("hook", store, sink, watch, lease_seconds=60.0, patience=Backoff(0.001, 3_600.0))
    outlet.start()
    until(lambda: len(watch.errors) >= 20)
    outlet.drain()


class Away(MemoryStore):
    """A store that gives no lease."""

    def claim(self, lease, owner, seconds):
        raise StoreDown("away. Mend: wait")


@pytest.mark.parametrize("store", [MemoryStore(), Away()])
def test_an_outlet_that_is_told_to_end_at_once_ends_cleanly(store):
    outlet = Outlet("hook", store, Sleepy())
    outlet.start()
    outlet.drain()
    idle = Outlet("hook", store, Sleepy())
    idle._stop.set()  # told to end before its thread has begun
    idle.start()
    idle.drain()


def test_a_delivery_that_was_stopped_goes_on_where_it_was(receiver):
    receiver.answers = [(204,), (204,), (500,)]
    sink = WebhookSink(receiver.url, [SECRET])
    decisions = [Decided(name, "u", "j", b'{"id": "%s"}' % name.encode()) for name in ids(4)]
    assert [sink.deliver(decisions[start:]) for start in (0, 1)] == [Progress(1)] * 2
    with pytest.raises(SinkDown):
        sink.deliver(decisions[2:])
    assert [sink.deliver(decisions[start:]) for start in (2, 3)] == [Progress(1)] * 2
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
