"""A policy sees what the fold knows and nothing else: hidden state that leaves the events alone changes no decision."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import grimp
import numpy as np
import pytest

from agents.kernel import TERMS
from agents.mind import MIND
from envs.vector import OnboardingVectorEnv
from journeys import fold, mask, observation
from journeys.events import EVENT
from journeys.loading import load_journey, shipped
from journeys.state import SKILL, STEP, USER
from personas.persona import load_population
from personas.traits import TRAIT_NAMES
from policies.expert_rules import expert_rules
from policies.greedy_belief import greedy_belief
from policies.random_legal import RandomLegal
from tests.envs.lives import legal_picks

N = 512
HIDDEN = {"known", "motivation", "frustration", "exposure", "annoyance", "returns_at", "phase", "interrupted", "key"}


def other_feelings(minds: Any, traits: Any) -> None:
    """Everybody feels a little different, and is remembered as someone else."""
    minds["motivation"] = np.clip(minds["motivation"] * 0.98, 0.0, 1.0)
    minds["frustration"] *= 0.97
    minds["annoyance"] += 5.0
    minds["persona"] = (minds["persona"] + 1) % 3
    minds["humans"] += 1
    minds["decisions"] += 7


def other_knowledge(minds: Any, traits: Any) -> None:
    """Everybody knows what they do not, and the reverse."""
    minds["known"] = ~minds["known"]


def other_character(minds: Any, traits: Any) -> None:
    """Everybody is someone else in what has not shown yet."""
    for name in ("patience", "return_chance", "learn_odds", "autonomy", "habituation", "email"):
        traits[name] *= 0.9


def same_events(env: OnboardingVectorEnv, twin: OnboardingVectorEnv) -> np.ndarray:
    """Rows `(n,)` bool in which both worlds have emitted the same events since the last decision, to the byte."""
    counts = env.world.n_events
    same = counts == twin.world.n_events
    for row in np.flatnonzero(same):
        same[row] = env.world.log[row, : counts[row]].tobytes() == twin.world.log[row, : counts[row]].tobytes()
    return same


@pytest.mark.parametrize("journey", shipped())
@pytest.mark.parametrize("disturb", [other_feelings, other_knowledge, other_character])
def test_hidden_state_behind_the_same_events_changes_no_decision(
    journey: str, disturb: Callable[[Any, Any], None]
) -> None:
    """Two worlds go the same way until one is disturbed unseen; where the events stay the same, so does all else."""
    env, twin = (
        OnboardingVectorEnv(load_journey(journey), load_population("mixed"), N, keep_log=True, copy=True)
        for _ in range(2)
    )
    infos = [world.reset(seed=31)[1] for world in (env, twin)]
    for _ in range(12):
        infos = [
            w.step(legal_picks(i["action_mask"], i["event_key"]))[-1] for w, i in zip((env, twin), infos, strict=True)
        ]
    disturb(twin.world.minds, twin.world.traits)
    actions = legal_picks(infos[0]["action_mask"], infos[0]["event_key"])
    steps = [world.step(actions) for world in (env, twin)]
    same = same_events(env, twin) & ~(steps[0][2] | steps[1][2])
    assert same.sum() > N / 4, "too few rows to tell anything"
    sights = [(step[0][same], step[-1]["action_mask"][same], step[-1]["event_key"][same]) for step in steps]
    for one, other in zip(*sights, strict=True):
        np.testing.assert_array_equal(one, other)
    for policy in (RandomLegal(), expert_rules(), greedy_belief()):
        for one, other in zip(policy.decide(*sights[0]), policy.decide(*sights[1]), strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_disturbance_is_one() -> None:
    """The worlds above do differ: who they are disturbed into behaves otherwise sooner or later."""
    for disturb in (other_feelings, other_knowledge, other_character):
        env, twin = (
            OnboardingVectorEnv(load_journey("tiny"), load_population("mixed"), N, keep_log=True) for _ in range(2)
        )
        infos = [world.reset(seed=31)[1] for world in (env, twin)]
        disturb(twin.world.minds, twin.world.traits)
        terms = [np.zeros((N, len(TERMS))) for _ in range(2)]
        for _ in range(30):
            for which, world in enumerate((env, twin)):
                info = infos[which]
                infos[which] = world.step(legal_picks(info["action_mask"], info["event_key"]))[-1]
                terms[which] += infos[which]["terms"]
        assert (terms[0] != terms[1]).any()


def test_no_hidden_array_reaches_fold_mask_or_observation() -> None:
    known = {"plan", "user", "steps", "skills", "event", "events", "mask", "out"}
    for function in (fold.fold, fold.fold_log, mask.write_mask, observation.write_observation):
        assert set(inspect.signature(function).parameters) <= known
    for record in (USER, STEP, SKILL, EVENT):
        public = {"pace"} | ({"key"} if record is EVENT else set())  # the fold's own average; the event's public key
        assert not (set(record.names or ()) - public) & (HIDDEN | set(TRAIT_NAMES))
    assert set(MIND.names or ()) >= HIDDEN


def test_what_policies_are_made_of_cannot_import_synthetic_users() -> None:
    graph = grimp.build_graph("journeys", "policies", "serving", "agents", "personas", "envs", "simulator")
    light = {name for name in graph.modules if name.split(".")[0] in {"journeys", "policies", "serving"}}
    light -= {name for name in light if name.startswith("policies.training")}
    for name in sorted(light):
        reached = {module.split(".")[0] for module in graph.find_upstream_modules(name)}
        assert not reached & {"agents", "personas", "envs", "simulator"}, name
