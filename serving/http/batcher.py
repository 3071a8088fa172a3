"""Adaptive micro-batches: while one batch is being processed, the next one gathers.

Batches grow with the load by themselves: all requests that the event loop reads in one turn are one batch, and with a
thread all that come while the batch before is being committed. Nobody waits for a batch to fill.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from serving.answer import Answer
from serving.formats.reading import Item
from serving.stores.store import StoreDown, StoreError

LARGEST_BATCH = 256  # events: throughput hardly grows beyond it, and every event waits for its batch
Take = Callable[[Sequence[Item]], list[Answer]]
Done = Callable[["list[Answer] | Exception"], None]


class Busy(Exception):
    """Too many events, or questions to the store, wait already."""


class Waiting(NamedTuple):
    """Events that came together, and who waits for their answers."""

    items: Sequence[Item]
    done: Done


class Batcher:
    """Hands events to `take` in batches, in the order in which they came.

    `take` runs in the event loop, or with `threaded` in one thread beside it, for stores that answer over a network.
    A batch for which it raises `StoreDown` is then given to `patient`, where there is one, in the thread.
    Up to `most_waiting` events wait, and no request may have more; who comes then gets `Busy`.
    """

    def __init__(self, take: Take, most_waiting: int, threaded: bool, patient: Take | None = None) -> None:
        self._take, self._most_waiting, self._threaded, self._patient = take, most_waiting, threaded, patient
        self._queue = deque[Waiting]()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "engine")
        self._running = False
        self.waiting = 0  # events, those being processed included
        self.batches = 0

    def submit(self, items: Sequence[Item]) -> asyncio.Future[list[Answer]]:
        """The answers to come. Raises `Busy`; what `take` raises comes with the answers."""
        answers: asyncio.Future[list[Answer]] = self._loop.create_future()
        self.call(items, lambda result: settle(answers, result))
        return answers

    def call(self, items: Sequence[Item], done: Done) -> None:
        """As `submit`; `done` is called in the event loop, with the answers or with what `take` raised."""
        if self.waiting + len(items) > self._most_waiting:
            raise Busy
        self._queue.append(Waiting(items, done))
        self.waiting += len(items)
        if not self._running:
            self._running = True
            self._loop.call_soon(self._next)

    @property
    def full(self) -> bool:
        """Whether not one event more may wait."""
        return self.waiting >= self._most_waiting

    async def drained(self) -> None:
        """Returns when nothing waits any more."""
        while self._running:
            await asyncio.sleep(0.01)
        self._thread.shutdown()

    def _next(self) -> None:
        if not self._queue:
            self._running = False
            return None
        batch, events = [self._queue.popleft()], 0
        events = len(batch[0].items)
        while self._queue and events + len(self._queue[0].items) <= LARGEST_BATCH:
            batch.append(self._queue.popleft())
            events += len(batch[-1].items)
        self.batches += 1
        if self._threaded:
            return self._hand_over(self._take, batch)
        results = answered(self._take, batch)
        if self._patient is not None and all(isinstance(result, StoreDown) for result in results):
            return self._hand_over(self._patient, batch)
        return self._done(batch, results)

    def _hand_over(self, take: Take, batch: list[Waiting]) -> None:
        work = self._loop.run_in_executor(self._thread, answered, take, batch)
        work.add_done_callback(lambda done: self._done(batch, done.result()))

    def _done(self, batch: list[Waiting], results: list[list[Answer] | Exception]) -> None:
        for (items, done), result in zip(batch, results, strict=True):
            self.waiting -= len(items)
            done(result)
        if self._queue:
            self._loop.call_soon(self._next)
        else:
            self._running = False


def settle(answers: asyncio.Future[list[Answer]], result: list[Answer] | Exception) -> None:
    """Hand a result to whoever waits, unless they have gone."""
    if answers.done():
        return
    if isinstance(result, Exception):
        answers.set_exception(result)
    else:
        answers.set_result(result)


def answered(take: Take, batch: list[Waiting]) -> list[list[Answer] | Exception]:
    """What became of each part of a batch. A fault that is not the store's is kept to the part that has it."""
    try:
        return whole(take, batch)
    except StoreError as error:
        return [error] * len(batch)
    except Exception as error:
        return [error] if len(batch) == 1 else [answered(take, [one])[0] for one in batch]


def whole(take: Take, batch: list[Waiting]) -> list[list[Answer] | Exception]:
    """The answers to all parts of a batch, taken together. Raises what `take` raises."""
    if len(batch) == 1:
        return [take(batch[0].items)]
    answers = take([item for items, _ in batch for item in items])
    parts: list[list[Answer] | Exception] = []
    start = 0
    for items, _ in batch:
        parts.append(answers[start : start + len(items)])
        start += len(items)
    return parts
