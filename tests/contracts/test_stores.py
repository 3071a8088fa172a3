"""One suite that every store passes: what is committed is there whole, once, and nothing else is."""

from __future__ import annotations

import pytest

from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Change, Commit, Entry, Known, LogLine, StaleState, Stored


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "state.sqlite")
    yield made
    made.close()


def commit_of(*changes: Change, entries: tuple[Entry, ...] = (), journey: str = "j", digest: str = "h1") -> Commit:
    return Commit(journey, digest, list(changes), list(entries))


FIRST = commit_of(
    Change("ann", 0, b"A1"),
    Change("bob", 0, b"B1"),
    entries=(Entry("ann", "1", b"e1", b"d1"), Entry("bob", "1", b"e2", None), Entry("ann", "2", b"e3", None)),
)


def contents(store, journey="j"):
    """All that a store tells of two users."""
    ids = [(user, n) for user in ("ann", "bob") for n in ("1", "2", "3")]
    users = ("ann", "bob")
    return store.load(journey, users), store.answers(journey, ids), [store.log(journey, user) for user in users]


def test_a_new_store_knows_nobody(store):
    assert contents(store) == ({}, {}, [[], []])


def test_a_commit_is_there(store):
    store.commit(FIRST)
    states, answers, logs = contents(store)
    assert states == {"ann": Stored("h1", 1, b"A1"), "bob": Stored("h1", 1, b"B1")}
    assert answers == {
        ("ann", "1"): Known(b"e1", b"d1"), ("bob", "1"): Known(b"e2", None), ("ann", "2"): Known(b"e3", None)
    }  # fmt: skip
    assert logs == [[LogLine("h1", b"e1"), LogLine("h1", b"e3")], [LogLine("h1", b"e2")]]


def test_states_are_replaced_and_the_log_grows(store):
    store.commit(FIRST)
    store.commit(commit_of(Change("ann", 1, b"A2"), entries=(Entry("ann", "3", b"e4", b"d4"),), digest="h2"))
    states, answers, logs = contents(store)
    assert states == {"ann": Stored("h2", 2, b"A2"), "bob": Stored("h1", 1, b"B1")}
    assert answers["ann", "3"] == Known(b"e4", b"d4")
    assert logs[0] == [LogLine("h1", b"e1"), LogLine("h1", b"e3"), LogLine("h2", b"e4")]


@pytest.mark.parametrize(
    "stale",
    [
        commit_of(Change("bob", 1, b"B2"), Change("ann", 0, b"A2"), entries=(Entry("bob", "3", b"e", None),)),
        commit_of(Change("bob", 1, b"B2"), Change("ann", 2, b"A2"), entries=(Entry("bob", "3", b"e", None),)),
        commit_of(Change("bob", 1, b"B2"), entries=(Entry("bob", "3", b"e", None), Entry("bob", "1", b"e", None))),
        commit_of(Change("bob", 1, b"B2"), entries=(Entry("bob", "3", b"e", None), Entry("bob", "3", b"e", None))),
    ],
    ids=["somebody was first", "somebody is missing", "a known event", "an event twice"],
)
def test_a_stale_commit_changes_nothing(store, stale):
    store.commit(FIRST)
    before = contents(store)
    with pytest.raises(StaleState, match="Mend"):
        store.commit(stale)
    assert contents(store) == before


def test_users_and_ids_belong_to_their_journey(store):
    store.commit(FIRST)
    store.commit(commit_of(Change("ann", 0, b"X"), entries=(Entry("ann", "1", b"x", b"dx"),), journey="other"))
    assert store.load("j", ["ann"])["ann"].state == b"A1"
    assert contents(store, "other")[:2] == ({"ann": Stored("h1", 1, b"X")}, {("ann", "1"): Known(b"x", b"dx")})


def test_an_id_may_come_from_two_users(store):
    store.commit(FIRST)
    answers = store.answers("j", [("ann", "1"), ("bob", "1"), ("bob", "2")])
    assert answers == {("ann", "1"): Known(b"e1", b"d1"), ("bob", "1"): Known(b"e2", None)}


def test_notes_are_kept_as_they_were_first_written(store):
    assert store.recall("mode") is None
    assert store.remember("mode", b"live") == b"live"
    assert store.remember("mode", b"shadow") == b"live"
    assert store.recall("mode") == b"live"
