"""Events leave in order of time, whatever the order in which they were made."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import EVENT, KINDS, LEAVE, START
from simulator.emission import BLOCK, Emission
from simulator.sinks import MemorySink, WithoutDecisions

END = 1_000


@given(st.lists(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), max_size=12), max_size=6))
def test_order_is_by_time_then_user_and_a_users_events_keep_theirs(rounds: list[list[tuple[int, int]]]) -> None:
    """Each round adds events from 100 times its number on, as a clock allows, and passes on what is final."""
    sink, made = MemorySink(), []
    emission = Emission(sink, END)
    for number, events in enumerate(rounds):
        emission.release(100 * number)
        room = emission.room(len(events))
        for i, (later, user) in enumerate(events):
            room[i] = np.zeros((), EVENT)
            room[i].time, room[i].user, room[i].key = 100 * number + later, user, len(made)
            made.append((100 * number + later, user, len(made)))
        emission.took(len(events))
        assert all(sink.records()["time"] < 100 * number)
    emission.release(END)
    told = [(int(r["time"]), int(r["user"]), int(r["key"])) for r in sink.records()]
    assert told == sorted(event for event in made if event[0] < END)


def test_what_lies_beyond_the_end_is_let_go_and_the_rest_is_counted() -> None:
    sink = MemorySink()
    emission = Emission(sink, END)
    n = BLOCK + 10  # more than a block
    room = emission.room(n)
    room["time"][:n], room["kind"][:n] = np.arange(n) % (2 * END), np.where(np.arange(n) % 2, START, LEAVE)
    emission.took(n)
    emission.release(END)
    inside = int((np.arange(n) % (2 * END) < END).sum())
    assert len(sink.records()) == inside == emission.counts.sum()
    assert emission.counts[START] == emission.counts[LEAVE] == inside // 2
    assert len(emission.counts) == len(KINDS)


def test_decisions_may_be_left_out() -> None:
    sink = MemorySink()
    records = np.zeros(len(KINDS), EVENT)
    records["kind"] = np.arange(len(KINDS))
    WithoutDecisions(sink).write(records)
    assert [KINDS[kind] for kind in sink.records()["kind"]] == [kind for kind in KINDS if kind != "decision"]
