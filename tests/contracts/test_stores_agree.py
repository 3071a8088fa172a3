"""Any sequence of uses leaves in every store what it leaves in memory, and every use ends in the same way."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.stores.memory_store import MemoryStore
from serving.stores.store import BEGINNING, Change, Commit, Delivery, Entry, Fence, Store, StoreError
from tests.contracts.stores import JOURNEYS, KINDS, NOTES, everything, new_store

LEASES = ("p", "q")
users, ids = st.sampled_from(["ann", "bob", "c:d"]), st.sampled_from(["1", "2", "3", "4"])
content = st.binary(max_size=3)
changes = st.dictionaries(users, st.tuples(st.integers(0, 3), content), max_size=3)
entries = st.lists(st.builds(Entry, users, ids, content, st.none() | content), max_size=4)
leases = st.lists(st.tuples(st.sampled_from(LEASES), st.booleans()), max_size=2, unique_by=lambda one: one[0])
notes = st.dictionaries(st.sampled_from(NOTES), content, max_size=2)
letters = st.lists(content, max_size=2)
commits = st.tuples(
    st.just("commit"),
    st.sampled_from(JOURNEYS),
    st.sampled_from(["h1", "h2"]),
    changes,
    entries,
    leases,
    notes,
    letters,
)
claims = st.tuples(st.just("claim"), st.sampled_from(LEASES), st.sampled_from(["me", "you"]))
uses = st.one_of(
    commits,
    commits,
    claims,
    st.tuples(st.just("release"), st.sampled_from(LEASES)),
    st.tuples(st.just("keep"), notes, leases),
    st.tuples(st.just("drop"), st.integers(0, 3)),
)


class Player:
    """Plays uses on a store. Epochs are the store's own: a use names a lease by its last fence, or by one before."""

    def __init__(self, store: Store) -> None:
        self.store, self.fences = store, dict[str, Fence]()

    def fences_of(self, asked):
        """The fence of each lease as it was last given (True), or one that never was."""
        none = Fence("nobody's", 1)
        return tuple(self.fences.get(name, none) if good else none for name, good in asked)

    def play(self, use):
        """What came of it: the name of the error, or what was answered."""
        try:
            return getattr(self, use[0])(*use[1:])
        except StoreError as error:
            return type(error).__name__

    def commit(self, journey, digest, changed, logged, asked, noted, lettered):
        replaced = [Change(user, version, state) for user, (version, state) in changed.items()]
        delivery = Delivery(self.fences_of(asked), noted, lettered)
        self.store.commit(Commit(journey, digest, replaced, logged, delivery))

    def claim(self, lease, owner):
        fence = self.store.claim(lease, owner, 60.0)
        self.fences[lease] = fence or self.fences[lease]
        return fence is not None

    def release(self, lease):
        if lease in self.fences:
            self.store.release(self.fences[lease])

    def keep(self, noted, asked):
        self.store.keep(noted, self.fences_of(asked))

    def drop(self, place):
        self.store.drop_letters([letter.number for letter in self.store.letters("", 9)[place : place + 1]])


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.xdist_group(f"store-{kind}")) for kind in KINDS if kind != "memory"]
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=st.lists(uses, max_size=12))
def test_every_store_is_like_memory(kind, story, tmp_path_factory):
    plain = Player(MemoryStore())
    with new_store(kind, tmp_path_factory.mktemp("store")) as store:
        real = Player(store)
        for use in story:
            assert real.play(use) == plain.play(use)
        assert everything(store) == everything(plain.store)
        log = store.read_log(BEGINNING, 100)
        for place in range(len(log)):
            assert store.read_log(log[place].cursor, 100) == log[place + 1 :]
