"""Processes at one store: none of many loses or doubles anything, and one that was stopped cannot write after its
successor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from serving.stores.opening import open_store
from tests.contracts.stores import everything, url_of

SHARED = ("sqlite", "redis", "postgres")
PROCESSES, COMMITS_EACH, USERS = 3, 30, ("ann", "bob", "cid")
PATIENCE = 60.0  # seconds

HAMMER = """
import sys
from serving.stores.opening import open_store
from serving.stores.store import Change, Commit, Delivery, Entry, StaleState
url, worker, commits, *users = sys.argv[1:]
store = open_store(url)
for number in range(int(commits)):
    name = f"{worker}/{number}"
    while True:
        stored = store.load("j", users)
        changes = [Change(user, stored[user].version if user in stored else 0, name.encode()) for user in users]
        entries = [Entry(user, name, b"e", None) for user in users]
        try:
            store.commit(Commit("j", "h", changes, entries, Delivery(letters=(name.encode(),))))
            break
        except StaleState:
            continue
store.close()
"""

OWNER = """
import os, signal, sys
from serving.stores.opening import open_store
from serving.stores.store import Change, Commit, Delivery, Entry, Fenced
url, owner = sys.argv[1:]
store = open_store(url)
fence = store.claim("partition", owner, 0.3)
try:
    for number in range(5):
        stored = store.load("j", ["ann"])
        version = stored["ann"].version if stored else 0
        change, entry = Change("ann", version, owner.encode()), Entry("ann", f"{owner}/{number}", b"e", None)
        if number == 3:
            os.kill(os.getpid(), signal.SIGSTOP)  # it has all to commit in hand
        store.commit(Commit("j", "h", [change], [entry], Delivery((fence,))))
except Fenced:
    print("fenced", flush=True)
"""


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.xdist_group(f"store-{kind}")) for kind in SHARED])
def url(request, tmp_path):
    with url_of(request.param, tmp_path) as made:
        yield made


@pytest.mark.slow
def test_processes_that_change_the_same_users_lose_nothing(url):
    open_store(url).close()
    command = [sys.executable, "-c", HAMMER, url]
    running = [subprocess.Popen([*command, str(w), str(COMMITS_EACH), *USERS]) for w in range(PROCESSES)]
    assert [process.wait(PATIENCE) for process in running] == [0] * PROCESSES
    store = open_store(url)
    states, log, _, letters = everything(store)
    store.close()
    made = Counter(f"{worker}/{number}" for worker in range(PROCESSES) for number in range(COMMITS_EACH))
    assert {user: stored.version for (_, user), stored in states.items()} == dict.fromkeys(USERS, len(made))
    assert Counter(letter.decode() for letter in letters) == made
    for user in USERS:
        mine = [entry.id for entry in log if entry.user == user]
        assert Counter(mine) == made
        assert states["j", user].state.decode() == mine[-1]


def test_an_owner_that_was_stopped_cannot_write_after_its_successor(url):
    store = open_store(url)
    with subprocess.Popen([sys.executable, "-c", OWNER, url, "first"], stdout=subprocess.PIPE, text=True) as first:
        try:
            os.waitid(os.P_PID, first.pid, os.WSTOPPED)
            until = time.monotonic() + PATIENCE
            while (mine := store.claim("partition", "second", 30.0)) is None:
                assert time.monotonic() < until
                time.sleep(0.05)
            before = everything(store)
            os.kill(first.pid, signal.SIGCONT)
            assert first.stdout.readline() == "fenced\n"
            assert first.wait(PATIENCE) == 0
        finally:
            first.kill()
    assert everything(store) == before
    assert store.claim("partition", "second", 30.0) == mine
    store.close()
