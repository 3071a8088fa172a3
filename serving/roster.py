"""Who is in memory: users are brought in as their events come, folded anew where their journey changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from journeys.events import EventCodec, EventError
from journeys.plan import Plan
from journeys.spec import Journey
from serving.known_journeys import KnownJourneys
from serving.refold import History, folded, history_of
from serving.residents import Residents
from serving.stores.store import RESTORE, LogLine, Store, StoreError

HISTORIES = 16  # logs kept as records: some 100 bytes an event, 2 MB of who has sent 20,000
DAMAGED = (EventError, msgspec.DecodeError, UnicodeDecodeError)


class Roster:
    """Brings users of `journey` from `store` into `residents`."""

    def __init__(self, store: Store, journey: Journey, plan: Plan, codec: EventCodec, live: bool, most: int) -> None:
        self._store, self._journey, self._hash = store, journey.name, journey.hash()
        self._plan, self._codec, self._live = plan, codec, live
        self.residents, self._known = Residents(plan, most), KnownJourneys(store)
        self._known.add(journey)
        self._histories: dict[str, tuple[int, History]] = {}  # in the order of use, the longest unused first

    def seat_one(self, user: str) -> int:
        """The row of a user. Raises `StoreError`."""
        row = self.residents.find_one(user)
        if row < 0:
            self._bring((user,))
            row = self.residents.find_one(user)
        return row

    def seat(self, users: Sequence[str]) -> list[int]:
        """The rows of users, of whom none makes room for another. Raises `StoreError`."""
        rows, missing = self.residents.find(users)
        if missing:
            self.residents.reserve(len(users))
            self._bring(missing)
            rows, _ = self.residents.find(users)
        return rows

    def _bring(self, users: Sequence[str]) -> None:
        stored = self._store.load(self._journey, users)
        states: dict[str, tuple[int, bytes | None]] = {}
        for user in users:
            mine = stored.get(user)
            if mine is None:
                states[user] = 0, None
            elif mine.journey_hash == self._hash:
                states[user] = mine.version, mine.state
            else:
                states[user] = mine.version, self._fold(user, self._store.log(self._journey, user))
        try:
            self.residents.admit(states)
        except ValueError as error:
            raise StoreError(f"the store holds a damaged state: {error}. {RESTORE}") from None

    def fold_again(self, user: str, row: int, lines: Sequence[LogLine]) -> None:
        """Put the fold of the user's stored log and `lines` behind it into the row. Raises `StoreError`.

        Who sends one event late sends more: the last few logs are kept as records, each for the version that it made.
        """
        version = self.residents.versions[row]
        kept = self._histories.pop(user, None)
        if kept is None or kept[0] != version:
            kept = version, self._history(user, self._store.log(self._journey, user))
        self._histories[user] = kept
        while len(self._histories) > HISTORIES:
            del self._histories[next(iter(self._histories))]
        self.residents.put(row, folded(self._plan, kept[1].followed_by(self._history(user, lines))))

    def _fold(self, user: str, lines: Sequence[LogLine]) -> bytes:
        return folded(self._plan, self._history(user, lines))

    def _history(self, user: str, lines: Sequence[LogLine]) -> History:
        try:
            return history_of(self._codec, lines, self._known.steps_of, self._live)
        except DAMAGED as error:
            raise StoreError(f"the store holds a damaged event of user {user!r}: {error}. {RESTORE}") from None
