"""Bundles for tests: any journey, any family, a network with random weights where one is needed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from journeys.actions import n_actions
from journeys.loading import load_journey
from journeys.observation import observation_size
from journeys.spec import Journey
from policies.bandits.settings import BANDITS
from policies.bandits.tensors import tensors_of
from policies.bundle import Bundle, Contents, load_bundle, save_bundle
from policies.families import NETWORK, PARTS, PATH, SCORER
from policies.path import PATH_DIFFICULTIES, STEPS
from policies.persona_head import PersonaHead
from policies.step_features import INPUT_SIZE
from policies.success import SuccessHead
from tests.policies.bandit_learners import random_learner
from tests.policies.moments import random_path

HIDDEN = 24
KINDS = ("newcomer", "expert", "anxious")
SPREAD = 0.4  # of random weights: enough for probabilities far from uniform


def size_of(journey: Journey) -> int:
    return observation_size(len(journey.steps), len(journey.skills))


def random_network(journey: Journey, seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of a network that was never trained."""
    luck = np.random.default_rng(seed)
    size, actions = size_of(journey), n_actions(len(journey.steps))
    shapes = {"w1": (size, HIDDEN), "b1": HIDDEN, "w2": (HIDDEN, HIDDEN), "b2": HIDDEN, "w3": (HIDDEN, actions)}
    return {n: luck.normal(0.0, SPREAD, shape).astype(np.float32) for n, shape in {**shapes, "b3": actions}.items()}


def random_scorer(seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of a step scorer that was never trained."""
    luck = np.random.default_rng(seed)
    tensors = {}
    for part, rates in PARTS.items():
        shapes = {"w1": (INPUT_SIZE, HIDDEN), "b1": HIDDEN, "w2": (HIDDEN, HIDDEN), "b2": HIDDEN, "w3": (HIDDEN, rates)}
        for name, shape in {**shapes, "b3": rates}.items():
            tensors[f"{part}.{name}"] = luck.normal(0.0, SPREAD, shape).astype(np.float32)
    return tensors


def random_tensors(journey: Journey, family: str) -> dict[str, np.ndarray]:
    """What a policy of `family` needs."""
    if family == PATH:
        path = random_path(journey)
        return {STEPS: path.steps, PATH_DIFFICULTIES: path.difficulties}
    if family in BANDITS:
        return tensors_of(random_learner(family, journey))
    return {NETWORK: random_network(journey), SCORER: random_scorer()}.get(family, {})


def contents_of(journey: Journey, family: str = "network", name: str = "test", version: str = "1") -> Contents:
    """Contents with everything that a bundle can hold but an ONNX copy."""
    luck = np.random.default_rng(1)
    size = size_of(journey)
    return Contents(
        name=name,
        version=version,
        journey=journey,
        family=family,
        tensors=random_tensors(journey, family),
        temperature=0.8 if family in (NETWORK, SCORER) else 1.0,
        success=SuccessHead(luck.normal(size=size), -0.3),
        usual=luck.random(size).astype(np.float32),
        provenance={"seed": 3, "family": family},
        metrics={"completion": 0.5},
        persona=PersonaHead(KINDS, luck.normal(0.0, SPREAD, (size, len(KINDS))), np.zeros(len(KINDS))),
    )


def make_bundle(journey: Journey | str, family: str = "network") -> Bundle:
    """A bundle that went through its files."""
    journey = load_journey(journey) if isinstance(journey, str) else journey
    with tempfile.TemporaryDirectory() as folder:
        return load_bundle(save_bundle(Path(folder) / "bundle", contents_of(journey, family)))
