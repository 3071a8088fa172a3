"""How many partitions are a worker's fair share: as many as there are, by the number of workers that are alive.

Each worker holds one numbered lease per stream for as long as it lives; the occupied numbers are the workers. What does
not divide goes to the lowest numbers, one each.
"""

from __future__ import annotations

from serving.stores.store import Fence, Store

LOOKER, LOOK_SECONDS = "nobody", 0.05  # who looks at a lease holds it for a moment; lookers do not see each other


class Presence:
    """One worker's presence among those of one stream, told in the leases `worker/<stream>/<number>`."""

    def __init__(self, store: Store, stream: str, owner: str, seconds: float) -> None:
        self._store, self._stream, self._owner, self._seconds = store, stream, owner, seconds
        self.number: int | None = None
        self._fence: Fence | None = None

    def share(self, partitions: int) -> int:
        """Renew our own lease, count the others; returns how many of `partitions` are ours.

        More workers than partitions: those without a number have no share.
        """
        self._renew(partitions)
        if self.number is None:
            return 0
        taken = [number for number in range(partitions) if number == self.number or self._taken(number)]
        each, left = divmod(partitions, len(taken))
        return each + (taken.index(self.number) < left)

    def _taken(self, number: int) -> bool:
        fence = self._store.claim(self._lease(number), LOOKER, LOOK_SECONDS)
        if fence is not None:
            self._store.release(fence)
        return fence is None

    def _lease(self, number: int) -> str:
        return f"worker/{self._stream}/{number}"

    def _renew(self, partitions: int) -> None:
        wanted = [] if self.number is None else [self.number]
        for number in [*wanted, *range(partitions)]:
            self._fence = self._store.claim(self._lease(number), self._owner, self._seconds)
            if self._fence is not None:
                self.number = number
                return
        self.number = None

    def leave(self) -> None:
        """Be gone at once."""
        if self._fence is not None:
            self._store.release(self._fence)
        self.number, self._fence = None, None
