"""One worker: store, engine, doors, consumers and outlets, from start to drained."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import structlog

from serving.engine import Engine, Serving
from serving.guard.breaker import Breaker
from serving.guard.guarded_store import GuardedStore
from serving.http.app import App, Door, Route
from serving.http.batcher import Batcher
from serving.http.events import Decide, Events
from serving.http.keys import read_keys
from serving.http.limits import RateLimit
from serving.http.openapi import OpenApi, page
from serving.http.replies import Receive, Scope, Send
from serving.http.shortcut import Decisions
from serving.http.status import Metrics, Ready, health
from serving.http.users import PATH as USERS
from serving.http.users import Journeys, Users
from serving.http.websocket import Stream
from serving.service.bundles import Watcher, load_all, load_or_stand_in
from serving.service.consumers import consumers_of, outlets_of
from serving.service.counted_engine import CountedEngine, Patient
from serving.service.lookup import THREADS, Lookup
from serving.service.metrics import CONTENT_TYPE, Board
from serving.service.numbers import Numbers
from serving.service.settings import MS, Settings
from serving.stores.memory_store import MemoryStore
from serving.stores.opening import open_store
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Store

log = structlog.get_logger("handrail.service")
IN_PROCESS = ("memory:", "sqlite:")  # with SQLite, handing over to a thread costs a quarter more processor time
LEAVE_SECONDS = 1.0  # how often numbers are left for the other workers
BREAKER = {"closed": 0.0, "half-open": 1.0, "open": 2.0}


def serving_of(settings: Settings) -> Serving:
    """How decisions are made."""
    ahead = settings.ahead_seconds
    return Serving(
        reasons=settings.reasons,
        keep_observations=settings.observations,
        reorder_ms=round(settings.reorder_seconds * MS),
        deadline=settings.deadline_ms / MS,
        active_users=settings.active_users,
        tolerance_ms=None if ahead is None else round(ahead * MS),
    )


class Service:
    """What one worker runs. Build it, give `app` to a server; the server's life is this one's."""

    def __init__(self, settings: Settings, folder: Path | None = None, slot: int = 0) -> None:
        self.settings, self.numbers = settings, Numbers()
        self.draining = False
        self._board = Board(self.numbers, folder, slot)
        self._keyring = None if settings.http.keys is None else read_keys(Path(settings.http.keys))
        bundles = load_all(settings.bundles, load_or_stand_in)
        self._store = open_store(settings.store, settings.store_timeout)
        self._networked = not settings.store.startswith(IN_PROCESS)
        self._guarded = GuardedStore(self._store) if self._networked else None
        guarded: Store = self._guarded or self._store
        self.engine = Engine(guarded, bundles, serving_of(settings))
        doors = {source.name: CountedEngine(self.engine, self.numbers, source.name) for source in settings.streams}
        self._consumers = consumers_of(settings, guarded, doors, self.numbers)
        self._outlets = outlets_of(settings, guarded, self.numbers)
        in_memory = isinstance(self._store, MemoryStore)
        self._lookup = Lookup(
            self.engine,
            (lambda: self._store) if in_memory else (lambda: open_store(settings.store, settings.store_timeout)),
            close=not in_memory,
            breaker=Breaker() if self._guarded is None else self._guarded.breaker,
            seconds=settings.store_timeout,
            threads=THREADS if self._networked else 1,  # a file's connections have a cache of pages each
        )
        self.watcher = Watcher(settings.bundles, self.engine, self.numbers)
        self._batcher: Batcher
        self._tasks: list[asyncio.Task[None]] = []
        self._app: App | None = None
        self.decisions: Decisions | None = None  # the short way into the engine, once there is an event loop
        self._sockets = 0

    # What the doors ask of the worker

    def request(self, path: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self.numbers.values["handrail_requests", (path, str(status))] += 1
        self.numbers.spreads["handrail_request_seconds", (path,)].add(seconds)

    def sockets(self, change: int) -> int:
        """One socket more or less; returns how many there are."""
        self._sockets += change
        return self._sockets

    def lag(self) -> float:
        """Messages that wait in the partitions of this worker."""
        return sum(value for (name, _), value in list(self.numbers.values.items()) if name == "handrail_lag")

    async def ping(self) -> None:
        """Raises `StoreDown` where the store does not answer."""
        await self._lookup.ping()

    # Life

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application; it is put together in the event loop that it will run in."""
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)

    def _build(self) -> App:
        http = self.settings.http
        self._batcher = self._queue(CountedEngine(self.engine, self.numbers, "http"))
        door = Door(self._keyring, RateLimit(http.rate, http.burst) if http.rate else None)
        self.decisions = Decisions(self._batcher, door, self)
        stream = Stream(self._batcher, self._lookup, door, self, http.sockets, http.largest_batch)
        return App(self._routes(), door, http.largest_body, self, self, stream)

    def _queue(self, engine: CountedEngine) -> Batcher:
        """The queue before the engine: in the event loop where nothing else works with a store in the process."""
        store, most, seconds = self._store, self.settings.http.queue, self.settings.store_timeout
        threaded = self._networked or bool(self._consumers) or bool(self._outlets)
        if not isinstance(store, SqliteStore):
            return Batcher(engine.take, most, threaded)
        if threaded:
            store.wait_for(seconds)
            return Batcher(engine.take, most, threaded)
        return Batcher(engine.attempt, most, threaded, Patient(engine, store, seconds).take)

    def _routes(self) -> Mapping[str, Mapping[str, Route]]:
        http = self.settings.http
        return {
            "/v1/decide": {"POST": Route(Decide(self._batcher, self.engine, self._lookup, http.largest_batch))},
            "/v1/events": {"POST": Route(Events(self._batcher, http.largest_batch))},
            USERS: {"GET": Route(Users(self.engine, self._lookup))},
            "/v1/journeys": {"GET": Route(Journeys(self.engine))},
            "/metrics": {"GET": Route(Metrics(self, CONTENT_TYPE))},
            "/healthz": {"GET": Route(health, open=True)},
            "/readyz": {"GET": Route(Ready(self, http.most_lag), open=True)},
            "/openapi.json": {"GET": Route(OpenApi(self._keyring is not None), open=True)},
            "/": {"GET": Route(page, open=True)},
        }

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        self._gauges()
        return self._board.text()

    def _gauges(self) -> None:
        self.numbers.set("handrail_queue_events", (), self._batcher.waiting)
        self.numbers.set("handrail_sockets", (), self._sockets)
        if self._guarded is not None:
            self.numbers.set("handrail_breaker", ("store",), BREAKER[self._guarded.breaker.state])

    async def startup(self) -> None:
        """Begin all that goes on beside requests."""
        self._tasks = [asyncio.create_task(self._leave_numbers())]
        if self.settings.watch_seconds:
            self._tasks.append(asyncio.create_task(self._watch()))
        for consumer in self._consumers:
            consumer.start()
        for outlet in self._outlets:
            outlet.start()
        for name, runtime in self.engine.journeys.items():
            manifest = runtime.bundle.manifest
            log.info("serving", journey=name, bundle=manifest.name, version=manifest.version)

    async def shutdown(self) -> None:
        """End it: drain, then let go of the store."""
        self.draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(consumer.drain) for consumer in self._consumers))
        await self._batcher.drained()
        await asyncio.gather(*(asyncio.to_thread(outlet.drain) for outlet in self._outlets))
        for consumer in self._consumers:
            consumer.stream.close()
        self._lookup.close()
        self._store.close()
        self._gauges()
        self._board.leave()
        log.info("drained")

    async def _leave_numbers(self) -> None:
        while True:
            self._gauges()
            self._board.leave()
            await asyncio.sleep(LEAVE_SECONDS)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.settings.watch_seconds)
            await self.look_at_bundles()

    async def look_at_bundles(self, force: bool = False) -> None:
        """Swap bundles that changed; with `force` load all again."""
        try:
            await asyncio.to_thread(self.watcher.look, force)
        except Exception:
            log.exception("looking at bundles failed")
