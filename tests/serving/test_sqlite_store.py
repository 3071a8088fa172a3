"""The SQLite store beyond the contract: it outlives its process, and refuses files that are not its own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from serving import sqlite_store
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Change, Commit, Entry, Known, StaleState, StoreError

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
    ]


@pytest.mark.parametrize("use", range(6))
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


def test_a_file_that_another_process_holds_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "WAIT_SECONDS", 0.01)
    one, two = (SqliteStore(tmp_path / "s.sqlite") for _ in range(2))
    with one._transaction():
        for use in (lambda: two.commit(COMMIT), lambda: two.remember("mode", b"live")):
            with pytest.raises(StoreError, match=r"another process holds it.* Mend: end that process or wait"):
                use()
        with pytest.raises(StoreError, match="another process holds it"):
            SqliteStore(tmp_path / "s.sqlite")
    one.close()
    two.close()
