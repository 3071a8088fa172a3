"""The SQLite store beyond the contract: it outlives its process, and refuses files that are not its own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Change, Commit, Entry, Known, StaleState, StoreDown, StoreError

COMMIT = Commit("j", "h", [Change("ann", 0, b"A")], [Entry("ann", "1", b"e", b"d")])


def test_it_is_all_there_when_opened_again(tmp_path):
    store = SqliteStore(tmp_path / "s.sqlite")
    store.commit(COMMIT)
    store.remember("mode", b"live")
    store.close()
    again = SqliteStore(tmp_path / "s.sqlite")
    assert (again.load("j", ["ann"])["ann"].state, again.recall("mode")) == (b"A", b"live")
    assert again.answers("j", [("ann", "1")]) == {("ann", "1"): Known(b"e", b"d")}
    again.close()


def test_two_processes_cannot_both_be_first(tmp_path):
    one, two = (SqliteStore(tmp_path / "s.sqlite") for _ in range(2))
    one.commit(COMMIT)
    with pytest.raises(StaleState):
        two.commit(COMMIT)
    assert two.load("j", ["ann"])["ann"].version == 1
    one.close()
    two.close()


KILLED = """
import os, sys
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Change, Commit, Entry
store = SqliteStore(sys.argv[1])
store.commit(Commit("j", "h", [Change("ann", 0, b"A")], [Entry("ann", "1", b"e", b"d")]))
with store._transaction():
    store._db.execute("UPDATE states SET state = x'FF'")
    os.kill(os.getpid(), 9)
"""


def test_a_process_killed_inside_a_commit_leaves_the_one_before(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "s.sqlite")], check=False)
    assert killed.returncode == -9
    store = SqliteStore(tmp_path / "s.sqlite")
    assert store.load("j", ["ann"])["ann"].state == b"A"
    store.close()


def test_files_of_others_are_refused_and_left_alone(tmp_path):
    (tmp_path / "text").write_bytes(b"no database at all, but long enough to be read as the header of one." * 20)
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE birds (name)")
    other.close()
    for name in ("text", "other", "no/such/folder"):
        with pytest.raises(StoreError, match="Mend"):
            SqliteStore(tmp_path / name)
    other = sqlite3.connect(tmp_path / "other")
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("birds",)]
    other.close()


def every_use(store):
    return [
        lambda: store.load("j", ["ann"]),
        lambda: store.answers("j", [("ann", "1")]),
        lambda: store.log("j", "ann"),
        lambda: store.recall("mode"),
        lambda: store.remember("mode", b"live"),
        lambda: store.commit(COMMIT._replace(entries=[], changes=[Change("ann", 1, b"A2")])),
        lambda: store.read_log("", 1),
        lambda: store.users("j", "", 1),
        lambda: store.claim("lease", "me", 1.0),
        lambda: store.letters("", 1),
        store.ping,
    ]


@pytest.mark.parametrize("use", range(11))
def test_damaged_pages_are_told_with_the_mend(tmp_path, use):
    path = tmp_path / "s.sqlite"
    store = SqliteStore(path)
    store.commit(COMMIT)
    store.close()
    page = 4_096
    content = path.read_bytes()
    path.write_bytes(content[:page] + b"\x99" * (len(content) - page))
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=r"s.sqlite: .*malformed.* Mend: check the disk; if the file is damaged"):
        every_use(store)[use]()
    store.close()


def test_a_file_that_another_process_holds_is_told_as_such(tmp_path):
    one, two = (SqliteStore(tmp_path / "s.sqlite", wait=0.01) for _ in range(2))
    with one._transaction():
        for use in (lambda: two.commit(COMMIT), lambda: two.remember("mode", b"live")):
            with pytest.raises(StoreDown, match=r"another process holds it.* Mend: end that process or wait"):
                use()
        with pytest.raises(StoreDown, match="another process holds it"):
            SqliteStore(tmp_path / "s.sqlite", wait=0.01)
    one.close()
    two.close()


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path):
    store = SqliteStore(tmp_path / "s.sqlite")
    store.commit(COMMIT)
    store._db.execute("PRAGMA max_page_count=1")  # no further page: what SQLite says of a full disk
    large = Commit("j", "h", [Change("ann", 1, b"A" * 50_000)], [Entry("ann", "2", b"e" * 50_000, None)])
    with pytest.raises(StoreDown, match="Mend: make room on the disk"):
        store.commit(large)
    assert store.load("j", ["ann"])["ann"].state == b"A"
    store._db.execute("PRAGMA max_page_count=1000000")
    store.commit(large)
    assert [line.event[:1] for line in store.log("j", "ann")] == [b"e", b"e"]
    store.close()


FULL = """
import resource, sys
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Change, Commit, Entry, StoreDown
store = SqliteStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
version = 0
try:
    while True:
        entry = Entry("ann", str(version), b"e" * 10_000, None)
        store.commit(Commit("j", "h", [Change("ann", version, b"%d" % version)], [entry]))
        version += 1
except StoreDown as error:
    assert "Mend" in str(error), error
    print(version)
"""


def test_a_file_that_may_not_grow_keeps_every_commit_before(tmp_path):
    full = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "s.sqlite")], check=True, capture_output=True, text=True
    )
    commits = int(full.stdout)
    store = SqliteStore(tmp_path / "s.sqlite")
    assert commits > 0
    assert store.load("j", ["ann"])["ann"].version == commits == len(store.log("j", "ann"))
    store.close()


def test_a_file_that_may_not_be_written_is_told(tmp_path):
    store = SqliteStore(tmp_path / "s.sqlite")
    store.commit(COMMIT)
    store._db.execute("PRAGMA query_only=1")  # what SQLite says of a disk mounted for reading only
    with pytest.raises(StoreDown, match=r"Mend: let this user write the file"):
        store.remember("mode", b"live")
    assert store.recall("mode") is None
    store.close()


@pytest.mark.parametrize(("synchronous", "number"), [("NORMAL", 1), ("FULL", 2)])
def test_how_much_a_power_cut_may_take_is_a_setting(tmp_path, synchronous, number):
    store = SqliteStore(tmp_path / "s.sqlite", synchronous=synchronous)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (number,)
    store.close()


def test_a_lease_renewed_in_the_future_is_free(tmp_path, monkeypatch):
    store = SqliteStore(tmp_path / "s.sqlite")
    monkeypatch.setattr("time.time", lambda: 1e9 + 3600)  # a clock an hour ahead, before it is set right
    first = store.claim("p", "gone", 30.0)
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert store.claim("p", "next", 30.0).epoch > first.epoch
    store.close()


def test_files_of_the_version_before_are_refused(tmp_path):
    before = sqlite3.connect(tmp_path / "old")
    before.execute("CREATE TABLE states (journey TEXT)")
    before.execute("PRAGMA user_version=1")
    before.close()
    with pytest.raises(StoreError, match="not a state file of this version"):
        SqliteStore(tmp_path / "old")
