"""Whose turn it is: one thread folds at a time, and no user is folded while a commit of theirs is on its way.

So commits of different users overlap with each other and with folding, and a state that was never written is never
built upon.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class Turns:
    """`folding` gives one thread the floor and marks its users as on their way, until `over` is called for them."""

    def __init__(self) -> None:
        self._free = threading.Condition(threading.Lock())
        self._away: set[str] = set()
        self._waiting = 0

    @contextmanager
    def folding(self, users: Collection[str]) -> Iterator[None]:
        """Fold these users. Where that fails, they are not on their way."""
        with self._free:
            if not self._away.isdisjoint(users):
                self._waiting += 1
                self._free.wait_for(lambda: self._away.isdisjoint(users))
                self._waiting -= 1
            yield
            self._away.update(users)

    @contextmanager
    def over(self, users: Collection[str]) -> Iterator[None]:
        """Note what became of the commit, with nobody folding; then these users may be folded again."""
        with self._free:
            yield
            self._away.difference_update(users)
            if self._waiting:
                self._free.notify_all()
