"""Breaker, retries and the store behind them: time is a number here, and trouble comes when it is told to."""

from __future__ import annotations

from random import Random

import pytest

from serving.guard.breaker import Breaker
from serving.guard.guarded_store import GuardedStore, StoreResting
from serving.guard.retry import Backoff, Budget, Retry, waits
from serving.stores.memory_store import MemoryStore
from serving.stores.store import Change, Commit, Entry, StaleState, StoreDown

COMMIT = Commit("j", "h", [Change("ann", 0, b"A1")], [Entry("ann", "1", b"e1", b"d1")])


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Shaky:
    """A store whose next calls fail: `before` they are carried out, or `after`, so that only the answer is lost."""

    def __init__(self) -> None:
        self.store, self.before, self.after, self.calls = MemoryStore(), 0, 0, 0

    def __getattr__(self, name):
        def call(*args):
            self.calls += 1
            if self.before:
                self.before -= 1
                raise StoreDown("no connection")
            result = getattr(self.store, name)(*args)
            if self.after:
                self.after -= 1
                raise StoreDown("the answer was lost")
            return result

        return call


def guarded(shaky: Shaky, clock: Clock, failures: int = 10, tries: int = 3) -> GuardedStore:
    retry = Retry(StoreDown, tries, luck=Random(1), clock=clock, sleep=clock.sleep)
    return GuardedStore(shaky, Breaker(failures, 2.0, clock), retry)


def test_waits_grow_and_are_spread_over_the_whole_time():
    bounds = [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    many = [[next(wait) for _ in bounds] for wait in (waits(Backoff(0.05, 1.0), Random(seed)) for seed in range(400))]
    for drawn, bound in zip(zip(*many, strict=True), bounds, strict=True):
        assert 0.0 <= min(drawn) < 0.05 * bound
        assert 0.95 * bound < max(drawn) <= bound


def test_retries_end_with_the_tries_the_deadline_or_the_budget():
    def failing():
        calls.append(1)
        raise StoreDown("always")

    def calls_of(**settings) -> int:
        calls.clear()
        clock = Clock()
        with pytest.raises(StoreDown):
            Retry(StoreDown, clock=clock, sleep=clock.sleep, luck=Random(0), **settings)(failing)
        return len(calls)

    calls: list[int] = []
    assert calls_of(tries=4, deadline=100.0) == 4
    assert calls_of(tries=100, deadline=0.05, backoff=Backoff(0.02, 0.02)) < 12
    assert calls_of(tries=100, deadline=1e9, budget=Budget(share=0.0, most=6.0)) == 7


def test_what_is_not_worth_it_is_not_tried_again():
    shaky, clock = Shaky(), Clock()
    store = guarded(shaky, clock)
    store.commit(COMMIT)
    with pytest.raises(StaleState):
        store.commit(COMMIT)
    assert clock.slept == []


def test_a_breaker_opens_after_failures_in_a_row_and_closes_after_a_call_that_works():
    clock = Clock()
    breaker = Breaker(3, 2.0, clock)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(3):
        assert breaker.wait() == 0.0
        breaker.failed()
    assert breaker.state == "open"
    assert breaker.wait() == 2.0
    clock.now += 1.5
    assert breaker.wait() == 0.5
    clock.now += 0.5
    assert breaker.wait() == 0.0  # one may try
    assert breaker.state == "half-open"
    assert breaker.wait() == 2.0  # nobody else
    breaker.failed()
    assert breaker.state == "open"
    assert breaker.wait() == 2.0
    clock.now += 2.0
    assert breaker.wait() == 0.0
    breaker.succeeded()
    assert (breaker.state, breaker.wait()) == ("closed", 0.0)


def test_a_half_open_breaker_whose_try_was_never_heard_of_lets_another_try():
    clock = Clock()
    breaker = Breaker(1, 2.0, clock)
    breaker.failed()
    clock.now += 2.0
    assert breaker.wait() == 0.0
    clock.now += 2.0
    assert breaker.wait() == 0.0


def test_brief_trouble_of_a_store_is_not_noticed():
    shaky, clock = Shaky(), Clock()
    shaky.before = 2
    store = guarded(shaky, clock)
    assert store.load("j", ["ann"]) == {}
    assert len(clock.slept) == 2


def test_lasting_trouble_is_told_at_once_with_the_seconds_to_wait():
    shaky, clock = Shaky(), Clock()
    shaky.before = 1_000
    store = guarded(shaky, clock, failures=3, tries=1)
    for _ in range(3):
        with pytest.raises(StoreDown):
            store.load("j", ["ann"])
    calls = shaky.calls
    with pytest.raises(StoreResting, match="Mend") as resting:
        store.load("j", ["ann"])
    assert resting.value.seconds == 2.0
    assert shaky.calls == calls  # nobody asked
    shaky.before = 0
    clock.now += 2.0
    assert store.load("j", ["ann"]) == {}
    assert store.breaker.state == "closed"


def test_a_commit_whose_answer_was_lost_counts_once():
    shaky, clock = Shaky(), Clock()
    shaky.after = 1
    store = guarded(shaky, clock)
    store.commit(COMMIT)
    assert store.load("j", ["ann"])["ann"].version == 1
    assert len(store.log("j", "ann")) == 1


def test_a_lost_answer_does_not_hide_that_somebody_else_was_first():
    shaky, clock = Shaky(), Clock()
    other = COMMIT._replace(entries=[Entry("ann", "1", b"e1", b"another decision")])
    shaky.store.commit(other)
    shaky.before = 1
    with pytest.raises(StaleState):
        guarded(shaky, clock).commit(COMMIT)


def test_a_ping_asks_though_the_breaker_is_open_and_closes_it():
    shaky, clock = Shaky(), Clock()
    shaky.before = 4
    store = guarded(shaky, clock, failures=3, tries=1)
    for _ in range(4):
        with pytest.raises(StoreDown):
            store.ping()
    assert store.breaker.state == "open"
    store.ping()
    assert store.breaker.state == "closed"
