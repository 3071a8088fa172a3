"""Whose turn it is: one thread folds at a time, and no user is folded while a commit of theirs is on its way.

So commits of different users overlap with each other and with folding, and a state that was never written is never
built upon.
"""

from __future__ import annotations

import threading
from collections.abc import Collection


class Turns:
    """`take` the floor for some users, fold, `leave` it for the commit; `take_back`, note what came of it, `end`.

    Between `take` and `leave`, and between `take_back` and `end`, no other thread folds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._away: set[str] = set()
        self._waiting = 0
        self.take_back = self._lock.acquire

    def take(self, users: Collection[str]) -> None:
        """Wait until nobody folds and no commit of these users is on its way."""
        self._lock.acquire()
        if not self._away.isdisjoint(users):
            self._waiting += 1
            self._free.wait_for(lambda: self._away.isdisjoint(users))
            self._waiting -= 1

    def leave(self, users: Collection[str]) -> None:
        """Let others fold; these users are on their way."""
        self._away.update(users)
        self._lock.release()

    def end(self, users: Collection[str]) -> None:
        """Let others fold, these users among them."""
        self._away.difference_update(users)
        if self._waiting:
            self._free.notify_all()
        self._lock.release()
