"""A store with patience and without obstinacy: brief trouble is tried again, lasting trouble is told at once.

Time-outs are those of the store's own client. Everything here may be repeated: reads and claims by their nature, a
commit because a repetition of one that was written after all is refused as stale, and then the log tells whose it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from serving.guard.breaker import Breaker
from serving.guard.retry import Retry
from serving.stores.store import (
    Commit,
    Fence,
    Known,
    Letter,
    Logged,
    LogLine,
    StaleState,
    Store,
    Stored,
    StoreDown,
)

T = TypeVar("T")


class StoreResting(StoreDown):
    """The store failed too often: it is not asked again for `seconds` (for a Retry-After)."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the store failed several times; the next try is in {seconds:.1f} s. Mend: check the store")
        self.seconds = seconds


class GuardedStore:
    """`store` behind a breaker and retries. Raises `StoreResting` while the breaker is open."""

    def __init__(self, store: Store, breaker: Breaker | None = None, retry: Retry | None = None) -> None:
        self._store, self.breaker, self._retry = store, breaker or Breaker(), retry or Retry(StoreDown)

    def _once(self, call: Callable[[], T]) -> T:
        seconds = self.breaker.wait()
        if seconds > 0:
            raise StoreResting(seconds)
        try:
            result = call()
        except StoreDown:
            self.breaker.failed()
            raise
        except BaseException:
            self.breaker.succeeded()  # it answered, be it with a refusal
            raise
        self.breaker.succeeded()
        return result

    def _guarded(self, call: Callable[[], T]) -> T:
        return self._retry(lambda: self._once(call))

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        names = list(users)
        return self._guarded(lambda: self._store.load(journey, names))

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log."""
        pairs = list(ids)
        return self._guarded(lambda: self._store.answers(journey, pairs))

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""
        return self._guarded(lambda: self._store.log(journey, user))

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing; where an answer was lost, find out whether it was written."""
        unknown = False

        def attempt() -> None:
            nonlocal unknown
            try:
                self._once(lambda: self._store.commit(commit))
            except StoreDown as error:
                unknown |= not isinstance(error, StoreResting)
                raise

        try:
            self._retry(attempt)
        except StaleState:
            if not (unknown and self._written(commit)):
                raise

    def _written(self, commit: Commit) -> bool:
        """Whether the log holds every entry of `commit`, to the byte: then an earlier try wrote it."""
        known = self.answers(commit.journey, [(entry.user, entry.id) for entry in commit.entries])
        ours = {(entry.user, entry.id): Known(entry.event, entry.decision) for entry in commit.entries}
        return bool(ours) and known == ours

    def acknowledges(self, server: str) -> bool:
        """Whether a commit can acknowledge messages of that broker."""
        return self._guarded(lambda: self._store.acknowledges(server))

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there."""
        return self._guarded(lambda: self._store.remember(name, value))

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""
        return self._guarded(lambda: self._store.recall(name))

    def keep(self, notes: Mapping[str, bytes], fences: Sequence[Fence] = ()) -> None:
        """Keep values under their names."""
        self._guarded(lambda: self._store.keep(notes, fences))

    def claim(self, lease: str, owner: str, seconds: float) -> Fence | None:
        """Own `lease` for `seconds`."""
        return self._guarded(lambda: self._store.claim(lease, owner, seconds))

    def release(self, fence: Fence) -> None:
        """Let go of a lease."""
        self._guarded(lambda: self._store.release(fence))

    def read_log(self, after: str, limit: int) -> list[Logged]:
        """Up to `limit` events behind the cursor `after`."""
        return self._guarded(lambda: self._store.read_log(after, limit))

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users behind `after`."""
        return self._guarded(lambda: self._store.users(journey, after, limit))

    def letters(self, after: str, limit: int) -> list[Letter]:
        """Up to `limit` dead letters behind number `after`."""
        return self._guarded(lambda: self._store.letters(after, limit))

    def drop_letters(self, numbers: Sequence[str]) -> None:
        """Forget dead letters."""
        self._guarded(lambda: self._store.drop_letters(numbers))

    def ping(self) -> None:
        """Raises `StoreDown` where the store does not answer. Asks in any case, and closes the breaker if it does."""
        try:
            self._store.ping()
        except StoreDown:
            self.breaker.failed()
            raise
        self.breaker.succeeded()

    def close(self) -> None:
        """Let go of files and connections."""
        self._store.close()
