"""A changed journey: states are folded again from the log, steps matched by name."""

from __future__ import annotations

import functools

import msgspec
from bundles import make_bundle

from journeys.events import Event
from journeys.loading import load_journey
from personas.persona import load_population
from policies.training.rollout import event_log
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.upkeep.audit import Auditor

TINY = load_journey("tiny")
REORDERED = msgspec.structs.replace(TINY, version=2, steps=TINY.steps[::-1])
SHORTER = msgspec.structs.replace(TINY, version=2, steps=tuple(s for s in TINY.steps if s.name != "tags-tour"))


@functools.cache
def log() -> tuple[Event, ...]:
    """Histories of some users, decisions included, of which a part is cut off for later."""
    return tuple(event_log(TINY, load_population("mixed"), make_bundle("tiny").policy, 20, 4))


def in_two_parts(first, then, mode="shadow"):
    """The state of each user after a first half under one journey and a second half under another."""
    store, half = MemoryStore(), len(log()) // 2
    Runtime(make_bundle(first), store, mode, reasons=0).process_many(log()[:half])
    Runtime(make_bundle(then), store, mode, reasons=0).process_many(renumbered(log()[half:], then))
    return store


def renumbered(events, journey):
    """What a log of `journey` would say: decisions carry its flat action numbers."""
    names = {step.name: i for i, step in enumerate(journey.steps)}

    def moved(event):
        step, variant = divmod(event.action, 3)
        new = 3 * names[TINY.steps[step].name] + variant if step < len(TINY.steps) else event.action
        return msgspec.structs.replace(event, action=new)

    return [moved(event) if event.kind == "decision" else event for event in events]


def states(store, users):
    return {user: stored.state for user, stored in store.load("tiny", users).items()}


def test_steps_in_another_order_give_the_state_that_the_new_order_would_have_given():
    users = {event.user for event in log()}
    moved = in_two_parts(TINY, REORDERED)
    fresh = MemoryStore()
    Runtime(make_bundle(REORDERED), fresh, "shadow", reasons=0).process_many(renumbered(log(), REORDERED))
    touched = {event.user for event in log()[len(log()) // 2 :]}
    assert 5 < len(touched) <= len(users)
    assert states(moved, touched) == states(fresh, touched)
    assert {stored.journey_hash for stored in moved.load("tiny", touched).values()} == {REORDERED.hash()}


def test_history_of_a_step_that_is_gone_is_left_out():
    store = MemoryStore()
    own = [e for e in log() if e.user == "u1"]
    Runtime(make_bundle(TINY), store, "shadow", reasons=0).process_many(own)
    last = msgspec.structs.replace(own[-1], id="one-more", kind="leave", step=None, rung=None, action=None)
    last = msgspec.structs.replace(last, propensity=None, policy=None, consent=None, budget=None)
    shorter = Runtime(make_bundle(SHORTER), store, "shadow", reasons=0)
    assert shorter.process_many([last])[0].outcome == "applied"
    kept = [e for e in own if e.step != "tags-tour" and not (e.kind == "decision" and 9 <= e.action < 12)]
    after = [
        msgspec.structs.replace(e, action=e.action - 3) if e.kind == "decision" and e.action >= 12 else e for e in kept
    ]
    fresh = MemoryStore()
    Runtime(make_bundle(SHORTER), fresh, "shadow", reasons=0).process_many([*after, last])
    assert len(kept) < len(own)
    assert states(store, ["u1"]) == states(fresh, ["u1"])


def test_live_goes_on_under_the_new_journey():
    store, events = MemoryStore(), [e for e in log() if e.kind != "decision"]
    Runtime(make_bundle(TINY), store, reasons=0).process_many(events[: len(events) // 2])
    runtime = Runtime(make_bundle(SHORTER), store, reasons=0)
    rest = [e for e in events[len(events) // 2 :] if e.step != "tags-tour"]
    answers = runtime.process_many(rest)
    assert {a.outcome for a in answers} == {"applied"}
    assert all("tags-tour" not in a.decision.offer.reads for a in answers if a.decision)


GONE = "tags-tour"


def of_ann(event_id: str, seconds: int, kind: str, **fields) -> Event:
    return Event(event_id, "ann", "tiny", 1_767_258_000_000 + 1_000 * seconds, kind, **fields)


def swapped_to_a_journey_that_lost_a_step() -> tuple[Runtime, list[Event]]:
    """A runtime of the shorter journey on a store in which Ann's last event was in the step that is gone."""
    store = MemoryStore()
    events = [
        of_ann("a", 0, "signup", consent=()), of_ann("b", 10, "start", step="first-note"),
        of_ann("c", 100, "start", step=GONE, duration=5.0),
    ]  # fmt: skip
    Runtime(make_bundle(TINY), store, reasons=0).process_many(events)
    return Runtime(make_bundle(SHORTER), store, reasons=0), events


def test_an_event_of_a_step_that_is_gone_is_still_known():
    runtime, events = swapped_to_a_journey_that_lost_a_step()
    (again,) = runtime.process_many(events[-1:])
    assert (again.outcome, again.letter) == ("duplicate", None)
    assert again.decision is not None
    other = runtime.process_many([of_ann("x", 120, "start", step=GONE)])[0]
    assert (other.outcome, other.letter.reason) == ("refused", "invalid")


def test_an_event_of_a_step_that_is_gone_still_took_its_time():
    """What comes before it is late, though nothing else is left of it; an audit agrees."""
    runtime, _ = swapped_to_a_journey_that_lost_a_step()
    outcomes = [runtime.process_many([one])[0].outcome for one in (of_ann("d", 95, "leave"), of_ann("e", 20, "enter"))]
    assert outcomes == ["reordered", "refused"]
    assert Auditor(runtime.store, runtime.bundle).audit("ann").differences == ()


def test_many_late_events_of_a_long_log_are_folded_from_records_read_once():
    store, reads = MemoryStore(), []
    runtime = Runtime(make_bundle(TINY), store, reasons=0)
    life = [of_ann(f"n{n}", n, "enter") for n in range(0, 400, 2)]
    runtime.process_many(life)
    log = store.log
    store.log = lambda journey, user: reads.append(user) or log(journey, user)
    late = [of_ann(f"l{n}", n, "enter") for n in range(371, 399, 2)]
    assert {answer.outcome for answer in runtime.process_many(late)} == {"reordered"}
    assert reads == ["ann"]
    assert Auditor(store, runtime.bundle).audit("ann").differences == ()
