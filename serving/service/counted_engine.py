"""The engine as one kind of door sees it: everything is counted, and a file that somebody else holds is waited for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from journeys.events import Event
from serving.answer import Answer
from serving.engine import Engine
from serving.formats.reading import Item
from serving.service.numbers import Numbers
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import NOTHING, Delivery, StoreDown, StoreError

log = structlog.get_logger("handrail.service")
BRIEF_SECONDS = 0.025  # in the event loop, where everybody waits: a commit of another worker takes a few ms


class CountedEngine:
    """Takes batches for one kind of door, and counts what becomes of them."""

    def __init__(self, engine: Engine, numbers: Numbers, door: str) -> None:
        self._engine, self._numbers, self._door = engine, numbers, door

    def take(self, items: Sequence[Item], delivery: Delivery = NOTHING, received: int | None = None) -> list[Answer]:
        """As `Engine.take`."""
        try:
            return self.attempt(items, delivery, received)
        except StoreDown:
            self._numbers.add("handrail_store_errors", ("down",))
            raise

    def attempt(self, items: Sequence[Item], delivery: Delivery = NOTHING, received: int | None = None) -> list[Answer]:
        """As `take`, of which `StoreDown` is not the last word: it is not counted."""
        began = time.perf_counter()
        try:
            answers = self._engine.take(items, delivery, self._door, received)
        except StoreDown:
            raise
        except StoreError:
            self._numbers.add("handrail_store_errors", ("error",))
            raise
        self._numbers.observe("handrail_batch_seconds", (self._door,), time.perf_counter() - began)
        self._numbers.add("handrail_batch_events", (self._door,), len(items))
        for item, answer in zip(items, answers, strict=True):
            self._count(item, answer)
        return answers

    def _count(self, item: Item, answer: Answer) -> None:
        values, door = self._numbers.values, self._door
        journey = item.journey if isinstance(item, Event) and item.journey in self._engine.journeys else "unknown"
        values["handrail_events", (journey, answer.outcome, door)] += 1
        decision = answer.decision
        if decision is not None and answer.outcome == "applied":
            values["handrail_decisions", (journey, decision.moment)] += 1
            if decision.fallback is not None:
                values["handrail_fallbacks", (journey,)] += 1
                log.warning("fallback", event_id=decision.event, user=decision.user, why=decision.fallback)
        letter = answer.letter
        if letter is not None:
            values["handrail_dead_letters", (letter.reason, door)] += 1
            log.info(
                "refused",
                event_id=letter.event,
                user=letter.user,
                reason=letter.reason,
                door=letter.source or door,
                detail=letter.detail,
            )


class Patient:
    """Takes in the event loop while nobody holds the file for long; `take` waits for it, in a thread, up to `seconds`.

    The two are never in work at a time.
    """

    def __init__(self, engine: CountedEngine, store: SqliteStore, seconds: float) -> None:
        self._engine, self._store, self._seconds = engine, store, seconds
        store.wait_for(BRIEF_SECONDS)

    def take(self, items: Sequence[Item]) -> list[Answer]:
        """As `CountedEngine.take`."""
        self._store.wait_for(self._seconds)
        try:
            return self._engine.take(items)
        finally:
            self._store.wait_for(BRIEF_SECONDS)
