"""PLACEHOLDER of the doors branch until the stores branch brings its own; take theirs on merge."""

from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Store


def open_store(url: str, timeout: float = 5.0) -> Store:
    return MemoryStore() if url.startswith("memory:") else SqliteStore(url.removeprefix("sqlite:"))
