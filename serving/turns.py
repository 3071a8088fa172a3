"""Whose turn it is: one thread folds at a time, and no user is folded while a commit of theirs is on its way.

So commits of different users overlap with each other and with folding, and a state that was never written is never
built upon. Who waits for a user is served before whoever comes later for the same user.
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
        self._waiting: list[frozenset[str]] = []  # in the order of coming
        self.take_back = self._lock.acquire

    def take(self, users: Collection[str]) -> None:
        """Wait until nobody folds, no commit of these users is on its way, and nobody waits for one of them longer."""
        self._lock.acquire()
        if self._waiting or not self._away.isdisjoint(users):
            mine = frozenset(users)
            self._waiting.append(mine)
            try:
                self._free.wait_for(lambda: self._is_turn_of(mine))
            finally:
                self._waiting = [others for others in self._waiting if others is not mine]
                self._free.notify_all()

    def _is_turn_of(self, mine: frozenset[str]) -> bool:
        for others in self._waiting:
            if others is mine:
                break
            if not others.isdisjoint(mine):
                return False
        return self._away.isdisjoint(mine)

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
