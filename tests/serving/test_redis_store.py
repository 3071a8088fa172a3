"""The Redis store beyond the contract: messages are acknowledged with a commit, and a failing server loses nothing."""

from __future__ import annotations

import logging
import time

import pytest
import redis

from serving.stores.opening import open_store
from serving.stores.redis_errors import check_server
from serving.stores.redis_store import RedisStore
from serving.stores.store import Ack, Change, Commit, Delivery, Entry, StaleState, StoreDown, StoreError
from tests.contracts.stores import everything
from tests.servers.redis_server import redis_server

pytestmark = pytest.mark.xdist_group("redis-own")
EMPTY = ({}, [], {}, [])


def commit_of(*, version: int = 0, id_: str = "1", size: int = 1, **delivery) -> Commit:
    entries = [Entry("ann", id_, b"e" * size, b"d")]
    return Commit("j", "h", [Change("ann", version, b"A" * size)], entries, Delivery(**delivery))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis"), "always") as running:
        yield running


@pytest.fixture
def client(server):
    with redis.Redis(port=server.port) as made:
        made.flushall()
        yield made


@pytest.fixture
def store(client, server):
    made = RedisStore(f"redis://127.0.0.1:{server.port}/0", timeout=2.0)
    yield made
    made.close()


@pytest.fixture
def messages(client):
    """Five messages of a group, all pending."""
    client.xgroup_create("events", "g", mkstream=True)
    for number in range(5):
        client.xadd("events", {"body": str(number)})
    [[_, read]] = client.xreadgroup("g", "reader", {"events": ">"}, count=5)
    return [identifier.decode() for identifier, _ in read]


def pending(client) -> list[str]:
    return [one["message_id"].decode() for one in client.xpending_range("events", "g", "-", "+", 10)]


def ack_of(client, *ids: str) -> Ack:
    return Ack(f"{client.info('server')['run_id']}/0", "events", "g", ids)


def test_a_commit_acknowledges_its_messages(store, client, messages):
    store.commit(commit_of(ack=ack_of(client, *messages[:2])))
    assert pending(client) == messages[2:]


def test_a_commit_acknowledges_messages_between_which_others_lie(store, client, messages):
    store.commit(commit_of(ack=ack_of(client, messages[0], messages[3])))
    assert pending(client) == [messages[1], messages[2], messages[4]]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_message_that_somebody_settled_makes_the_commit_stale(store, client, messages, done):
    client.xack("events", "g", messages[done])
    before = pending(client)
    with pytest.raises(StaleState, match="not pending"):
        store.commit(commit_of(ack=ack_of(client, *messages[:3]), notes={"a": b"1"}, letters=[b"l"]))
    assert (everything(store), pending(client)) == (EMPTY, before)


def test_a_stale_commit_acknowledges_nothing(store, client, messages):
    store.commit(commit_of())
    with pytest.raises(StaleState):
        store.commit(commit_of(id_="2", ack=ack_of(client, *messages)))
    with pytest.raises(StaleState):
        store.commit(commit_of(version=1, ack=ack_of(client, *messages)))
    assert pending(client) == messages


def test_a_stream_in_another_database_is_not_acknowledged_here(store, client, server, messages):
    other = RedisStore(f"redis://127.0.0.1:{server.port}/1")
    ack = ack_of(client, *messages)
    assert store.acknowledges(ack.server)
    assert not other.acknowledges(ack.server)
    with pytest.raises(StoreError, match="Mend: settle them after the commit"):
        other.commit(commit_of(ack=ack))
    assert everything(other) == EMPTY
    other.close()


def test_a_stream_whose_group_is_gone_is_told(store, client, messages):
    client.xgroup_destroy("events", "g")
    with pytest.raises(StoreError, match="Mend: let nobody remove the stream or its group"):
        store.commit(commit_of(ack=ack_of(client, *messages)))
    assert everything(store) == EMPTY


def test_scripts_that_the_server_forgot_are_given_again(store, client):
    client.script_flush()
    store.commit(commit_of())
    assert store.load("j", ["ann"])["ann"].version == 1


def test_a_long_log_and_a_large_commit(store):
    """More events of a user than one script walks, and more users and events than one call takes."""
    n = 2_600
    entries = [Entry("ann", str(number), b"%d" % number, None) for number in range(n)]
    changes = [Change("ann", 0, b"A"), *(Change(f"u{number}", 0, b"U") for number in range(n))]
    store.commit(Commit("j", "h", changes, entries, Delivery()))
    assert [line.event for line in store.log("j", "ann")] == [entry.event for entry in entries]
    assert len(store.users("j", "", 10_000)) == n + 1 == len(store.load("j", [change.user for change in changes]))
    with pytest.raises(StaleState):
        store.commit(Commit("j", "h", [Change("ann", 1, b"A")], [Entry("ann", "new", b"e", None), *entries]))
    assert store.load("j", ["ann"])["ann"].version == 1


