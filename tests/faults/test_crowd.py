"""Several workers at once: they come, go and die while events come twice and out of order."""

from __future__ import annotations

import random

import msgspec
import pytest

from journeys.events import Event, parse_event

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.slow]

SHARE = 0.1  # of events that come twice, and of events that come later than the next ones
LATEST_MS = 8_000  # that an event is late: within the reorder window
LEAST_OVERTAKEN = 20  # fewer would say nothing


def test_a_second_worker_joins_while_the_first_recovers(scene, events):
    third = len(events) // 3
    dying = scene.hire(point="after read", nth=4)
    scene.send(events[:third])
    dying.died()
    scene.send(events[third : 2 * third])
    first = scene.hire()
    second = scene.hire()
    scene.send(events[2 * third :])
    scene.done()
    for worker in (first, second):
        worker.end()
    scene.verify()


def test_a_tenth_comes_twice_and_a_tenth_comes_late(scene, events):
    """Duplicates change nothing; what comes within the reorder window is folded into its place; nothing is refused."""
    messages = in_disorder(denser(events))
    expected = overtaken(messages)
    assert len(expected) > LEAST_OVERTAKEN
    half = len(messages) // 2
    dying = scene.hire(point="after commit", nth=9)
    scene.send(messages[:half])
    dying.died()
    workers = [scene.hire(), scene.hire()]
    scene.send(messages[half:])
    scene.done()
    for worker in workers:
        worker.end()
    seen = scene.verify(refused=0)
    assert overtaken([parse_event(entry.event) for entry in seen.entries]) == expected


def denser(events: list[Event]) -> list[Event]:
    """The same events in the same order, a second after another for each user: real ones are seldom that close."""
    begun: dict[str, int] = {}
    made = []
    for event in events:
        time = begun[event.user] = begun.get(event.user, event.time) + 1_000
        made.append(msgspec.structs.replace(event, time=time))
    return sorted(made, key=lambda event: event.time)


def in_disorder(events: list[Event]) -> list[Event]:
    """In the order of arrival: a tenth is late by some seconds, a tenth comes once more after its first."""
    luck = random.Random(3)
    arrivals = []
    for event in events:
        arrival = event.time + (luck.randrange(LATEST_MS) if luck.random() < SHARE else 0)
        arrivals.append((arrival, event))
        if luck.random() < SHARE:
            arrivals.append((arrival + 1 + luck.randrange(LATEST_MS), event))
    return [event for _, event in sorted(arrivals, key=lambda one: one[0])]


def overtaken(messages: list[Event]) -> set[tuple[str, str]]:
    """Events that come for the first time behind a later one of their user."""
    last: dict[str, int] = {}
    known: set[tuple[str, str]] = set()
    found = set()
    for event in messages:
        name = (event.user, event.id)
        if name not in known and event.time <= last.get(event.user, event.time - 1):
            found.add(name)
        known.add(name)
        last[event.user] = max(event.time, last.get(event.user, event.time))
    return found
