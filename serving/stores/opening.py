"""A store from its url: `memory:`, `sqlite:PATH` or a bare path, `redis://…` (also `rediss://`, `unix://`)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore, Synchronous
from serving.stores.store import Store, StoreError

TIMEOUT_SECONDS = 5.0  # for a server to answer
SYNCHRONOUS: dict[str, Synchronous] = {"normal": "NORMAL", "full": "FULL"}
KNOWN = "memory:, sqlite:PATH, redis://HOST:PORT/DB or postgresql://USER@HOST/DATABASE"


def open_store(url: str, timeout: float = TIMEOUT_SECONDS) -> Store:
    """The store at `url`, which names its errors without the password. `timeout` (s) holds for each answer of a server.

    Raises `StoreDown` where a server does not answer, and `StoreError` where the url or what it leads to is wrong.
    """
    scheme = url.split(":", 1)[0].lower() if ":" in url else "sqlite"
    if scheme == "memory":
        return MemoryStore()
    if scheme in {"redis", "rediss", "unix"}:
        from serving.stores.redis_store import RedisStore  # noqa: PLC0415 (only who uses it has it)

        return RedisStore(url, timeout, without_password(url))
    if scheme in {"postgresql", "postgres"}:
        from serving.stores.postgres_store import PostgresStore  # noqa: PLC0415 (only who uses it has it)

        return PostgresStore(url, timeout, without_password(url))
    if scheme == "sqlite" or "/" in url.split(":", 1)[0]:
        return sqlite_store(url)
    raise StoreError(f"{url}: no store is called {scheme!r}. Mend: use {KNOWN}")


def sqlite_store(url: str) -> SqliteStore:
    """`sqlite:PATH?synchronous=full`, or a bare path."""
    if not url.startswith("sqlite:"):
        return SqliteStore(Path(url))
    path, _, query = url.removeprefix("sqlite:").removeprefix("//").partition("?")
    settings = {name: values[-1].lower() for name, values in parse_qs(query, keep_blank_values=True).items()}
    synchronous = SYNCHRONOUS.get(settings.pop("synchronous", "normal"))
    if settings or synchronous is None or not path:
        raise StoreError(f"{url}: not understood. Mend: sqlite:PATH, with ?synchronous=full where nothing may be lost")
    return SqliteStore(Path(path), synchronous=synchronous)


def without_password(url: str) -> str:
    """A url as it may stand in a message or a log."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split(":", 1)[0] + ":…"
    place = parts.netloc.rpartition("@")[2]
    user = parts.username
    return parts._replace(netloc=f"{user}@{place}" if user else place, query="").geturl()
