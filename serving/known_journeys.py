"""The versions of a journey that a store has seen: written when first served, read when a log is folded again."""

from __future__ import annotations

import msgspec

from journeys.spec import Journey
from serving.stores.store import RESTORE, Store, StoreError


class KnownJourneys:
    """Journeys by their hash, as `store` keeps them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._journeys: dict[str, Journey] = {}

    def add(self, journey: Journey) -> None:
        """Keep a journey that is about to be served."""
        digest = journey.hash()
        self._store.remember(f"journey/{digest}", msgspec.json.encode(journey, order="deterministic"))
        self._journeys[digest] = journey

    def journey(self, digest: str) -> Journey:
        """The journey of that hash. Raises `StoreError` where the store lacks it, or holds it damaged."""
        if digest not in self._journeys:
            document = self._store.recall(f"journey/{digest}")
            if document is None:
                raise StoreError(f"the store has events of journey {digest} but not it. {RESTORE}")
            try:
                self._journeys[digest] = msgspec.json.decode(document, type=Journey)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise StoreError(f"the store holds a damaged journey: {error}. {RESTORE}") from None
        return self._journeys[digest]

    def steps_of(self, digest: str) -> tuple[str, ...]:
        """Names of its steps, in order."""
        return self.journey(digest).step_names()
