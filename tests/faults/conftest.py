"""Events of synthetic users and the bundle that decides on them, loaded once for all tests of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from journeys.events import Event
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import load_bundle, save_bundle
from policies.expert_rules import expert_rules
from policies.training.rollout import event_log
from tests.faults.crew import crew_of
from tests.faults.pairs import ALL_PAIRS, PAIRS
from tests.faults.scene import Scene
from tests.serving.bundles import contents_of

JOURNEY, POPULATION = "saas", "mixed"
USERS = 60


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("bundle") / "bundle", contents_of(load_journey(JOURNEY)))


@pytest.fixture(scope="session")
def bundle(bundle_path):
    return load_bundle(bundle_path)


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """Events in order of time; those of a user are in order."""
    log = event_log(load_journey(JOURNEY), load_population(POPULATION), expert_rules(), USERS, seed=5)
    return [event for event in log if event.kind != "decision"]


@pytest.fixture(scope="module")
def crew(bundle_path, tmp_path_factory):
    yield from crew_of([bundle_path], tmp_path_factory.mktemp("crew"))


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    yield from ALL_PAIRS[request.param](tmp_path)


@pytest.fixture
def scene(pair, crew, bundle, tmp_path):
    made = Scene(crew, pair.store, pair.stream, bundle, tmp_path)
    yield made
    made.close()
