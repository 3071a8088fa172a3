"""Events out of order, some too late to be folded: a batch does what one event at a time does."""

from __future__ import annotations

import random

import pytest

from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from tests.serving.bundles import make_bundle

USERS, SHARE, FARTHEST = 12, 0.15, 5


@pytest.mark.parametrize("size", [2, 3, 16, 200])
def test_a_batch_with_refused_and_reordered_events_does_what_one_at_a_time_does(size):
    bundle = make_bundle("saas")
    log = event_log(load_journey("saas"), load_population("mixed"), expert_rules(), USERS, seed=5)
    events = [event for event in log if event.kind != "decision"]
    luck = random.Random(3)
    for place in luck.sample(range(len(events) - FARTHEST), round(SHARE * len(events))):
        events.insert(place + luck.randrange(1, FARTHEST), events.pop(place))
    users = sorted({event.user for event in events})

    def after(step: int) -> tuple:
        store = MemoryStore()
        runtime = Runtime(bundle, store)
        batches = [events[start : start + step] for start in range(0, len(events), step)]
        outcomes = [answer.outcome for batch in batches for answer in runtime.process_many(batch)]
        return outcomes, {user: stored.state for user, stored in store.load("saas", users).items()}

    singly = after(1)
    assert {"refused", "reordered", "applied"} <= set(singly[0])
    assert after(size) == singly
