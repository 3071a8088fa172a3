"""A store in memory: for tests, replays and services whose log is kept elsewhere. It forgets when the process ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from serving.stores.checks import check_commit, fenced, known_event, moved_user, no_broker
from serving.stores.store import Commit, Delivery, Fence, Known, Letter, Logged, LogLine, Stored


class MemoryStore:
    """States, logs, notes, leases and dead letters in dictionaries. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._states: dict[tuple[str, str], Stored] = {}
        self._answers: dict[tuple[str, str, str], Known] = {}
        self._logs: dict[tuple[str, str], list[LogLine]] = {}
        self._logged: list[Logged] = []
        self._notes: dict[str, bytes] = {}
        self._epochs: dict[str, int] = {}
        self._owners: dict[str, tuple[str, float]] = {}  # lease -> who owns it, and until when
        self._letters: dict[int, bytes] = {}
        self._n_letters = 0

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        with self._lock:
            return {user: self._states[journey, user] for user in users if (journey, user) in self._states}

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""
        known = self._answers
        with self._lock:
            return {pair: known[journey, *pair] for pair in ids if (journey, *pair) in known}

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""
        with self._lock:
            return list(self._logs.get((journey, user), []))

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` or `Fenced`."""
        check_commit(commit)
        with self._lock:
            self._check(commit)
            for change in commit.changes:
                stored = Stored(commit.journey_hash, change.version + 1, change.state)
                self._states[commit.journey, change.user] = stored
            for user, id_, event, decision in commit.entries:
                self._answers[commit.journey, user, id_] = Known(event, decision)
                line = LogLine(commit.journey_hash, event, decision)
                self._logs.setdefault((commit.journey, user), []).append(line)
                cursor = str(len(self._logged) + 1)
                self._logged.append(Logged(cursor, commit.journey, commit.journey_hash, user, id_, event, decision))
            self._deliver(commit.delivery)

    def _check(self, commit: Commit) -> None:
        self._check_fences(commit.delivery.fences)
        if commit.delivery.ack is not None:
            raise no_broker("memory:")
        for change in commit.changes:
            stored = self._states.get((commit.journey, change.user))
            if (stored.version if stored else 0) != change.version:
                raise moved_user(change.user)
        if not self._answers.keys().isdisjoint((commit.journey, entry.user, entry.id) for entry in commit.entries):
            raise known_event()

    def _check_fences(self, fences: Sequence[Fence]) -> None:
        for fence in fences:
            if self._epochs.get(fence.name) != fence.epoch:
                raise fenced(fence.name)

    def _deliver(self, delivery: Delivery) -> None:
        self._notes.update(delivery.notes)
        for letter in delivery.letters:
            self._n_letters += 1
            self._letters[self._n_letters] = letter

    def acknowledges(self, server: str) -> bool:
        """Never: no broker lives in this memory."""
        return False

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""
        with self._lock:
            return self._notes.setdefault(name, value)

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""
        return self._notes.get(name)

    def keep(self, notes: Mapping[str, bytes], fences: Sequence[Fence] = ()) -> None:
        """Keep values under their names, in place of what was kept there. Raises `Fenced`."""
        with self._lock:
            self._check_fences(fences)
            self._notes.update(notes)

    def claim(self, lease: str, owner: str, seconds: float) -> Fence | None:
        """Own `lease` for `seconds` from now on; None while somebody else does."""
        now = time.monotonic()
        with self._lock:
            holder, until = self._owners.get(lease, ("", 0.0))
            if holder != owner:
                if now < until:
                    return None
                self._epochs[lease] = self._epochs.get(lease, 0) + 1
            self._owners[lease] = (owner, now + seconds)
            return Fence(lease, self._epochs[lease])

    def release(self, fence: Fence) -> None:
        """Let go of a lease, if it is still owned under this epoch; its fence holds no more."""
        with self._lock:
            if self._epochs.get(fence.name) == fence.epoch:
                self._epochs[fence.name] += 1
                self._owners.pop(fence.name, None)

    def read_log(self, after: str, limit: int) -> list[Logged]:
        """Up to `limit` events of all users behind the cursor `after`, in the order of commits."""
        start = int(after or 0)
        with self._lock:
            return self._logged[start : start + limit]

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users who have a state and come behind `after`, in the order of their names' bytes."""
        with self._lock:
            names = (user for of, user in self._states if of == journey)
            return sorted((name for name in names if name.encode() > after.encode()), key=str.encode)[:limit]

    def letters(self, after: str, limit: int) -> list[Letter]:
        """Up to `limit` dead letters behind number `after`, the oldest first."""
        start = int(after or 0)
        with self._lock:
            found = (Letter(str(number), letter) for number, letter in self._letters.items() if number > start)
            return list(islice(found, limit))

    def drop_letters(self, numbers: Sequence[str]) -> None:
        """Forget dead letters: they were mended."""
        with self._lock:
            for number in numbers:
                self._letters.pop(int(number), None)

    def ping(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing to let go of."""
