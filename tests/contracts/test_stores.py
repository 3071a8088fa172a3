"""One suite that every store passes: what is committed is there whole, once, and nothing else is."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from serving.stores.store import (
    BEGINNING,
    NOTHING,
    Ack,
    Change,
    Commit,
    Delivery,
    Entry,
    Fence,
    Fenced,
    Known,
    LogLine,
    StaleState,
    Stored,
    StoreError,
)
from tests.contracts.stores import KINDS, everything, new_store

SERVED = [pytest.param(kind, marks=pytest.mark.xdist_group(f"store-{kind}")) for kind in KINDS]


@pytest.fixture(params=SERVED)
def kind(request):
    return request.param


@pytest.fixture
def store(kind, tmp_path):
    with new_store(kind, tmp_path) as made:
        yield made


def commit_of(
    *changes: Change,
    entries: tuple[Entry, ...] = (),
    journey: str = "j",
    digest: str = "h1",
    delivery: Delivery = NOTHING,
) -> Commit:
    return Commit(journey, digest, list(changes), list(entries), delivery)


FIRST = commit_of(
    Change("ann", 0, b"A1"),
    Change("bob", 0, b"B1"),
    entries=(Entry("ann", "1", b"e1", b"d1"), Entry("bob", "1", b"e2", None), Entry("ann", "2", b"e3", None)),
)
SECOND = commit_of(Change("ann", 1, b"A2"), entries=(Entry("ann", "3", b"e4", b"d4"),), digest="h2")


def contents(store, journey="j"):
    """All that a store tells of two users."""
    ids = [(user, n) for user in ("ann", "bob") for n in ("1", "2", "3")]
    users = ("ann", "bob")
    return store.load(journey, users), store.answers(journey, ids), [store.log(journey, user) for user in users]


def test_a_new_store_knows_nobody(store):
    assert contents(store) == ({}, {}, [[], []])
    assert everything(store) == ({}, [], {}, [])
    store.ping()


def test_a_commit_is_there(store):
    store.commit(FIRST)
    states, answers, logs = contents(store)
    assert states == {"ann": Stored("h1", 1, b"A1"), "bob": Stored("h1", 1, b"B1")}
    assert answers == {
        ("ann", "1"): Known(b"e1", b"d1"), ("bob", "1"): Known(b"e2", None), ("ann", "2"): Known(b"e3", None)
    }  # fmt: skip
    assert logs == [[LogLine("h1", b"e1", b"d1"), LogLine("h1", b"e3", None)], [LogLine("h1", b"e2", None)]]


def test_states_are_replaced_and_the_log_grows(store):
    store.commit(FIRST)
    store.commit(SECOND)
    states, answers, logs = contents(store)
    assert states == {"ann": Stored("h2", 2, b"A2"), "bob": Stored("h1", 1, b"B1")}
    assert answers["ann", "3"] == Known(b"e4", b"d4")
    assert logs[0] == [LogLine("h1", b"e1", b"d1"), LogLine("h1", b"e3", None), LogLine("h2", b"e4", b"d4")]


NOTED = Delivery(notes={"position/p": b"9"}, letters=(b"poison",))
BOB, NEW = Change("bob", 1, b"B2"), Entry("bob", "3", b"e", None)


@pytest.mark.parametrize(
    "stale",
    [
        commit_of(BOB, Change("ann", 0, b"A2"), entries=(NEW,), delivery=NOTED),
        commit_of(BOB, Change("ann", 2, b"A2"), entries=(NEW,), delivery=NOTED),
        commit_of(BOB, Change("cid", 1, b"C2"), entries=(NEW,), delivery=NOTED),
        commit_of(BOB, entries=(NEW, Entry("bob", "1", b"e", None)), delivery=NOTED),
        commit_of(BOB, entries=(NEW, NEW), delivery=NOTED),
    ],
    ids=["somebody was first", "a version ahead", "somebody is missing", "a known event", "an event twice"],
)
def test_a_stale_commit_changes_nothing(store, stale):
    store.commit(FIRST)
    before = everything(store)
    with pytest.raises(StaleState, match="Mend"):
        store.commit(stale)
    assert everything(store) == before


@pytest.mark.parametrize(
    "wrong",
    [
        commit_of(BOB, entries=(NEW, Entry("ann", "3", b"e", None)), delivery=NOTED),
        commit_of(BOB, BOB, entries=(NEW,), delivery=NOTED),
    ],
    ids=["an event without a new state", "a user changed twice"],
)
def test_a_commit_that_makes_no_sense_changes_nothing(store, wrong):
    store.commit(FIRST)
    before = everything(store)
    with pytest.raises(StoreError, match="Mend"):
        store.commit(wrong)
    assert everything(store) == before


def test_a_commit_after_a_stale_one_goes_through(store):
    store.commit(FIRST)
    with pytest.raises(StaleState):
        store.commit(FIRST)
    store.commit(SECOND)
    assert store.load("j", ["ann"])["ann"].version == 2


def test_a_message_is_not_acknowledged_where_no_broker_is(store):
    assert not store.acknowledges("a server that nobody knows")
    with pytest.raises(StoreError, match="Mend"):
        store.commit(FIRST._replace(delivery=Delivery(ack=Ack("another server", "s", "g", ("1-1",)))))
    assert everything(store) == ({}, [], {}, [])


def test_users_and_ids_belong_to_their_journey(store):
    store.commit(FIRST)
    store.commit(commit_of(Change("ann", 0, b"X"), entries=(Entry("ann", "1", b"x", b"dx"),), journey="other"))
    assert store.load("j", ["ann"])["ann"].state == b"A1"
    assert contents(store, "other")[:2] == ({"ann": Stored("h1", 1, b"X")}, {("ann", "1"): Known(b"x", b"dx")})


def test_an_id_may_come_from_two_users(store):
    store.commit(FIRST)
    answers = store.answers("j", [("ann", "1"), ("bob", "1"), ("bob", "2")])
    assert answers == {("ann", "1"): Known(b"e1", b"d1"), ("bob", "1"): Known(b"e2", None)}


NAMES = ["a", "a:b", "Z", "ä", "naïve 用户", "\N{PILE OF POO}", "\x00", "a\x00b", "{a}", "%s", "v", "h" * 128]


def test_any_name_is_a_name(store):
    events = [Entry(name, id_, f"{name}/{id_}".encode(), None) for name in NAMES for id_ in NAMES]
    store.commit(commit_of(*(Change(name, 0, name.encode()) for name in NAMES), entries=tuple(events)))
    assert {user: stored.state.decode() for user, stored in store.load("j", NAMES).items()} == {n: n for n in NAMES}
    known = store.answers("j", [(entry.user, entry.id) for entry in events])
    assert {pair: found.event for pair, found in known.items()} == {(e.user, e.id): e.event for e in events}
    assert [(entry.user, entry.id) for entry in store.read_log(BEGINNING, 1_000)] == [(e.user, e.id) for e in events]


def test_bytes_come_back_as_they_were(store):
    every, empty = bytes(range(256)) * 300, b""
    delivery = Delivery(notes={"every": every, "empty": empty}, letters=(every, empty))
    entries = (Entry("ann", "1", every, empty), Entry("ann", "2", empty, every))
    store.commit(commit_of(Change("ann", 0, every), Change("bob", 0, empty), entries=entries, delivery=delivery))
    assert [stored.state for stored in store.load("j", ["ann", "bob"]).values()] == [every, empty]
    assert [line[1:] for line in store.log("j", "ann")] == [(every, empty), (empty, every)]
    assert (store.recall("every"), store.recall("empty")) == (every, empty)
    assert [letter.letter for letter in store.letters("", 9)] == [every, empty]


def test_users_are_paged_in_the_order_of_their_bytes(store):
    store.commit(commit_of(*(Change(name, 0, b"s") for name in NAMES)))
    store.commit(commit_of(Change("elsewhere", 0, b"s"), journey="other"))
    pages, after = [], ""
    while page := store.users("j", after, 5):
        pages.append(page)
        after = page[-1]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [name for page in pages for name in page] == sorted(NAMES, key=str.encode)


def test_the_log_is_read_on_from_any_cursor(store):
    store.commit(FIRST)
    store.commit(commit_of(Change("ann", 0, b"X"), entries=(Entry("ann", "1", b"x", None),), journey="other"))
    store.commit(SECOND)
    whole = store.read_log(BEGINNING, 10)
    assert [(e.journey, e.journey_hash, e.user, e.id, e.event, e.decision) for e in whole] == [
        ("j", "h1", "ann", "1", b"e1", b"d1"),
        ("j", "h1", "bob", "1", b"e2", None),
        ("j", "h1", "ann", "2", b"e3", None),
        ("other", "h1", "ann", "1", b"x", None),
        ("j", "h2", "ann", "3", b"e4", b"d4"),
    ]
    for place, entry in enumerate(whole):
        assert store.read_log(entry.cursor, 10) == whole[place + 1 :]
        assert store.read_log(entry.cursor, 1) == whole[place + 1 : place + 2]
    assert store.read_log(BEGINNING, 2) == whole[:2]


def test_a_cursor_at_the_end_finds_what_comes_later(store):
    store.commit(FIRST)
    end = store.read_log(BEGINNING, 10)[-1].cursor
    assert store.read_log(end, 10) == []
    store.commit(SECOND)
    assert [entry.event for entry in store.read_log(end, 10)] == [b"e4"]


def test_a_commit_of_states_alone_leaves_the_log_as_it_is(store):
    store.commit(FIRST)
    whole = store.read_log(BEGINNING, 10)
    store.commit(commit_of(Change("ann", 1, b"mended")))
    assert store.read_log(BEGINNING, 10) == whole
    assert store.load("j", ["ann"]) == {"ann": Stored("h1", 2, b"mended")}


def test_notes_are_kept_as_they_were_first_written(store):
    assert store.recall("mode") is None
    assert store.remember("mode", b"live") == b"live"
    assert store.remember("mode", b"shadow") == b"live"
    assert store.recall("mode") == b"live"


def test_notes_are_replaced_by_keeping_and_by_committing(store):
    store.keep({"a": b"1", "b": b"1"})
    store.keep({"a": b"2"})
    store.commit(commit_of(delivery=Delivery(notes={"b": b"3", "c": b"3"})))
    assert [store.recall(name) for name in "abc"] == [b"2", b"3", b"3"]


def test_dead_letters_wait_in_order_until_they_are_dropped(store):
    store.commit(FIRST._replace(delivery=Delivery(letters=(b"one", b"two"))))
    store.commit(commit_of(delivery=Delivery(letters=(b"three",))))
    letters = store.letters("", 10)
    assert [letter.letter for letter in letters] == [b"one", b"two", b"three"]
    assert store.letters(letters[0].number, 1) == letters[1:2]
    store.drop_letters([letters[2].number, letters[0].number])
    store.drop_letters([letters[0].number])
    store.drop_letters([])
    assert store.letters("", 10) == letters[1:2]
    store.commit(commit_of(delivery=Delivery(letters=(b"four",))))
    assert store.letters("", 10)[1].number not in {letter.number for letter in letters}


def test_a_lease_has_one_owner_at_a_time(store):
    mine = store.claim("p/1", "me", 30.0)
    assert mine == Fence("p/1", mine.epoch)
    assert store.claim("p/1", "you", 30.0) is None
    assert store.claim("p/1", "me", 30.0) == mine
    assert store.claim("p/2", "you", 30.0) is not None
    store.release(mine)
    yours = store.claim("p/1", "you", 30.0)
    assert yours.epoch > mine.epoch
    store.release(mine)  # it is yours by now
    assert store.claim("p/1", "me", 30.0) is None


def test_a_lease_ends_with_its_time(store):
    first = store.claim("p", "me", 0.2)
    time.sleep(0.3)
    second = store.claim("p", "you", 0.2)
    assert second.epoch > first.epoch
    time.sleep(0.3)
    third = store.claim("p", "me", 30.0)
    assert third.epoch > second.epoch


def test_an_owner_who_renews_in_time_keeps_the_lease(store):
    mine = store.claim("p", "me", 0.5)
    for _ in range(4):
        time.sleep(0.2)
        assert store.claim("p", "me", 0.5) == mine
        assert store.claim("p", "you", 0.5) is None


def test_who_lost_a_lease_cannot_write(store):
    store.commit(FIRST)
    mine = store.claim("p", "me", 0.05)
    other = store.claim("q", "me", 30.0)
    store.commit(SECOND._replace(delivery=Delivery((mine, other))))
    time.sleep(0.1)
    yours = store.claim("p", "you", 30.0)
    before = everything(store)
    late = commit_of(BOB, entries=(NEW,), delivery=NOTED._replace(fences=(other, mine)))
    with pytest.raises(Fenced, match="Mend"):
        store.commit(late)
    with pytest.raises(Fenced, match="Mend"):
        store.keep({"cursor": b"1"}, [mine])
    assert everything(store) == before
    assert store.recall("cursor") is None
    store.keep({"cursor": b"2"}, [yours])
    store.commit(late._replace(delivery=NOTED._replace(fences=(other, yours))))
    assert store.recall("cursor") == b"2"


@pytest.mark.parametrize("fence", [None, Fence("nobody's", 1)], ids=["not yet", "no such lease"])
def test_a_fence_that_never_was_holds_nothing(store, fence):
    mine = store.claim("p", "me", 30.0)
    with pytest.raises(Fenced):
        store.commit(FIRST._replace(delivery=Delivery((fence or mine._replace(epoch=mine.epoch + 1),))))
    assert everything(store) == ({}, [], {}, [])


def test_who_let_go_of_a_lease_cannot_write(store):
    mine = store.claim("p", "me", 30.0)
    store.release(mine)
    with pytest.raises(Fenced):
        store.commit(FIRST._replace(delivery=Delivery((mine,))))
    again = store.claim("p", "me", 30.0)
    store.commit(FIRST._replace(delivery=Delivery((again,))))


THREADS, COMMITS_EACH, USERS = 4, 25, ("ann", "bob", "cid")


def hammer(store, worker, failures):
    """Change all users again and again, trying anew whenever somebody else was first."""
    try:
        for number in range(COMMITS_EACH):
            while True:
                stored = store.load("j", USERS)
                versions = {user: stored[user].version if user in stored else 0 for user in USERS}
                changes = [Change(user, versions[user], f"{worker}/{number}".encode()) for user in USERS]
                entries = [Entry(user, f"{worker}/{number}", b"e", None) for user in USERS]
                delivery = Delivery(letters=(f"{worker}/{number}".encode(),))
                try:
                    store.commit(Commit("j", "h", changes, entries, delivery))
                    break
                except StaleState:
                    continue
    except BaseException as error:
        failures.append(error)
        raise


def test_threads_that_change_the_same_users_lose_nothing(store):
    failures = []
    threads = [threading.Thread(target=hammer, args=(store, worker, failures)) for worker in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    states, log, _, letters = everything(store)
    made = Counter(f"{worker}/{number}" for worker in range(THREADS) for number in range(COMMITS_EACH))
    assert {user: stored.version for (_, user), stored in states.items()} == dict.fromkeys(USERS, len(made))
    assert Counter(letter.decode() for letter in letters) == made
    for user in USERS:
        mine = [entry.id for entry in log if entry.user == user]
        assert Counter(mine) == made
        assert states["j", user].state.decode() == mine[-1], "the state is not that of the last event"
