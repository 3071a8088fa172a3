"""What has to hold after any fault: nothing lost, nothing twice, and every number what the log says it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from journeys.events import Event, parse_event
from policies.bundle import Bundle
from serving.decision import Decision
from serving.decision import decoder as decision_decoder
from serving.engine import Engine, Serving
from serving.refold import refold
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.store import BEGINNING, Logged, LogLine, Store

PAGE = 500


class Seen(NamedTuple):
    """All that a store holds of one journey."""

    entries: list[Logged]
    letters: list[dict]

    @property
    def decisions(self) -> list[Decision]:
        return [decision_decoder.decode(entry.decision) for entry in self.entries if entry.decision is not None]


def seen_in(store: Store) -> Seen:
    """Read the whole log and all dead letters."""
    entries: list[Logged] = []
    cursor = BEGINNING
    while page := store.read_log(cursor, PAGE):
        entries += page
        cursor = page[-1].cursor
    letters, number = [], ""
    while some := store.letters(number, PAGE):
        letters += [msgspec.json.decode(letter.letter) for letter in some]
        number = some[-1].number
    return Seen(entries, letters)


def verify(
    store: Store, bundle: Bundle, sent: Iterable[Event], refused: int | None = 0, others: Sequence[Bundle] = ()
) -> Seen:
    """Hold the store against the events that were `sent`. `refused` of them may be dead letters; None: any number.

    `others` are further versions of the bundle that decided.
    """
    seen = seen_in(store)
    nothing_is_lost(seen, sent, refused)
    logged_once(seen)
    states_are_folds(store, bundle, seen)
    decisions_are_recomputed([bundle, *others], seen)
    return seen


def nothing_is_lost(seen: Seen, sent: Iterable[Event], refused: int | None) -> None:
    """Every event sent is in the log or in a dead letter, and the log has no other."""
    wanted = {(event.user, event.id) for event in sent}
    logged = {(entry.user, entry.id) for entry in seen.entries}
    letters = {(letter.get("user"), letter.get("event")) for letter in seen.letters}
    assert not logged - wanted
    assert not wanted - logged - letters, f"lost: {sorted(wanted - logged - letters)[:5]}"
    if refused is not None:
        assert len(wanted - logged) == refused, f"{seen.letters[:3]}"


def logged_once(seen: Seen) -> None:
    """No event, and no decision, twice."""
    assert max(Counter((entry.user, entry.id) for entry in seen.entries).values()) == 1
    assert max(Counter(decision.id for decision in seen.decisions).values()) == 1


def by_user(seen: Seen) -> dict[str, list[Logged]]:
    users: dict[str, list[Logged]] = {}
    for entry in seen.entries:
        users.setdefault(entry.user, []).append(entry)
    return users


def states_are_folds(store: Store, bundle: Bundle, seen: Seen) -> None:
    """Each user's state is the fold of the user's log from nothing, to the bit."""
    runtime = Runtime(bundle, MemoryStore())
    names = bundle.journey.step_names()
    users = by_user(seen)
    states = store.load(bundle.journey.name, users)
    assert set(states) == set(users)
    for user, entries in users.items():
        lines = [LogLine(entry.journey_hash, entry.event, entry.decision) for entry in entries]
        fresh = refold(runtime.plan, runtime.codec, lines, lambda _: names, True)
        assert states[user].state == fresh, f"state of {user}"
        assert lines == store.log(bundle.journey.name, user)


def decisions_are_recomputed(bundles: Sequence[Bundle], seen: Seen) -> None:
    """Each logged decision is what one event at a time, in the order of commits, gives: action and propensity too.

    It is recomputed by the bundle of its version.
    """
    versions = {bundle.manifest.version: bundle for bundle in bundles}
    serves = bundles[0].manifest.version
    engine = Engine(MemoryStore(), bundles[:1], Serving(tolerance_ms=None))
    for entry in seen.entries:
        logged = None if entry.decision is None else decision_decoder.decode(entry.decision)
        if logged is not None and logged.version != serves:
            serves = logged.version
            engine.swap(versions[serves])
        answer = engine.take([parse_event(entry.event)])[0]
        assert answer.outcome in {"applied", "reordered"}
        assert comparable(answer.decision) == comparable(logged), f"decision on {entry.id} of {entry.user}"


def comparable(decision: Decision | None) -> dict | None:
    """A decision without the time that it took."""
    if decision is None:
        return None
    told = msgspec.structs.asdict(decision)
    del told["latency_us"]
    return told
