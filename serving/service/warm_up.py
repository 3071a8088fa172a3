"""Compile what the service compiles once, so that its first start is as quick as any: for images and packages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from journeys.actions import DIFFICULTIES, n_actions
from journeys.events import Event
from journeys.loading import load_journey
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.bandits.inputs import NETWORK as READS_BY_NETWORKS
from policies.bandits.settings import BANDITS, BanditSettings
from policies.bandits.tensors import beginner, read_by, tensors_of
from policies.bundle import Bundle, Contents, load_bundle, save_bundle
from policies.families import FAMILIES, NETWORK, PARTS, PATH, SCORER
from policies.network import Weights
from policies.path import PATH_DIFFICULTIES, STEPS, path_of
from policies.persona_head import PersonaHead
from policies.step_features import INPUT_SIZE
from policies.success import SuccessHead
from serving.engine import Engine, Serving
from serving.refold import REORDER_MS
from serving.service.user_view import Views
from serving.stores.memory_store import MemoryStore

JOURNEY = "tiny"  # compiled code is the same for every journey
WIDTH = 2  # of networks: compiled code is the same for any
START_MS = 1_767_258_000_000  # of the user's life; any time will do


def main() -> int:
    """Serve one user by each family that a bundle can hold; returns 0."""
    journey = load_journey(JOURNEY)
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            path = save_bundle(Path(folder) / family, contents_of(family, journey))
            live(load_bundle(path), MemoryStore())
    print("compiled")
    return 0


def contents_of(family: str, journey: Journey) -> Contents:
    """A bundle of a policy that has learned nothing, with both heads."""
    size = observation_size(len(journey.steps), len(journey.skills))
    return Contents(
        family, "1", journey, family, tensors_for(family, journey, size), usual=np.zeros(size, np.float32),
        success=SuccessHead(np.zeros(size), 0.0), persona=PersonaHead(("a", "b"), np.zeros((size, 2)), np.zeros(2)),
    )  # fmt: skip


def tensors_for(family: str, journey: Journey, size: int) -> dict[str, np.ndarray]:
    """What a policy of `family` needs, for observations of `size`."""
    if family == NETWORK:
        return network(size, n_actions(len(journey.steps)))._asdict()
    if family == SCORER:
        parts = {part: network(INPUT_SIZE, rates) for part, rates in PARTS.items()}
        return {f"{part}.{name}": array for part, made in parts.items() for name, array in made._asdict().items()}
    if family == PATH:
        path = path_of(list(range(len(journey.steps))), [DIFFICULTIES.index(s.difficulties[0]) for s in journey.steps])
        return {STEPS: path.steps, PATH_DIFFICULTIES: path.difficulties}
    if family not in BANDITS:
        return {}
    reads = BANDITS[family].kind == READS_BY_NETWORKS
    networks = read_by([array for _ in PARTS for array in network(INPUT_SIZE, 1)[:4]]) if reads else None
    return tensors_of(beginner(family, BanditSettings(), journey, networks))


def network(n_entries: int, n_rated: int) -> Weights:
    """Weights that rate everything alike."""
    shapes = ((n_entries, WIDTH), WIDTH, (WIDTH, WIDTH), WIDTH, (WIDTH, n_rated), n_rated)
    return Weights(*(np.zeros(shape, np.float32) for shape in shapes))


def live(bundle: Bundle, store: MemoryStore) -> None:
    """A user signs up and starts a step; an event that comes late is folded into its place; the user is looked at."""
    journey, engine = bundle.journey, Engine(store, [bundle], Serving(tolerance_ms=None))
    step = journey.steps[0].name
    engine.take([Event("e-1", "u", journey.name, START_MS, "signup", consent=("personalise",))])
    for name, behind in (("e-2", 0), ("e-3", 1)):
        time = START_MS + REORDER_MS - behind
        engine.take([Event(name, "u", journey.name, time, "start", step=step, duration=1.0)])
    Views(bundle).of(store, "u")


if __name__ == "__main__":
    sys.exit(main())
