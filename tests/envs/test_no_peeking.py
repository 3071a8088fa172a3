"""A policy sees what the fold knows and nothing else: hidden state that leaves the events alone changes no decision."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import grimp
import numpy as np
import pytest

from agents.kernel import TERMS, World
from agents.learners import load_learner
from agents.mind import MIND, REASONS
from envs.vector import OnboardingVectorEnv
from journeys import fold, mask, observation
from journeys.actions import n_actions
from journeys.events import EVENT
from journeys.loading import shipped
from journeys.observation import observation_size
from journeys.spec import Journey
from journeys.state import SKILL, STEP, USER
from personas.persona import shipped as people
from personas.traits import TRAIT_NAMES
from policies.expert_rules import expert_rules
from policies.greedy_belief import greedy_belief
from policies.network import NetworkPolicy
from policies.protocol import Policy
from policies.random_legal import RandomLegal
from policies.zpdes import Zpdes
from tests.agents.plain_life import journey_of, population_for
from tests.envs.lives import legal_picks
from tests.policies.moments import random_weights

N = 512
BEFORE, AFTER = 12, 5  # decisions before and after the disturbance
HIDDEN = {"known", "motivation", "frustration", "exposure", "annoyance", "returns_at", "phase", "interrupted", "key"}
HIDDEN |= {"mastery", "skill", "peers", "wait", "reneges", "reason", "message_exposure", "session_ms", "persona"}
WHERE = [*((journey, "bkt") for journey in shipped()), *(("studio", learner) for learner in people("learner"))]


def other_feelings(world: World) -> None:
    """Everybody feels a little different, and is remembered as someone else."""
    minds = world.minds
    minds["motivation"] = np.clip(minds["motivation"] * 0.98, 0.0, 1.0)
    minds["frustration"] *= 0.97
    minds["annoyance"] += 5.0
    minds["persona"] = (minds["persona"] + 1) % 3
    minds["humans"] += 1
    minds["decisions"] += 7


def other_knowledge(world: World) -> None:
    """Everybody knows what they do not, and the reverse."""
    world.minds["known"] = ~world.minds["known"]
    world.memories["prior"] *= -1.0


def other_memories(world: World) -> None:
    """What was practised counts for less, is nearly forgotten and will be soon."""
    for name in ("practised", "retained", "stability"):
        world.memories[name] *= 0.7


def other_purposes(world: World) -> None:
    """Everybody came for something else, left for another reason and sees peers who are ahead."""
    minds = world.minds
    minds["goal"] = np.where(minds["goal"] < 0, minds["goal"], 1 - minds["goal"])
    minds["reason"] = (minds["reason"] + 1) % len(REASONS)
    minds["peers"] = 0.9
    minds["skill"] *= 0.5


def other_character(world: World) -> None:
    """Everybody is someone else in what has not shown yet."""
    for name in ("patience", "return_chance", "learn_odds", "autonomy", "habituation", "email", "memory", "attention"):
        world.traits[name] *= 0.9
    world.traits["sociability"], world.traits["declares"] = 0.9, 0.1


DISTURBANCES = (other_feelings, other_knowledge, other_memories, other_purposes, other_character)


def same_events(env: OnboardingVectorEnv, twin: OnboardingVectorEnv) -> np.ndarray:
    """Rows `(n,)` bool in which both worlds have emitted the same events since the last decision, to the byte."""
    counts = env.world.n_events
    same = counts == twin.world.n_events
    for row in np.flatnonzero(same):
        same[row] = env.world.log[row, : counts[row]].tobytes() == twin.world.log[row, : counts[row]].tobytes()
    return same


def policies_for(journey: Journey) -> tuple[Policy, ...]:
    """Policies of every kind; the network has random weights, so that every entry that it sees matters."""
    n_steps = len(journey.steps)
    weights = random_weights(observation_size(n_steps, len(journey.skills)), n_actions(n_steps), scale=2.0)
    return (RandomLegal(), expert_rules(), greedy_belief(), Zpdes(journey), NetworkPolicy("network", weights))


def assert_same_sight_and_decisions(policies: tuple[Policy, ...], sights: list[tuple[np.ndarray, ...]]) -> None:
    """Observations, masks and keys of both worlds are equal, and so is what every policy makes of them."""
    for one, other in zip(*sights, strict=True):
        np.testing.assert_array_equal(one, other)
    for policy in policies:
        chances = [policy.probabilities(observations, masks) for observations, masks, _ in sights]
        np.testing.assert_array_equal(*chances)
        for one, other in zip(policy.decide(*sights[0]), policy.decide(*sights[1]), strict=True):
            np.testing.assert_array_equal(one, other)


def two_worlds(journey: str, learner: str) -> list[OnboardingVectorEnv]:
    """The same world twice."""
    people, model = population_for(journey), load_learner(learner)
    return [
        OnboardingVectorEnv(journey_of(journey), people, N, keep_log=True, copy=True, learner=model) for _ in range(2)
    ]


@pytest.mark.parametrize(("journey", "learner"), WHERE)
@pytest.mark.parametrize("disturb", DISTURBANCES)
def test_hidden_state_behind_the_same_events_changes_no_decision(
    journey: str, learner: str, disturb: Callable[[World], None]
) -> None:
    """Two worlds go the same way until one is disturbed unseen; while the events stay the same, so does all else."""
    policies, worlds = policies_for(journey_of(journey)), two_worlds(journey, learner)
    infos = [world.reset(seed=31)[1] for world in worlds]
    for _ in range(BEFORE):
        infos = [w.step(legal_picks(i["action_mask"], i["event_key"]))[-1] for w, i in zip(worlds, infos, strict=True)]
    disturb(worlds[1].world)
    same = np.ones(N, bool)
    for decision in range(AFTER):
        steps = [w.step(legal_picks(i["action_mask"], i["event_key"])) for w, i in zip(worlds, infos, strict=True)]
        infos = [step[-1] for step in steps]
        same &= same_events(*worlds) & ~(steps[0][2] | steps[1][2] | steps[0][3] | steps[1][3])
        assert same.sum() > N / (4 if decision == 0 else 50), "too few rows to tell anything"
        sights = [(step[0][same], step[-1]["action_mask"][same], step[-1]["event_key"][same]) for step in steps]
        assert_same_sight_and_decisions(policies, sights)


def test_the_disturbance_is_one() -> None:
    """The worlds above do differ: who they are disturbed into behaves otherwise sooner or later."""
    for disturb in DISTURBANCES:
        learner = "afm_forgetting" if disturb is other_memories else "bkt"
        env, twin = two_worlds("studio", learner)
        infos = [world.reset(seed=31)[1] for world in (env, twin)]
        for _ in range(BEFORE):  # until there is something to remember
            infos = [
                w.step(legal_picks(i["action_mask"], i["event_key"]))[-1]
                for w, i in zip((env, twin), infos, strict=True)
            ]
        disturb(twin.world)
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
