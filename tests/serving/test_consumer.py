"""A worker's part of a stream: shares of partitions, batches, trouble of every kind, and an end that loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import msgspec
import pytest

from journeys.events import Event, encoder
from serving.answer import Answer, DeadLetter
from serving.consumer import Consumer
from serving.engine import Engine, Serving
from serving.formats.reading import read_message
from serving.guard.breaker import Breaker
from serving.guard.guarded_store import GuardedStore
from serving.partition_reader import Pace
from serving.shares import Presence
from serving.stores.memory_store import MemoryStore
from serving.stores.store import Delivery, StoreDown
from serving.streams.opening import open_publisher, open_stream
from serving.streams.settings import StreamSettings
from serving.streams.stream import Outgoing
from tests.serving.bundles import make_bundle

PARTITIONS, LEASE, WAIT = 6, 0.4, 10.0
START = 1_700_000_000_000


def decode(body, headers, source):
    return read_message(body, headers, None, source)


class Watching:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.lags: dict[str, int] = {}
        self.troubles: list[Exception] = []
        self.sizes: list[int] = []

    def batch(self, partition: str, answers: Sequence[Answer], seconds: float, waited: Sequence[float]) -> None:
        assert seconds >= 0
        self.sizes.append(len(answers))
        self.answers += answers

    def lag(self, partition: str, messages: int) -> None:
        self.lags[partition] = messages

    def trouble(self, partition: str, error: Exception) -> None:
        self.troubles.append(error)


@pytest.fixture(scope="module")
def bundle():
    return make_bundle("saas")


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "events"
    folder.mkdir()
    for number in range(PARTITIONS):
        (folder / f"{number}.jsonl").touch()
    return StreamSettings(f"file:{folder}", "events", PARTITIONS)


def events(n: int, users: int = 30, first: int = 0) -> list[Event]:
    return [
        Event(id=f"e{i}", user=f"u{i % users}", journey="saas", time=START + i, kind="enter")
        for i in range(first, first + n)
    ]


def send(settings: StreamSettings, some: Sequence[Event]) -> None:
    open_publisher(settings).send([Outgoing(event.user, event.id, encoder.encode(event)) for event in some])


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def consumer_of(settings, store, engine, watch=None, **more) -> Consumer:
    made = Consumer(open_stream(settings), store, engine, decode, watch, Pace(50, 0.05), LEASE, **more)
    made.start()
    return made


def engine_of(store, bundle) -> Engine:
    return Engine(store, [bundle], Serving(tolerance_ms=None))


def logged(store) -> int:
    return len(store.read_log("", 100_000))


def test_all_partitions_are_read_in_batches_and_the_lag_is_told(settings, bundle):
    store, watch = MemoryStore(), Watching()
    send(settings, events(600))
    consumer = consumer_of(settings, store, engine_of(store, bundle), watch)
    until(lambda: logged(store) == 600)
    until(lambda: len(watch.lags) == PARTITIONS)
    consumer.drain()
    assert len(consumer.owned) == 0
    assert max(watch.sizes) == 50
    assert {answer.outcome for answer in watch.answers} == {"applied"}
    assert watch.troubles == []


def test_workers_share_the_partitions_fairly_and_take_over_at_once_from_one_that_drains(settings, bundle):
    store = MemoryStore()
    workers = [consumer_of(settings, store, engine_of(store, bundle)) for _ in range(2)]
    until(lambda: [len(worker.owned) for worker in workers] == [3, 3])
    workers.append(consumer_of(settings, store, engine_of(store, bundle)))
    until(lambda: [len(worker.owned) for worker in workers] == [2, 2, 2])
    owned = [name for worker in workers for name in worker.owned]
    assert len(set(owned)) == PARTITIONS
    send(settings, events(300))
    workers[0].drain()
    until(lambda: [len(worker.owned) for worker in workers] == [0, 3, 3])
    until(lambda: logged(store) == 300)
    for worker in workers[1:]:
        worker.drain()
    assert len({(entry.user, entry.id) for entry in store.read_log("", 1_000)}) == 300


class Slow:
    """An engine that takes its time."""

    def __init__(self, engine) -> None:
        self._engine, self.begun, self.done = engine, threading.Event(), 0

    def take(self, incoming, delivery, *, received=None):
        self.begun.set()
        time.sleep(0.3)
        answers = self._engine.take(incoming, delivery, received=received)
        self.done += 1
        return answers


def test_who_drains_waits_for_the_batch_in_hand(settings, bundle):
    store = MemoryStore()
    slow, watch = Slow(engine_of(store, bundle)), Watching()
    send(settings, events(1))
    consumer = consumer_of(settings, store, slow, watch)
    assert slow.begun.wait(WAIT)
    consumer.drain()
    assert slow.done == 1
    assert logged(store) == 1
    assert watch.troubles == []


def test_more_workers_than_partitions_leaves_some_without(settings):
    store = MemoryStore()
    presences = [Presence(store, "events", f"worker{i}", 60.0) for i in range(4)]
    assert [presence.share(2) for presence in presences] == [2, 1, 0, 0]
    presences[0].leave()
    assert presences[2].share(2) == 1


def test_what_does_not_divide_goes_to_the_first(settings):
    store = MemoryStore()
    presences = [Presence(store, "events", f"worker{i}", 60.0) for i in range(3)]
    for _ in range(2):
        shares = [presence.share(8) for presence in presences]
    assert shares == [3, 3, 2]


def test_a_look_at_who_is_there_displaces_nobody(settings):
    store = MemoryStore()
    first, second = (Presence(store, "events", name, 60.0) for name in ("one", "two"))
    for _ in range(3):
        shares = first.share(4), second.share(4)
    assert shares == (2, 2)


class Failing:
    """An engine that fails on events of one user, in a way that nobody thought of."""

    def __init__(self, engine: Engine, user: str) -> None:
        self.engine, self.user, self.tries = engine, user, 0

    def take(self, incoming: Sequence[Event | DeadLetter], delivery: Delivery, *, received: int | None) -> list[Answer]:
        if any(isinstance(one, Event) and one.user == self.user for one in incoming):
            self.tries += 1
            raise ZeroDivisionError("a mistake in the runtime")
        return self.engine.take(incoming, delivery)


def test_a_message_on_which_the_runtime_fails_is_found_and_the_others_go_on(settings, bundle):
    store, watch = MemoryStore(), Watching()
    sent = events(120)
    send(settings, sent)
    engine = Failing(engine_of(store, bundle), "u7")
    consumer = consumer_of(settings, store, engine, watch)
    bad = [event.id for event in sent if event.user == "u7"]
    until(lambda: logged(store) == 120 - len(bad) and len(store.letters("", 100)) == len(bad))
    consumer.drain()
    letters = [msgspec.json.decode(letter.letter) for letter in store.letters("", 100)]
    assert [msgspec.json.decode(letter["raw"])["id"] for letter in letters] == bad
    assert all("ZeroDivisionError" in letter["detail"] and letter["source"] for letter in letters)


class Shaky:
    """A store that is down while it is told to be."""

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.down, self.asked = store, False, 0

    def __getattr__(self, name):
        def call(*args, **named):
            self.asked += 1
            if self.down:
                raise StoreDown("no connection")
            return getattr(self.store, name)(*args, **named)

        return call


def test_nothing_is_read_while_the_store_is_down_and_all_of_it_when_it_is_back(settings, bundle):
    store, watch = MemoryStore(), Watching()
    shaky = Shaky(store)
    guarded = GuardedStore(shaky, Breaker(3, 0.3))
    consumer = consumer_of(settings, guarded, engine_of(guarded, bundle), watch)
    send(settings, events(100))
    until(lambda: logged(store) == 100)
    shaky.down = True
    until(lambda: guarded.breaker.state == "open")
    send(settings, events(100, first=100))
    asked = shaky.asked
    time.sleep(1.0)
    assert shaky.asked - asked < 40  # the breaker lets one try, now and then
    assert logged(store) == 100
    shaky.down = False
    until(lambda: logged(store) == 200)
    consumer.drain()
    assert watch.troubles
    assert not store.letters("", 10)


def test_draining_finishes_the_batch_in_hand(settings, bundle):
    store = MemoryStore()
    send(settings, events(3_000))
    consumer = consumer_of(settings, store, engine_of(store, bundle))
    until(lambda: logged(store) > 0)
    consumer.drain()
    done = logged(store)
    watch = Watching()
    again = consumer_of(settings, store, engine_of(store, bundle), watch, owner="another")
    until(lambda: logged(store) == 3_000)
    again.drain()
    assert {answer.outcome for answer in watch.answers} == {"applied"}  # nothing was read twice
    assert 0 < done < 3_000
    assert len({(entry.user, entry.id) for entry in store.read_log("", 10_000)}) == 3_000


def test_a_new_file_in_the_folder_is_read_as_well(settings, bundle):
    store = MemoryStore()
    consumer = consumer_of(settings, store, engine_of(store, bundle))
    until(lambda: len(consumer.owned) == PARTITIONS)
    more = settings.url.removeprefix("file:") + "/more.jsonl"
    open_publisher(StreamSettings(f"file:{more}", "more", 1)).send(
        [Outgoing(event.user, event.id, encoder.encode(event)) for event in events(10)]
    )
    until(lambda: logged(store) == 10)
    consumer.drain()
