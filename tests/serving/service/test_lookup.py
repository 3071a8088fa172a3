"""Questions to the store beside the engine: bounded in number, and not refused for a connection that went stale."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serving.guard.breaker import Breaker
from serving.guard.guarded_store import StoreResting
from serving.http.batcher import Busy
from serving.service.lookup import Asking, Lookup
from serving.stores.memory_store import MemoryStore
from serving.stores.opening import open_store
from serving.stores.store import Store, StoreDown
from tests.servers.postgres_server import postgres_server, url_at

SECONDS = 5.0


def asking(breaker: Breaker, open_one=MemoryStore, **bounds: int) -> Asking:
    return Asking(open_one, True, breaker, **{"threads": 1, "most": 8} | bounds)


def test_so_many_questions_may_wait_and_not_one_more():
    go = threading.Event()

    async def play() -> None:
        ask = asking(Breaker(), most=2)
        first, second = (asyncio.create_task(ask(lambda _: go.wait(SECONDS), SECONDS)) for _ in range(2))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await ask(Store.ping, SECONDS)
        go.set()
        assert await first
        assert await second
        await ask(Store.ping, SECONDS)
        ask.close()

    asyncio.run(play())


def test_who_waits_too_long_is_told_so():
    go = threading.Event()

    async def play() -> None:
        ask = asking(Breaker())
        stuck = asyncio.create_task(ask(lambda _: go.wait(SECONDS), SECONDS))
        await asyncio.sleep(0)
        with pytest.raises(StoreDown, match=r"no answer within 0\.1 s"):
            await ask(Store.ping, 0.1)
        go.set()
        assert await stuck
        ask.close()

    asyncio.run(play())


def test_a_store_that_rests_is_not_connected_to():
    breaker, tries = Breaker(failures=1, seconds=60.0), []

    def down() -> Store:
        tries.append(1)
        raise StoreDown("down")

    async def play() -> None:
        ask = asking(breaker, down)
        for expected in (StoreDown, StoreResting):
            with pytest.raises(expected):
                await ask(Store.ping, SECONDS)
        ask.close()

    asyncio.run(play())
    assert len(tries) == 1


@pytest.mark.xdist_group("postgres")
def test_the_first_question_after_a_restart_of_the_server_is_answered(tmp_path):
    """Every connection is stale then: nobody is told that the store is down, as it is not."""

    async def play(server, lookup: Lookup) -> None:
        assert await lookup.log("tiny", "ann") == []
        await lookup.ping()
        server.restart()
        assert await lookup.log("tiny", "ann") == []
        server.restart()
        await lookup.ping()

    with postgres_server(tmp_path) as server:
        url = url_at(server.port)
        lookup = Lookup(None, lambda: open_store(url, SECONDS), True, Breaker(), SECONDS)  # type: ignore[arg-type]
        asyncio.run(play(server, lookup))
        lookup.close()
