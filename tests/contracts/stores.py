"""The stores under test, each new and empty; and all that a store tells, to compare what is in two of them."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import psycopg
import redis

from serving.stores.opening import open_store
from serving.stores.store import BEGINNING, Logged, LogLine, Store, Stored
from tests.servers.postgres_server import postgres_server, url_at
from tests.servers.process import Server
from tests.servers.redis_server import redis_server

KINDS = ("memory", "sqlite", "redis", "postgres")
JOURNEYS = ("j", "other")
NOTES = ("position/p", "a", "b", "mode")
ALL = 1_000_000  # more than any test writes


@contextmanager
def new_store(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store, closed in the end."""
    with url_of(kind, folder) as url, closing(open_store(url)) as store:
        yield store


@contextmanager
def url_of(kind: str, folder: Path) -> Iterator[str]:
    """The url of an empty store. A server is started once for all tests of a process, and emptied for each."""
    if kind == "memory":
        yield "memory:"
    elif kind == "sqlite":
        yield f"sqlite:{folder}/state.sqlite"
    elif kind == "redis":
        port = running_redis().port
        with redis.Redis(port=port) as client:
            client.flushall()
        yield f"redis://127.0.0.1:{port}/0"

    elif kind == "postgres":
        url = url_at(running_postgres().port)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET client_min_messages = error")
            connection.execute("DROP SCHEMA IF EXISTS handrail CASCADE")
        yield url


@cache
def running_postgres() -> Server:
    """A server for this process, ended with it."""
    folder = tempfile.TemporaryDirectory(prefix="handrail-postgres-")
    server = postgres_server(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.stop)  # before its folder is removed
    return server


@cache
def running_redis() -> Server:
    """A server for this process, ended with it."""
    folder = tempfile.TemporaryDirectory(prefix="handrail-redis-")
    server = redis_server(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.stop)  # before its folder is removed
    return server


def everything(store: Store) -> tuple[dict[tuple[str, str], Stored], list[Logged], dict[str, bytes], list[bytes]]:
    """States, the whole log (without cursors, which are the store's own), notes and dead letters."""
    states = {
        (journey, user): stored
        for journey in JOURNEYS
        for user, stored in store.load(journey, store.users(journey, "", ALL)).items()
    }
    log = store.read_log(BEGINNING, ALL)
    for journey, user in states:
        mine = [LogLine(e.journey_hash, e.event, e.decision) for e in log if (e.journey, e.user) == (journey, user)]
        assert store.log(journey, user) == mine, "a user's log and the whole log are of two minds"
    notes = {name: value for name in NOTES if (value := store.recall(name)) is not None}
    return states, [e._replace(cursor="") for e in log], notes, [one.letter for one in store.letters("", ALL)]
