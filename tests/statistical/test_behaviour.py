"""Synthetic users behave as docs/behaviour.md says: on many users, with fixed seeds, one cause changed at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.behavior import INTERRUPTED_SLIPS, INTERRUPTED_TIME, next_event
from agents.kernel import World, enter_all, make_world
from agents.learners import BINARY_MASTERY
from agents.mind import AWAY_NOW, NEVER, WORKING
from agents.offers import react_to
from journeys.actions import EMAIL, FULL, GUIDANCE, HINT, N_CHANNELS, N_RUNGS, NOTHING, PUSH, STANDARD, WAIT, n_actions
from journeys.compiled import compiled
from journeys.draws import nth_key
from journeys.events import ACCEPT, ASK, EVENT, FAIL, GIVE_UP, LEAVE, SUCCEED
from journeys.loading import load_journey
from journeys.plan import compile_plan
from personas.persona import load_population, mixture
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.greedy_belief import greedy_belief
from policies.random_legal import RandomLegal
from policies.training.rollout import Played, play

pytestmark = pytest.mark.slow

N = 20_000
JOURNEY = load_journey("tiny")
PLAN = compile_plan(JOURNEY)
HELP_BASE = n_actions(len(JOURNEY.steps)) - N_RUNGS - N_CHANNELS
MESSAGE_BASE = HELP_BASE + N_RUNGS
STEP = 2  # "notebook", which teaches one skill


@compiled
def next_all(plan: Any, world: Any, events: Any) -> None:
    """Everybody's next event."""
    for i in range(len(world.minds)):
        mind = world.minds[i]
        luck = nth_key(mind.key, mind.n)
        next_event(plan, world.learner, mind, world.memories[i], world.traits[i], luck, events[i])


@compiled
def react_all(plan: Any, minds: Any, traits: Any, action: int, events: Any) -> None:
    """Everybody takes notice of the same action."""
    for i in range(len(minds)):
        react_to(plan, minds[i], traits[i], action, nth_key(minds[i].key, minds[i].n), events[i])


class Crowd:
    """`N` users in the middle of one step, alike in everything that a test does not change."""

    def __init__(self, population: str = "mixed", **mind: Any) -> None:
        self.world: World = make_world(PLAN, JOURNEY, BINARY_MASTERY, N, False)
        scratch = np.zeros(8, EVENT).view(np.recarray)
        enter_all(PLAN, load_population(population).people, self.world, 5, 0, scratch, 0, N)
        self.minds, self.traits = self.world.minds, self.world.traits
        self.events = np.zeros(N, EVENT).view(np.recarray)
        usual = {"phase": WORKING, "step": STEP, "variant": STANDARD, "started": 1, "known": 0, "frustration": 0.0}
        usual["mastery"] = 1.0 if mind.get("known") else 0.0
        for field, value in {**usual, "motivation": 0.6, **mind}.items():
            self.minds[field] = value

    def offer(self, action: int) -> np.ndarray:
        """What everybody answers to an offer: kinds of events `(N,)`."""
        react_all(PLAN, self.minds, self.traits, action, self.events)
        return np.array(self.events["kind"])

    def go_on(self) -> np.ndarray:
        """What everybody does next: kinds of events `(N,)`."""
        next_all(PLAN, self.world, self.events)
        return np.array(self.events["kind"])


def share(kinds: np.ndarray, *wanted: int) -> float:
    return float(np.isin(kinds, wanted).mean())


def share_of_attempts_that_fail(kinds: np.ndarray) -> float:
    return share(kinds, FAIL) / share(kinds, FAIL, SUCCEED)


def test_failures_frustrate_and_frustration_drives_away() -> None:
    crowd = Crowd()
    failed = crowd.go_on() == FAIL
    assert (crowd.minds["frustration"][failed] > 0.0).all()
    assert not crowd.minds["frustration"][crowd.events["kind"] == SUCCEED].any()
    calm, upset, furious = (Crowd(frustration=level).go_on() for level in (0.0, 0.5, 1.0))
    for drop in (LEAVE, GIVE_UP):
        assert share(calm, drop) < share(upset, drop) < share(furious, drop)


def test_frustration_grows_with_every_failure_and_most_for_the_impatient() -> None:
    crowd = Crowd()
    growth = []
    for _ in range(4):
        before = crowd.minds["frustration"].copy()
        crowd.minds["phase"], crowd.minds["step"], crowd.minds["started"] = WORKING, STEP, 1
        failed = crowd.go_on() == FAIL
        change = crowd.minds["frustration"] - before
        assert (change[failed] > 0.0).all()
        patience = crowd.traits["patience"][failed]
        quick = patience < np.median(patience)
        growth.append(change[failed][quick].mean() - change[failed][~quick].mean())
    assert min(growth) > 0.0


def test_motivation_keeps_people() -> None:
    assert share(Crowd(frustration=0.8, motivation=0.1).go_on(), LEAVE) > 1.2 * share(
        Crowd(frustration=0.8, motivation=0.9).go_on(), LEAVE
    )


@pytest.mark.parametrize("rung", [HINT, GUIDANCE, FULL])
def test_help_in_distress_raises_success(rung: int) -> None:
    def successes(action: int) -> float:
        crowd = Crowd(frustration=0.6, asked=1)
        crowd.offer(HELP_BASE + action)
        return 1.0 - share_of_attempts_that_fail(crowd.go_on())

    assert successes(rung) > successes(rung - 1) + 0.05 * (rung > HINT) + 0.02