def test_a_killed_server_is_told_and_all_is_there_when_it_is_back(store, server, client):
    store.commit(commit_of())
    known, run = everything(store), client.info("server")["run_id"]
    mine = store.claim("p", "me", 30.0)
    server.kill()
    for use in (store.ping, lambda: store.load("j", ["ann"]), lambda: store.commit(commit_of(version=1, id_="2"))):
        with pytest.raises(StoreDown, match=r"no answer.* Mend: start the server"):
            use()
    server.start()
    assert everything(store) == known
    assert client.info("server")["run_id"] != run
    assert store.acknowledges(client.info("server")["run_id"])
    store.commit(commit_of(version=1, id_="2", fences=(mine,)))
    assert store.load("j", ["ann"])["ann"].version == 2


def test_a_server_that_hangs_is_told_in_time(store, server):
    store.commit(commit_of())
    hurried = RedisStore(f"redis://127.0.0.1:{server.port}/0", timeout=0.3)
    server.pause()
    try:
        started = time.monotonic()
        with pytest.raises(StoreDown, match="no answer"):
            hurried.commit(commit_of(version=1, id_="2"))
        assert time.monotonic() - started < 2.0
    finally:
        server.resume()
    # The commit waited in the server's socket: it was carried out after all, and the next try finds that out.
    until = time.monotonic() + 5.0
    while store.load("j", ["ann"])["ann"].version == 1 and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(StaleState):
        hurried.commit(commit_of(version=1, id_="2"))
    assert set(store.answers("j", [("ann", "1"), ("ann", "2")])) == {("ann", "1"), ("ann", "2")}
    hurried.close()


def test_a_server_without_memory_is_told_and_writes_nothing(store, client):
    store.commit(commit_of())
    before = everything(store)
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
    try:
        for delivery in ({}, {"notes": {"a": b"1"}}, {"letters": [b"l"]}):
            with pytest.raises(StoreDown, match="Mend: give the server more memory"):
                store.commit(commit_of(version=1, id_="2", **delivery))
        with pytest.raises(StoreDown, match="more memory"):
            store.keep({"a": b"1"})
        assert everything(store) == before
    finally:
        client.config_set("maxmemory", 0)
    store.commit(commit_of(version=1, id_="2"))


def test_a_server_that_forgets_users_is_refused(server, client):
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(StoreError, match=r"would forget users.*allkeys-lru.* Mend: set it to noeviction"):
            RedisStore(f"redis://127.0.0.1:{server.port}/0").close()
    finally:
        client.config_set("maxmemory-policy", "noeviction")


def test_what_is_lost_at_a_restart_is_warned_of(server, client, caplog):
    client.config_set("appendonly", "no")
    try:
        with caplog.at_level(logging.WARNING):
            RedisStore(f"redis://127.0.0.1:{server.port}/0").close()
    finally:
        client.config_set("appendonly", "yes")
    assert "Mend: appendonly yes" in caplog.text


def test_a_database_of_another_version_is_refused(server, client):
    client.set("hr:schema", b"0")
    with pytest.raises(StoreError, match=r"another version of Handrail. Mend: use another database"):
        RedisStore(f"redis://127.0.0.1:{server.port}/0")


def test_a_lost_event_is_told(store, client):
    store.commit(commit_of())
    client.delete(*client.keys("hr:event:*"))
    for use in (lambda: store.log("j", "ann"), lambda: store.read_log("", 9)):
        with pytest.raises(StoreError, match="Mend: restore the store"):
            use()


def test_a_replica_is_refused(server, tmp_path):
    replica = redis_server(tmp_path, "everysec", "--replicaof", f"127.0.0.1 {server.port}")
    with replica, pytest.raises(StoreError, match=r"replica.* Mend: give the url of its primary"):
        RedisStore(f"redis://127.0.0.1:{replica.port}")


@pytest.mark.parametrize(
    ("told", "mend"),
    [
        ({"cluster_enabled": 1}, "give the url of a single server"),
        ({"redis_version": "6.0.16"}, "use Redis 6.2 or later, or Valkey"),
    ],
)
def test_what_a_server_says_of_itself_may_be_refused(client, told, mend):
    with pytest.raises(StoreError, match=f"Mend: {mend}"):
        check_server("redis://host", {**client.info(), **told})


def test_a_wrong_password_is_told_without_it(tmp_path):
    with redis_server(tmp_path, "everysec") as guarded, redis.Redis(port=guarded.port) as client:
        client.config_set("requirepass", "right")
        with pytest.raises(StoreError, match="Mend: give a user and password") as told:
            open_store(f"redis://:wrong-secret@127.0.0.1:{guarded.port}/0")
    assert "wrong-secret" not in str(told.value)
