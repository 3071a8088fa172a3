"""The batch kernel, compiled, gives exactly the events and the views that the readable functions give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents.learners import load_learner
from agents.mind import CASUAL, DISTRACTED, FRUSTRATED, TIRED
from journeys.actions import N_VARIANTS
from journeys.events import ENTER, EVENT, KINDS, SIGNUP
from journeys.loading import shipped
from journeys.state import DESKTOP, MOBILE, NOWHERE, UNDECLARED
from personas.persona import shipped as people
from policies.protocol import Choices
from policies.training.rollout import rounds
from tests.agents.plain_life import SEED, STYLES, journey_of, pick, population_for
from tests.journeys.studio import STUDIO
from tests.personas.typical import RESTLESS

ROOT = Path(__file__).resolve().parents[2]
USERS = 30
FORGETFUL = load_learner("bkt_forgetting")


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
    subprocess.run([*script, journey, learner, style, str(USERS), str(out)], check=True, env=environment, cwd=ROOT)
    with np.load(out) as arrays:
        return dict(arrays)


def kernel_lives(journey: str, learner: str, style: str) -> dict[str, np.ndarray]:
    """The same arrays from the compiled kernel, all users side by side."""
    events: list[list[np.ndarray]] = [[] for _ in range(USERS)]
    seen: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in range(USERS)]
    model, policy = load_learner(learner), Picker(style)
    moments = rounds(journey_of(journey), population_for(journey), policy, USERS, SEED, keep_log=True, learner=model)
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


# Every journey; every learner model where everything that a journey can have is in reach; every style of choosing.
LIVES = (
    *((journey, "bkt", "any") for journey in shipped()),
    *(("studio", learner, "any") for learner in people("learner")),
    *(("studio", "bkt_forgetting", style) for style in STYLES if style != "any"),
    ("tiny", "irt", "first"),
    ("tiny", "afm_forgetting", "last"),
)


@pytest.mark.parametrize(("journey", "learner", "style"), LIVES)
def test_kernel_equals_the_readable_functions(journey: str, learner: str, style: str, tmp_path: Path) -> None:
    plain, kernel = plain_lives(journey, learner, style, tmp_path / "lives.npz"), kernel_lives(journey, learner, style)
    np.testing.assert_array_equal(kernel["counts"], plain["counts"])
    for field in EVENT.names or ():
        np.testing.assert_array_equal(kernel["events"][field], plain["events"][field], err_msg=field)
    np.testing.assert_array_equal(kernel["observations"], plain["observations"])
    np.testing.assert_array_equal(kernel["masks"], plain["masks"])


def test_these_lives_show_every_kind_of_behaviour() -> None:
    """Otherwise the comparison above would leave branches of behaviour out."""
    lives = [kernel_lives("studio", "bkt_forgetting", style) for style in STYLES]
    events = np.concatenate([life["events"] for life in lives])
    kinds = {KINDS[kind] for kind in np.unique(events["kind"])}
    assert kinds == set(KINDS) - {"consent"}  # synthetic users do not change their mind about consent
    assert set(np.unique(events["rung"])) == {0, 1, 2, 3, 4}
    assert set(np.unique(events["variant"])) == {0, 1, 2}
    signups, returns = events[events["kind"] == SIGNUP], events[events["kind"] == ENTER]
    assert set(np.unique(signups["goal"])) == {UNDECLARED, 0, 1}
    assert set(np.unique(signups["experience"])) >= {UNDECLARED, 0, 1}
    assert set(np.unique(returns["device"])) == {DESKTOP, MOBILE}


def test_these_lives_show_every_reason_for_leaving_reviews_and_exploring() -> None:
    """The same, of what no single event tells: whole lives in the order of their events."""
    reasons, reviewed, explored = set[int](), 0, 0
    for style in STYLES:
        for moment in rounds(STUDIO, RESTLESS, Picker(style), USERS, SEED, keep_log=True, learner=FORGETFUL):
            world, rows = moment.world, moment.rows
            reasons |= set(world.minds["reason"].tolist())
            chosen = moment.choices.actions // N_VARIANTS
            selects = chosen < len(STUDIO.steps)
            done = world.users["done"][rows[selects]] >> chosen[selects].astype(np.uint64) & np.uint64(1)
            reviewed += int(done.sum())
            begun = world.users["current"] != NOWHERE
            explored += int((begun & (world.users["current"] != world.users["offered"])).sum())
    assert reasons >= {CASUAL, TIRED, FRUSTRATED, DISTRACTED}  # off goal is too rare for so few users
    assert reviewed > 5
    assert explored > USERS
