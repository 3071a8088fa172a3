"""A store in memory: for tests, replays and services whose log is kept elsewhere. It forgets when the process ends."""

from __future__ import annotations

from collections.abc import Iterable

from serving.stores.store import Commit, Known, LogLine, StaleState, Stored


class MemoryStore:
    """States, logs and notes in dictionaries."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], Stored] = {}
        self._answers: dict[tuple[str, str, str], Known] = {}
        self._logs: dict[tuple[str, str], list[LogLine]] = {}
        self._notes: dict[str, bytes] = {}

    def load(self, journey: str, users: Iterable[str]) -> dict[str, Stored]:
        """States of those of `users` who have one."""
        return {user: self._states[journey, user] for user in users if (journey, user) in self._states}

    def answers(self, journey: str, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        """Those of the (user, event id) pairs that are in the log, each with its event and decision."""
        known = self._answers
        return {pair: known[journey, *pair] for pair in ids if (journey, *pair) in known}

    def log(self, journey: str, user: str) -> list[LogLine]:
        """A user's events, in the order in which they were applied."""
        return list(self._logs.get((journey, user), []))

    def commit(self, commit: Commit) -> None:
        """Write all of `commit` or nothing. Raises `StaleState` where a version moved or an event id is known."""
        journey = commit.journey
        ids = [(journey, entry.user, entry.id) for entry in commit.entries]
        if len(set(ids)) < len(ids) or not self._answers.keys().isdisjoint(ids):
            raise StaleState("an event of this commit is in the log already. Mend: load the users and try again")
        for change in commit.changes:
            stored = self._states.get((journey, change.user))
            if (stored.version if stored else 0) != change.version:
                raise StaleState(f"user {change.user!r} was changed since. Mend: load the users and try again")
        for change in commit.changes:
            self._states[journey, change.user] = Stored(commit.journey_hash, change.version + 1, change.state)
        for entry in commit.entries:
            self._answers[journey, entry.user, entry.id] = Known(entry.event, entry.decision)
            self._logs.setdefault((journey, entry.user), []).append(LogLine(commit.journey_hash, entry.event))

    def remember(self, name: str, value: bytes) -> bytes:
        """Keep `value` under `name` unless something is kept there; returns what is kept."""
        return self._notes.setdefault(name, value)

    def recall(self, name: str) -> bytes | None:
        """What is kept under `name`."""
        return self._notes.get(name)

    def close(self) -> None:
        """Nothing to let go of."""
