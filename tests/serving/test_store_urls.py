"""Stores are opened by their url, and a wrong one is told without its password."""

from __future__ import annotations

import pytest

from serving.stores.memory_store import MemoryStore
from serving.stores.opening import check_url, open_store, without_password
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import StoreDown, StoreError
from serving.upkeep import letters_command, logs_command, reconcile_command
from tests.serving.service.running import bundle_at


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
    ("url", "told"),
    [
        ("redis://localhost:notaport/0", "'localhost:notaport' is no HOST:PORT"),
        ("redis://localhost:99999/0", "is no HOST:PORT"),
        ("redis://localhost/first", "the database is no number"),
        ("redis:///0", "names no host"),
        ("postgresql://ann:secret@one:5432,two:x/db", "'two:x' is no HOST:PORT"),
        ("redis//localhost", "lacks its ':'"),
        ("postgresql://[::1/db", "Mend: "),
    ],
)
def test_urls_that_lead_nowhere_are_told_without_connecting(url, told):
    with pytest.raises(StoreError, match=r"Mend: ") as error:
        check_url(url)
    assert told in str(error.value)
    assert "secret" not in str(error.value)


def test_urls_of_several_hosts_and_of_sockets_are_sound():
    sound = ["postgresql://ann@one:5432,two/db", "redis://[::1]:6379", "rediss://h/1?ssl_cert_reqs=none", "unix:///s"]
    assert [check_url(url) for url in sound] == ["postgresql", "redis", "rediss", "unix"]


def test_the_folder_of_a_state_file_is_made_but_not_a_path_of_slips(tmp_path):
    open_store(f"sqlite:{tmp_path}/state/handrail.sqlite").close()
    assert (tmp_path / "state" / "handrail.sqlite").exists()
    with pytest.raises(StoreError, match=r"no/such: cannot be made: .* Mend: "):
        open_store(f"sqlite:{tmp_path}/no/such/handrail.sqlite")


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (logs_command.main, ["export", "--out", "out"]),
        (logs_command.main, ["lines", "--out", "out"]),
        (letters_command.main, ["list"]),
        (letters_command.main, ["drop", "--all"]),
        (reconcile_command.main, ["--bundle", "guide", "--all"]),
    ],
    ids=lambda what: what[0] if isinstance(what, list) else "",
)
def test_commands_that_read_make_no_store(main, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    bundle_at(tmp_path / "guide")
    assert main([*arguments, "--store", "sqlite:mistyped.sqlite"]) == 2
    assert "mistyped.sqlite: there is no state file. Mend: " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["guide"]


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
