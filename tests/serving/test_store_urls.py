"""Stores are opened by their url, and a wrong one is told without its password."""

from __future__ import annotations

import pytest

from serving.stores.memory_store import MemoryStore
from serving.stores.opening import open_store, without_password
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import StoreDown, StoreError


def test_memory_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_store("memory:"), MemoryStore)
    for url, name, full in [
        ("sqlite:state.sqlite", "state.sqlite", False),
        (f"sqlite:///{tmp_path}/three", "three", False),
        (f"sqlite:{tmp_path}/full?synchronous=full", "full", True),
        ("bare.sqlite", "bare.sqlite", False),
        (f"{tmp_path}/path", "path", False),
    ]:
        store = open_store(url)
        assert isinstance(store, SqliteStore)
        assert (tmp_path / name).exists()
        assert store._db.execute("PRAGMA synchronous").fetchone() == (2 if full else 1,)
        store.close()


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite:", "sqlite:x?synchronous=off", "sqlite:x?sync=full"])
def test_wrong_urls_are_refused(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"Mend: (use memory:|sqlite:PATH)"):
        open_store(url)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url", ["redis://ann:secret@127.0.0.1:1/0", "postgresql://ann:secret@127.0.0.1:1/db?connect_timeout=1"]
)
def test_a_server_that_is_not_there_is_told_without_the_password(url):
    with pytest.raises(StoreDown, match=r"ann@127.0.0.1:1.* Mend: start the server") as told:
        open_store(url, 1.0)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://host:6379/0"),
        ("postgresql://ann:se%40cret@host/db?password=secret", "postgresql://ann@host/db"),
        ("memory:", "memory:"),
    ],
)
def test_passwords_are_left_out(url, shown):
    assert without_password(url) == shown