def test_help_relieves_the_distressed_and_asking_in_vain_upsets() -> None:
    for action, relieved in ((GUIDANCE, True), (WAIT, False)):
        crowd = Crowd(frustration=0.5, asked=1)
        crowd.offer(HELP_BASE + action)
        assert bool(crowd.minds["frustration"].mean() < 0.5) == relieved


def test_an_interruption_costs_time_and_errors() -> None:
    """Experts in flow who wave a hint away, beside the same experts with the same luck left alone."""
    knowing = {"known": np.uint64(2**64 - 1), "population": "professionals"}
    left_alone, interrupted = Crowd(**knowing), Crowd(**knowing)
    interrupted.minds["interrupted"] = 1
    kinds, disturbed = left_alone.go_on(), interrupted.go_on()
    both = np.isin(kinds, (FAIL, SUCCEED)) & np.isin(disturbed, (FAIL, SUCCEED))
    longer = interrupted.events["duration"][both] / left_alone.events["duration"][both]
    np.testing.assert_allclose(longer, INTERRUPTED_TIME, rtol=1e-3)  # durations are whole milliseconds
    odds = [f / (1.0 - f) for f in map(share_of_attempts_that_fail, (kinds, disturbed))]
    assert odds[1] / odds[0] == pytest.approx(INTERRUPTED_SLIPS, rel=0.15)


def test_only_offers_in_flow_interrupt_and_they_annoy_the_autonomous_most() -> None:
    calm, upset = Crowd(known=np.uint64(2**64 - 1)), Crowd(frustration=0.9)
    for crowd in (calm, upset):
        crowd.offer(HELP_BASE + HINT)
    assert calm.minds["interrupted"].all()
    assert not upset.minds["interrupted"].any()
    assert calm.minds["annoyance"].mean() > 3.0 * upset.minds["annoyance"].mean()
    assert np.corrcoef(calm.minds["annoyance"], calm.traits["autonomy"])[0, 1] > 0.9
    assert calm.minds["motivation"].mean() < upset.minds["motivation"].mean()


def test_offers_are_taken_less_each_time() -> None:
    taken = []
    crowd = Crowd(frustration=0.6)
    for _ in range(5):
        crowd.minds["frustration"], crowd.minds["asked"] = 0.6, 0
        taken.append(share(crowd.offer(HELP_BASE + HINT), ACCEPT))
    assert taken == sorted(taken, reverse=True)
    assert taken[0] - taken[-1] > 0.15


def test_offers_are_welcome_in_distress() -> None:
    taken = [share(Crowd(frustration=level).offer(HELP_BASE + HINT), ACCEPT) for level in (0.0, 0.4, 0.8)]
    assert taken == sorted(taken)
    assert taken[2] > taken[0] + 0.1


def test_experts_ask_less() -> None:
    """Over whole lives, and still at the same step where both lack the same skill."""
    asking = {name: played(fixed_path(), name) for name in ("expert", "newcomer")}
    rates = {name: p.world.users["asked"].mean() for name, p in asking.items()}
    assert rates["expert"] < 0.5 * rates["newcomer"]
    assert share(Crowd("professionals").go_on(), ASK) < share(Crowd("beginners").go_on(), ASK)


def test_messages_bring_people_back_and_less_each_time() -> None:
    came = []
    crowd = Crowd(motivation=1.0)
    for _ in range(3):
        crowd.minds["phase"], crowd.minds["returns_at"] = AWAY_NOW, NEVER
        crowd.minds["n"] += 1
        crowd.offer(MESSAGE_BASE + PUSH)
        came.append((crowd.minds["returns_at"] < NEVER).mean())
    assert came == sorted(came, reverse=True)
    assert came[0] - came[-1] > 0.03
    for message, at_least, at_most in ((NOTHING, 0.0, 0.0), (EMAIL, 0.1, came[0])):
        others = Crowd(motivation=1.0, phase=AWAY_NOW, returns_at=NEVER)
        others.offer(MESSAGE_BASE + message)
        assert at_least <= (others.minds["returns_at"] < NEVER).mean() <= at_most


def played(policy: Any, persona: str = "") -> Played:
    """A policy's results on the same 4,000 users of the tiny journey."""
    population = mixture(persona, {persona: 1.0}) if persona else load_population("mixed")
    return play(JOURNEY, population, policy, 4_000, seed=12)


def test_better_baselines_do_better() -> None:
    """Paired on the same users with the same luck: fixed path < expert rules, and greedy keeps up with the rules."""
    fixed, rules, greedy = (played(policy()).returns for policy in (fixed_path, expert_rules, greedy_belief))
    for worse, better, slack in ((fixed, rules, 0.0), (rules, greedy, 0.05)):
        gain = better - worse
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        assert gain.mean() + slack > 3.0 * error


def test_personas_differ_as_they_should() -> None:
    results = {name: played(expert_rules(), name) for name in ("expert", "newcomer", "anxious")}
    completed = {name: result.terms[:, 0].mean() for name, result in results.items()}
    assert completed["expert"] > completed["newcomer"] > completed["anxious"]
    active = {name: result.world.users["active_seconds"].mean() for name, result in results.items()}
    assert active["expert"] < active["newcomer"]


def test_random_help_annoys_more_than_help_by_rules() -> None:
    annoyance = [played(policy).terms[:, 3].mean() for policy in (RandomLegal(), expert_rules())]
    assert annoyance[0] > 2.0 * annoyance[1]
