"""A store in memory: for tests, replays and services whose log is kept elsewhere. It forgets when the process ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from serving.stores.checks import check_commit, fenced, known_event, moved_user, no_broker
from serving.stores.store import NOTHING, Commit, Delivery, Fence, Known, Letter, Logged, LogLine, Stored

# What is kept are plain tuples: unlike named ones, the garbage collector leaves them alone once it has seen them.
State = tuple[str, int, bytes]  # as `Stored`
Line = tuple[str, str, str, str, bytes, bytes | None]  # as `Logged`, without its cursor


class Shelf:
    """All of one journey: states by user, places in the whole log by user and by (user, id)."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.places: dict[tuple[str, str], int] = {}
        self.logs: dict[str, list[int]] = {}

    def check(self, commit: Commit) -> None:
        """Raises `StaleState` where a version moved or an event is known."""
        for user, version, _ in commit.changes:
            stored = self.states.get(user)
            if (0 if stored is None else stored[1]) != version:
                raise moved_user(user)
        for entry in commit.entries:
            if entry[:2] in self.places:
                raise known_event()


class MemoryStore:
    """States, logs, notes, leases and dead letters in dictionaries. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shelves: dict[str, Shelf] = {}
        self._log: list[Line] = []
        self._notes: dict[str, bytes] = {}
        self._epochs: dict[str, int] = {}
        self._owners: dict[str, tuple[str, float]] = {}  # lease -> who owns it, and until when
        self._letters: dict[int, bytes] = {}
        self._n_letters = 0

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        with self._lock:
            states = self._shelf(journey).states
            return {user: Stored(*states[user]) for user in users if user in states}

    def _shelf(self, journey: str) -> Shelf:
        shelf = self._shelves.get(journey)
        if shelf is None:
            shelf = self._shelves[journey] = Shelf()
        return shelf

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""
        with self._lock:
            places = self._shelf(journey).places
            found = {pair: self._log[places[pair]] for pair in ids if pair in places}
            return {pair: Known(line[4], line[5]) for pair, line in found.items()}

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were committed."""
        with self._lock:
            mine = [self._log[place] for place in self._shelf(journey).logs.get(user, [])]
            return [LogLine(line[1], line[4], line[5]) for line in mine]

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` or `Fenced`."""
        journey, journey_hash, changes, entries, delivery = commit
        one = len(entries) == len(changes) == 1 and entries[0].user == changes[0].user
        if not one:  # one event is sound as it is
            check_commit(commit)
        with self._lock:
            if delivery is not NOTHING:
                self._check(delivery)
            shelf = self._shelf(journey)
            shelf.check(commit)
            for user, version, state in changes:
                shelf.states[user] = (journey_hash, version + 1, state)
            for entry in entries:
                place = shelf.places[entry[:2]] = len(self._log)
                self._log.append((journey, journey_hash, *entry))
                mine = shelf.logs.get(entry[0])
                if mine is None:
                    shelf.logs[entry[0]] = [place]
                else:
                    mine.append(place)
            if delivery is not NOTHING:
                self._deliver(delivery)

    def _check(self, delivery: Delivery) -> None:
        self._check_fences(delivery.fences)
        if delivery.ack is not None:
            raise no_broker("memory:")

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
            return [Logged(str(n), *line) for n, line in enumerate(self._log[start : start + limit], start + 1)]

    def users(self, journey: str, after: str, limit: int) -> list[str]:
        """Up to `limit` names of users who have a state and come behind `after`, in the order of their names' bytes."""
        with self._lock:
            names = self._shelf(journey).states
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
