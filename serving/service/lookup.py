"""Questions to the store beside the engine: users, standing decisions, logs to resume from, and whether it answers.

They go over a connection and in a thread of their own, so that neither the engine nor the event loop waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serving.engine import Engine
from serving.service.user_view import UserView, Views, standing_decision
from serving.stores.store import LogLine, Store

T = TypeVar("T")


class Lookup:
    """Asks a store that `open_store` opens, in one thread."""

    def __init__(self, engine: Engine, open_store: Callable[[], Store], close: bool) -> None:
        self._engine, self._open, self._close = engine, open_store, close
        self._thread = ThreadPoolExecutor(1, "lookup")
        self._store: Store | None = None
        self._views: dict[str, Views] = {}

    async def _ask(self, question: Callable[[Store], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[Store], T]) -> T:
        if self._store is None:
            self._store = self._open()
        return question(self._store)

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

    async def ping(self) -> None:
        """Raises `StoreDown` where the store does not answer."""
        await self._ask(lambda store: store.ping())

    def close(self) -> None:
        """Let go of the connection."""
        if self._store is not None and self._close:
            self._thread.submit(self._store.close).result()
        self._thread.shutdown()
