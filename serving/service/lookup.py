"""Questions to the store beside the engine: users, standing decisions, logs to resume from, and whether it answers.

They go over connections and in threads of their own, so that neither the engine nor the event loop waits for them; and
readiness has one of each to itself, so that it does not wait for the others. How many may wait is bounded, and for how
long; a store that rests after failures is not asked.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serving.engine import Engine
from serving.guard.breaker import Breaker
from serving.guard.guarded_store import GuardedStore, StoreResting
from serving.guard.retry import Retry
from serving.http.batcher import Busy
from serving.service.user_view import UserView, Views, standing_decision
from serving.stores.store import LogLine, Store, StoreDown

T = TypeVar("T")
THREADS = 4  # questions asked at a time: each has a connection, and one slow log does not hold the others up
MOST_ASKED = 128  # questions asked or waiting; answers take some ms each, so that the last waits well below a second
GRACE_SECONDS = 1.0  # beyond the store's own time to answer: a question is several calls, or tried again


class Asking:
    """Asks a store in `threads`, each with a connection of its own, opened when it is first needed."""

    def __init__(self, open_store: Callable[[], Store], close: bool, breaker: Breaker, threads: int, most: int) -> None:
        self._open, self._close, self._breaker, self._most = open_store, close, breaker, most
        self._pool, self._here, self._lock = ThreadPoolExecutor(threads, "lookup"), threading.local(), threading.Lock()
        self._opened: list[Store] = []
        self._asked = 0

    async def __call__(self, question: Callable[[Store], T], seconds: float) -> T:
        """The answer. Raises `Busy`, and `StoreDown` where there is none within `seconds`."""
        if self._asked >= self._most:
            raise Busy
        self._asked += 1
        try:
            answer = asyncio.get_running_loop().run_in_executor(self._pool, self._answer, question)
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError:
            raise StoreDown(f"no answer within {seconds:g} s. Mend: check the store") from None
        finally:
            self._asked -= 1

    def _answer(self, question: Callable[[Store], T]) -> T:
        store = getattr(self._here, "store", None)
        if store is None:
            store = self._here.store = GuardedStore(self._connect(), self._breaker)
        return question(store)

    def _connect(self) -> Store:
        rests = self._breaker.wait()
        if rests > 0:
            raise StoreResting(rests)
        try:
            store = self._open()
        except StoreDown:
            self._breaker.failed()
            raise
        except BaseException:
            self._breaker.succeeded()  # it answered, be it with a refusal
            raise
        self._breaker.succeeded()
        with self._lock:
            self._opened.append(store)
        return store

    def close(self) -> None:
        """Let go of threads and connections, when the questions in hand are answered."""
        self._pool.shutdown(cancel_futures=True)
        if self._close:
            for store in self._opened:
                store.close()


class Lookup:
    """Asks a store that `open_store` opens, which has `seconds` to answer; `breaker` is the engine's."""

    def __init__(
        self,
        engine: Engine,
        open_store: Callable[[], Store],
        close: bool,
        breaker: Breaker,
        seconds: float,
        threads: int = THREADS,
    ) -> None:
        self._engine, self._seconds = engine, seconds + GRACE_SECONDS
        self._asking = Asking(open_store, close, breaker, threads, MOST_ASKED)
        self._readiness = Asking(open_store, close, breaker, threads=1, most=MOST_ASKED)
        self._views: dict[str, Views] = {}

    async def _ask(self, question: Callable[[Store], T]) -> T:
        return await self._asking(question, self._seconds)

    async def user(self, journey: str, user: str) -> UserView | None:
        """What is known of a user."""
        return await self._ask(lambda store: self._views_of(journey).of(store, user))

    def _views_of(self, journey: str) -> Views:
        bundle, views = self._engine.journeys[journey].bundle, self._views.get(journey)
        if views is None or views.bundle is not bundle:
            views = self._views[journey] = Views(bundle)
        return views

    async def standing(self, journey: str, user: str) -> bytes | None:
        """The record of the last decision, if nothing has happened to the user since."""
        return await self._ask(lambda store: standing_decision(store, journey, user))

    async def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events with their decisions."""
        return await self._ask(lambda store: store.log(journey, user))

    def serves(self, journey: str) -> bool:
        """Whether that journey is served."""
        return journey in self._engine.journeys

    async def ping(self) -> None:
        """Raises `StoreDown` where the store does not answer, also not over a new connection."""
        await self._readiness(lambda store: Retry(StoreDown, tries=2)(store.ping), self._seconds)

    def close(self) -> None:
        """Let go of the connections."""
        self._asking.close()
        self._readiness.close()
