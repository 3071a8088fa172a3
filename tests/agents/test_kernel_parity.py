"""The batch kernel, compiled, gives exactly the events and the views that the readable functions give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.learners import load_learner
from journeys.events import EVENT, KINDS
from journeys.loading import load_journey, shipped
from personas.persona import load_population
from personas.persona import shipped as people
from policies.protocol import Choices
from policies.training.rollout import rounds
from tests.agents.plain_life import SEED, STYLES, pick

ROOT = Path(__file__).resolve().parents[2]
USERS = 30


class Picker:
    """`plain_life.pick` as a policy."""

    def __init__(self, style: str) -> None:
        self.name = style

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        raise AssertionError("nobody asks a picker for its probabilities")

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        actions = np.array([pick(mask, key, self.name) for mask, key in zip(masks, keys, strict=True)])
        return Choices(actions, np.ones(len(actions)))


def plain_lives(journey: str, learner: str, style: str, out: Path) -> dict[str, np.ndarray]:
    """What `plain_life` writes, run with the compiler off and every warning an error."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    script = [sys.executable, "-W", "error", str(ROOT / "tests/agents/plain_life.py")]
    subprocess.run(
        [*script, journey, "mixed", learner, style, str(USERS), str(out)], check=True, env=environment, cwd=ROOT
    )
    with np.load(out) as arrays:
        return dict(arrays)


def kernel_lives(journey: str, learner: str, style: str) -> dict[str, np.ndarray]:
    """The same arrays from the compiled kernel, all users side by side."""
    events: list[list[np.ndarray]] = [[] for _ in range(USERS)]
    seen: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in range(USERS)]
    population, model = load_population("mixed"), load_learner(learner)
    moments = rounds(load_journey(journey), population, Picker(style), USERS, SEED, keep_log=True, learner=model)
    for moment in moments:
        world = moment.world
        for row in np.flatnonzero(world.n_events):
            events[row].append(np.array(world.log[row, : world.n_events[row]]))
            seen[row].append((world.observations[row].copy(), world.masks[row].copy()))
    return {
        "counts": np.array([(sum(map(len, e)), len(s)) for e, s in zip(events, seen, strict=True)]),
        "events": np.concatenate([part for parts in events for part in parts]),
        "observations": np.stack([observation for parts in seen for observation, _ in parts]),
        "masks": np.stack([mask for parts in seen for _, mask in parts]),
    }


@pytest.mark.parametrize("learner", people("learner"))
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("journey", shipped())
def test_kernel_equals_the_readable_functions(journey: str, style: str, learner: str, tmp_path: Path) -> None:
    plain, kernel = plain_lives(journey, learner, style, tmp_path / "lives.npz"), kernel_lives(journey, learner, style)
    np.testing.assert_array_equal(kernel["counts"], plain["counts"])
    for field in EVENT.names or ():
        np.testing.assert_array_equal(kernel["events"][field], plain["events"][field], err_msg=field)
    np.testing.assert_array_equal(kernel["observations"], plain["observations"])
    np.testing.assert_array_equal(kernel["masks"], plain["masks"])


def test_these_lives_show_every_kind_of_behaviour() -> None:
    """Otherwise the comparison above would leave branches of behaviour out."""
    events = np.concatenate([kernel_lives("tiny", "bkt", style)["events"] for style in STYLES])
    kinds = {KINDS[kind] for kind in np.unique(events["kind"])}
    assert kinds == set(KINDS) - {"consent"}  # synthetic users do not change their mind about consent
    assert set(np.unique(events["rung"])) == {0, 1, 2, 3, 4}
    assert set(np.unique(events["variant"])) == {0, 1, 2}
