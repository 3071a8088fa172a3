"""A store from its url: `memory:`, `sqlite:PATH` or a bare path, `redis://…` (also `rediss://`, `unix://`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from serving.hosts import fault_of_hosts, missing_colon
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore, Synchronous
from serving.stores.store import Store, StoreError

TIMEOUT_SECONDS = 5.0  # for a server to answer
SYNCHRONOUS: dict[str, Synchronous] = {"normal": "NORMAL", "full": "FULL"}
KNOWN = "memory:, sqlite:PATH, redis://HOST:PORT/DB or postgresql://USER@HOST/DATABASE"
REDIS, POSTGRES = frozenset({"redis", "rediss", "unix"}), frozenset({"postgresql", "postgres"})
SCHEMES = REDIS | POSTGRES | {"memory", "sqlite"}


def open_store(url: str, timeout: float = TIMEOUT_SECONDS, must_exist: bool = False) -> Store:
    """The store at `url`, which names its errors without the password. `timeout` (s) holds for each answer of a server.

    The folder of a SQLite file is made where only that is missing. With `must_exist` a file that is not there is an
    error: for commands that read. Raises `StoreDown` where a server does not answer, and `StoreError` where the url or
    what it leads to is wrong.
    """
    scheme = check_url(url)
    if scheme == "memory":
        return MemoryStore()
    if scheme in REDIS:
        from serving.stores.redis_store import RedisStore  # noqa: PLC0415 (only who uses it has it)

        return RedisStore(url, timeout, without_password(url))
    if scheme in POSTGRES:
        from serving.stores.postgres_store import PostgresStore  # noqa: PLC0415 (only who uses it has it)

        return PostgresStore(url, timeout, without_password(url))
    path, synchronous = state_file(url)
    if must_exist:
        if not path.is_file():
            raise StoreError(f"{path}: there is no state file. Mend: give the path that the service's `store` names")
    else:
        make_folder(path)
    return SqliteStore(path, synchronous=synchronous)


def check_url(url: str) -> str:
    """The scheme of a url that can be a store's. Opens nothing. Raises `StoreError`."""
    scheme = url.split(":", 1)[0].lower() if ":" in url else "sqlite"
    if "/" in scheme:
        scheme = "sqlite"
    if scheme not in SCHEMES:
        raise StoreError(f"{without_password(url)}: no store is called {scheme!r}. Mend: use {KNOWN}")
    if slip := missing_colon(url, SCHEMES):
        raise StoreError(f"{without_password(url)}: {slip}")
    if scheme == "sqlite":
        state_file(url)
    elif scheme not in {"memory", "unix"} and (fault := fault_of_hosts(url)):
        raise StoreError(f"{without_password(url)}: {fault}")
    if scheme in {"redis", "rediss"} and not (urlsplit(url).path.strip("/") or "0").isdecimal():
        raise StoreError(f"{without_password(url)}: the database is no number. Mend: redis://HOST:PORT/0")
    return scheme


class StateFile(NamedTuple):
    """Where a SQLite store is, and how careful it is with power cuts."""

    path: Path
    synchronous: Synchronous


def state_file(url: str) -> StateFile:
    """What `sqlite:PATH?synchronous=full`, or a bare path, says. Raises `StoreError`."""
    if not url.startswith("sqlite:"):
        return StateFile(Path(url), "NORMAL")
    path, _, query = url.removeprefix("sqlite:").removeprefix("//").partition("?")
    settings = {name: values[-1].lower() for name, values in parse_qs(query, keep_blank_values=True).items()}
    synchronous = SYNCHRONOUS.get(settings.pop("synchronous", "normal"))
    if settings or synchronous is None or not path:
        raise StoreError(f"{url}: not understood. Mend: sqlite:PATH, with ?synchronous=full where nothing may be lost")
    return StateFile(Path(path), synchronous)


def make_folder(path: Path) -> None:
    """Make the folder of a state file. Only that one: more of a path that is missing is more likely a slip."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        why = f"cannot be made: {error.strerror}. Mend: correct the path, or make it"
        raise StoreError(f"{path.parent}: {why}") from None


def check_place(url: str) -> None:
    """Where `url` is of a file: this user can write it, or make it. Makes nothing. Raises `StoreError`."""
    if check_url(url) != "sqlite":
        return
    path = state_file(url).path
    if path.is_dir():
        raise StoreError(f"{path}: is a folder. Mend: give the path of a file")
    folder = path.parent if path.parent.exists() else path.parent.parent
    if not folder.is_dir():
        raise StoreError(f"{path}: {folder} is no folder. Mend: correct the path, or make it")
    for place in (folder, path):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            raise StoreError(f"{place}: user {os.getuid()} may not write it. Mend: let the service's user own it")


def without_password(url: str) -> str:
    """A url as it may stand in a message or a log."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split(":", 1)[0] + ":…"
    place = parts.netloc.rpartition("@")[2]
    user = parts.username
    return parts._replace(netloc=f"{user}@{place}" if user else place, query="").geturl()
