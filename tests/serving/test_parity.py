"""No train/serve skew: the runtime, given a simulated user's events, sees and decides what the simulation did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from bundles import make_bundle, random_network

from agents.learners import BINARY_MASTERY, Learner, load_learner
from journeys.draws import id_of_key
from journeys.events import Event, EventCodec
from journeys.loading import shipped
from journeys.state import ONGOING
from personas.persona import Population, load_population, mixture
from policies.bundle import Bundle
from policies.families import FAMILIES
from policies.network import NetworkPolicy, Weights
from policies.training.rollout import rounds
from serving.decision import Decision, Mode
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Store
from tests.journeys.studio import STUDIO
from tests.personas.typical import RESTLESS

MIXED = load_population("mixed")
POPULATIONS = {"mixed": MIXED, **{name: mixture(name, {name: 1.0}) for name in MIXED.personas}}
MODES: tuple[Mode, ...] = ("live", "shadow")
USERS_IN_ALL = 10_000  # issue: at least so many over every journey and persona
BATCH = 2_000


class Seen(NamedTuple):
    """What the simulation showed the policy at one moment, and what it chose."""

    observation: bytes
    legal: tuple[int, ...]
    action: int
    propensity: float


class Lives(NamedTuple):
    """Simulated users: their log by time, what was seen by event id, and those cut off before their end."""

    events: list[Event]
    seen: dict[str, Seen]
    cut: set[str]


def live_lives(
    bundle: Bundle, n_users: int, seed: int, population: Population | None = None, learner: Learner = BINARY_MASTERY
) -> Lives:
    """Play the bundle's policy on `population`, by default the mixed one."""
    codec, events, seen, cut = EventCodec(bundle.journey), list[Event](), dict[str, Seen](), set[str]()
    population = population or MIXED
    for moment in rounds(bundle.journey, population, bundle.policy, n_users, seed, keep_log=True, learner=learner):
        world = moment.world
        for row in np.flatnonzero(world.n_events):
            records = world.log[row, : world.n_events[row]]
            events += [codec.from_record(r, f"u{r['user']}", bundle.policy.name) for r in records.view(np.ndarray)]
        for i, key in enumerate(moment.keys):
            seen[id_of_key(int(key))] = Seen(
                moment.observations[i].astype("<f4").tobytes(),
                tuple(np.flatnonzero(moment.masks[i]).tolist()),
                int(moment.choices.actions[i]),
                float(moment.choices.propensities[i]),
            )
        cut = {f"u{user}" for user in world.minds["user"][world.users["ended"] == ONGOING]}
    return Lives(sorted(events, key=lambda event: event.time), seen, cut)


def served(bundle: Bundle, mode: Mode, events: list[Event], batch: int, store: Store) -> Iterator[Decision]:
    runtime = Runtime(bundle, store, mode, reasons=0, keep_observations=True)
    for start in range(0, len(events), batch):
        for answer in runtime.process_many(events[start : start + batch]):
            assert answer.outcome in {"applied", "ignored"}
            if answer.decision is not None:
                yield answer.decision


def check_parity(bundle: Bundle, mode: Mode, lives: Lives, batch: int, store: Store | None = None) -> None:
    """Every moment is met once, bit for bit."""
    unmet = dict(lives.seen)
    for decision in served(bundle, mode, lives.events, batch, store or MemoryStore()):
        if decision.event not in unmet:
            assert decision.user in lives.cut  # its next decision was due when the simulation stopped
            continue
        assert decision.observation is not None
        got = Seen(decision.observation, decision.legal, decision.action, decision.propensity)
        assert got == unmet.pop(decision.event), decision
        assert decision.fallback is None
    assert not unmet


@pytest.mark.parametrize("journey", shipped())
@pytest.mark.parametrize("family", FAMILIES)
def test_the_runtime_sees_and_decides_what_the_simulation_did(journey, family):
    bundle = make_bundle(journey, family)
    lives = live_lives(bundle, 40, seed=5)
    assert len(lives.seen) > 400
    for mode in MODES:
        check_parity(bundle, mode, lives, batch=64)


@pytest.mark.parametrize("learner", ["bkt_forgetting", "irt_forgetting", "afm"])
@pytest.mark.parametrize("family", FAMILIES)
def test_parity_holds_where_users_forget_declare_goals_and_watch_videos(family, learner):
    """The journey forgets whether the users do or not: what is believed of them is the same at both ends."""
    bundle = make_bundle(STUDIO, family)
    assert bundle.journey.rules.forgetting
    lives = live_lives(bundle, 60, seed=5, population=RESTLESS, learner=load_learner(learner))
    kinds = {event.kind for event in lives.events}
    assert kinds >= {"watch", "pause", "seek", "drop", "enter", "away"}
    assert {event.goal for event in lives.events} >= {"film", "radio"}
    assert {event.device for event in lives.events} >= {"desktop", "mobile"}
    for mode in MODES:
        check_parity(bundle, mode, lives, batch=64)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mode", MODES)
def test_through_a_state_file_too(tmp_path, family, mode):
    bundle = make_bundle("tiny", family)
    store = SqliteStore(tmp_path / "s.sqlite")
    check_parity(bundle, mode, live_lives(bundle, 10, seed=7), 16, store)
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("journey", shipped())
@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_users_over_every_journey_and_persona(journey, family, population):
    bundle = make_bundle(journey, family)
    n_users = -(-USERS_IN_ALL // (len(shipped()) * len(FAMILIES) * len(POPULATIONS)))
    lives = live_lives(bundle, n_users, 6, POPULATIONS[population])
    for mode in MODES:
        check_parity(bundle, mode, lives, BATCH)


def test_the_check_notices_a_policy_of_other_weights():
    bundle = make_bundle("tiny")
    lives = live_lives(bundle, 10, seed=5)
    tensors = random_network(bundle.journey)
    tensors["b3"] += np.linspace(0.0, 1e-3, len(tensors["b3"]), dtype=np.float32)
    other = bundle._replace(policy=NetworkPolicy("other", Weights(**tensors), bundle.manifest.temperature))
    with pytest.raises(AssertionError):
        check_parity(other, "shadow", lives, batch=64)
