"""What an export remembers of its store: a name that no other store has."""

from __future__ import annotations

from uuid import uuid4

from serving.stores.store import Store

IDENTITY = "export/store"  # the note that tells one store from another


class ExportError(ValueError):
    """An export that cannot be done: why, and how to mend it."""


def identity_of(store: Store) -> str:
    """The name of a store, given to it by its first export."""
    return store.remember(IDENTITY, uuid4().hex.encode()).decode()
