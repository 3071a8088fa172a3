"""The PostgreSQL store beyond the contract: nobody reads past a commit that is still on its way, and a failing server
loses nothing.
"""

from __future__ import annotations

import os
import signal
import threading
import time

import psycopg
import pytest

from serving.stores.postgres_schema import COMMIT
from serving.stores.postgres_store import PostgresStore, arguments_of
from serving.stores.store import BEGINNING, Change, Commit, Delivery, Entry, StoreDown, StoreError
from tests.contracts.stores import everything
from tests.servers.postgres_server import postgres_server, url_at

pytestmark = pytest.mark.xdist_group("postgres-own")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with postgres_server(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture
def url(server):
    with psycopg.connect(url_at(server.port), autocommit=True) as connection:
        connection.execute("SET client_min_messages = error")
        connection.execute("DROP SCHEMA IF EXISTS handrail CASCADE")
    return url_at(server.port)


@pytest.fixture
def store(url):
    made = PostgresStore(url, timeout=2.0)
    yield made
    made.close()


def commit_of(user: str, id_: str = "1", version: int = 0, **delivery) -> Commit:
    return Commit(
        "j", "h", [Change(user, version, b"A")], [Entry(user, id_, user.encode(), None)], Delivery(**delivery)
    )


def events(store, after: str = BEGINNING) -> list[bytes]:
    return [entry.event for entry in store.read_log(after, 100)]


def test_the_log_is_read_up_to_the_oldest_commit_on_its_way(store, url):
    store.commit(commit_of("before"))
    with psycopg.connect(url) as slow:
        slow.execute(COMMIT, arguments_of(commit_of("slow")), binary=True)
        store.commit(commit_of("quick"))
        assert events(store) == [b"before"], "who reads on from 'quick' would never see 'slow'"
        cursor = store.read_log(BEGINNING, 9)[-1].cursor
        slow.commit()
    assert events(store, cursor) == [b"slow", b"quick"]
    assert events(store) == [b"before", b"slow", b"quick"]


def test_a_commit_that_was_given_up_holds_nothing_up(store, url):
    with psycopg.connect(url) as slow:
        slow.execute(COMMIT, arguments_of(commit_of("slow")), binary=True)
        store.commit(commit_of("quick"))
        slow.rollback()
    assert events(store) == [b"quick"]


def test_a_restored_database_whose_transactions_count_anew_goes_on_behind_what_it_holds(store, url):
    store.commit(commit_of("old"))
    cursor = store.read_log(BEGINNING, 9)[-1].cursor
    with psycopg.connect(url) as restored:  # as after pg_dump and pg_restore into a server that is younger
        restored.execute("UPDATE handrail.events SET xid = (xid::text::bigint + 1000000000)::text::xid8")
    store.close()
    again = PostgresStore(url)
    old = again.read_log(BEGINNING, 9)
    again.commit(commit_of("new"))
    assert events(again) == [b"old", b"new"]
    assert events(again, old[-1].cursor) == [b"new"]
    assert cursor != old[-1].cursor
    PostgresStore(url).close()  # a further start begins no further era
    again.commit(commit_of("newer"))
    assert events(again) == [b"old", b"new", b"newer"]
    again.close()


def test_a_new_owner_waits_for_the_commit_of_the_old_one(store, url):
    mine = store.claim("p", "me", 0.05)
    time.sleep(0.1)
    with psycopg.connect(url) as slow:
        slow.execute(COMMIT, arguments_of(commit_of("slow", fences=(mine,))), binary=True)
        with pytest.raises(StoreDown, match="timeout"):
            store.claim("p", "you", 30.0)
        slow.commit()
    assert store.claim("p", "you", 30.0).epoch == mine.epoch + 1


def test_a_restarted_server_is_told_once_and_all_is_there(store, server):
    store.commit(commit_of("ann"))
    known = everything(store)
    server.kill()
    for _ in range(2):
        with pytest.raises(StoreDown, match=r"Mend: (start the server|wait until the server is up)"):
            store.commit(commit_of("ann", "2", 1))
    server.start()
    assert everything(store) == known
    store.commit(commit_of("ann", "2", 1))
    assert store.load("j", ["ann"])["ann"].version == 2


def test_a_server_that_hangs_is_told_in_time(store, url):
    hurried = PostgresStore(url, timeout=0.5)
    [(backend,)] = hurried._rows("SELECT pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(StoreDown, match=r"no answer within 0.5 s.* Mend"):
            hurried.commit(commit_of("ann"))
        assert time.monotonic() - started < 2.0
    finally:
        os.kill(backend, signal.SIGCONT)
    hurried.ping()
    hurried.close()


def test_a_lock_that_somebody_holds_is_told_in_time(store, url):
    store.commit(commit_of("ann"))
    with psycopg.connect(url) as other:
        other.execute("SELECT * FROM handrail.states FOR UPDATE")
        with pytest.raises(StoreDown, match="Mend: look for what slows the server down"):
            store.commit(commit_of("ann", "2", 1))
    store.commit(commit_of("ann", "2", 1))


def test_many_may_open_a_new_database_at_once(url):
    failures = []

    def begin():
        try:
            PostgresStore(url).close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_server_that_may_only_be_read_is_told(store, url):
    readonly = PostgresStore(url)
    readonly._rows("SET default_transaction_read_only = on")
    with pytest.raises(StoreDown, match="Mend: give the url of the primary"):
        readonly.commit(commit_of("ann"))
    readonly.close()


def test_a_schema_of_another_version_is_refused(store, url):
    store._rows("UPDATE handrail.meta SET version = 0")
    with pytest.raises(StoreError, match=r"another version of Handrail. Mend: use another database"):
        PostgresStore(url)


def test_what_cannot_be_opened_is_told(url, server):
    with pytest.raises(StoreError, match=r'database "nowhere" does not exist.* Mend'):
        PostgresStore(url.replace("/postgres", "/nowhere"))
    with pytest.raises(StoreDown, match="Mend: start the server"):
        PostgresStore("postgresql://handrail@127.0.0.1:1/postgres")
