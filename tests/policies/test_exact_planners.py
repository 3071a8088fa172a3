"""The belief is exact, planners stay within the mask, and knowing more is worth more."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners import load_learner
from journeys.actions import N_RUNGS, N_VARIANTS, NOTHING
from journeys.events import ACCEPT, ASK, AWAY, DISMISS, ENTER, FAIL, HESITATE, PAUSE, SEEK, START, SUCCEED, WATCH
from journeys.loading import load_journey
from journeys.state import NOWHERE, ONGOING
from personas.persona import load_population
from policies.greedy_belief import greedy_belief
from policies.random_legal import RandomLegal
from policies.training.exact.belief import TRACE, see
from policies.training.exact.planners import BeliefPlanner, Oracle, planners, traces_of
from policies.training.exact.planning import legal, regret, regret_of, workspace_of
from policies.training.exact.problem import EXACT
from policies.training.exact.states import RUNGS, Model
from policies.training.greedy_full import GreedyFull, true_knowledge
from policies.training.rollout import Moment, play, rounds
from tests.policies.exact_lives import SEED, live, solved_problem

USERS = 4_000


def random_belief(model: Model, luck: np.random.Generator) -> np.ndarray:
    belief = luck.random((len(model.shares), 2 ** len(model.plan.prior)))
    return np.asarray(belief / belief.sum())


def traces_in_a_step(model: Model, luck: np.random.Generator, n: int) -> np.ndarray:
    """Traces `(n,)` of users inside any step, in any state of it."""
    traces = np.zeros(n, TRACE).view(np.recarray)
    places = np.argwhere(model.visit != NOWHERE)
    for trace, (d, s, v) in zip(traces, places[luck.integers(len(places), size=n)], strict=True):
        trace["done"], trace["step"], trace["variant"] = model.sets[d], s, v
        trace["shown"] = luck.integers(RUNGS)
        trace["taken"] = luck.integers(trace["shown"] + 1)
        trace["offers"] = luck.integers(len(model.exposure))
        if model.plan.steps[s]["video"]:
            trace["quarter"] = luck.integers(4)
        else:
            trace["asked"], trace["interrupted"] = luck.integers(2, size=2)
    return traces


def mass_after(model: Model, trace: np.ndarray, belief: np.ndarray, kind: int) -> float:
    moved, room = belief.copy(), np.zeros_like(belief)
    see(model, np.array([trace], TRACE).view(np.recarray)[0], moved, room, kind, 0, 0, 1)
    return float(moved.sum())


@pytest.mark.parametrize("name", EXACT)
def test_whatever_may_happen_next_has_chance_one(name: str) -> None:
    model, luck = solved_problem(name).model, np.random.default_rng(1)
    for trace in traces_in_a_step(model, luck, 300):
        belief = random_belief(model, luck)
        video = model.plan.steps[trace["step"]]["video"]
        work = (WATCH, PAUSE, SEEK) if video else (ASK, HESITATE, FAIL, SUCCEED)
        assert sum(mass_after(model, trace, belief, kind) for kind in (ENTER, AWAY, *work)) == pytest.approx(1.0)
        assert sum(mass_after(model, trace, belief, kind) for kind in (ACCEPT, DISMISS)) == pytest.approx(1.0)
        trace["step"] = NOWHERE
        assert sum(mass_after(model, trace, belief, kind) for kind in (ENTER, AWAY, START)) == pytest.approx(1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_the_belief_is_calibrated(name: str) -> None:
    """At every round, as many users are of a kind, and know a skill, as is believed on average of those still there.

    Played by the random policy, so that every kind of event is met: a likelihood that were off would show.
    """
    of = solved_problem(name)
    watcher = BeliefPlanner(of, look_ahead=False)
    counted = 0
    moments = rounds(of.problem.journey, of.problem.population, RandomLegal(), 20_000, SEED, keep_log=True)
    for number, moment in enumerate(moments):
        if len(moment.rows) < 500:
            break
        traces, beliefs = watcher.believe(moment.world, moment.rows)
        expected = traces_of(moment.world, moment.rows)
        present = expected["gone"] == 0
        for field in ("done", "step", "shown", "taken", "asked", "offers", "quarter"):
            np.testing.assert_array_equal(traces[field][present], expected[field][present], field)
        minds = moment.world.minds[moment.rows][present]
        for truth, believed in pairs(beliefs[present], minds):
            error = np.sqrt((believed * (1.0 - believed)).sum())
            assert abs((truth - believed).sum()) < 4.0 * error + 1e-9, number
            counted += 1
    assert counted > 100


def pairs(beliefs: np.ndarray, minds: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """What is and what is believed of each kind and each skill, `(n,)` each."""
    kinds, n_known = beliefs.shape[1:]
    found = [((minds["persona"] == p).astype(float), beliefs[:, p].sum(axis=1)) for p in range(kinds)]
    for k in range(n_known.bit_length() - 1):
        bit = np.arange(n_known) >> k & 1 == 1
        truth = (minds["known"].astype(np.int64) >> k & 1).astype(float)
        found.append((truth, beliefs[:, :, bit].sum(axis=(1, 2))))
    return found


@pytest.mark.parametrize("name", EXACT)
def test_planners_choose_among_the_actions_of_the_mask(name: str) -> None:
    of = solved_problem(name)
    n_steps = len(of.problem.journey.steps)
    nothing = N_VARIANTS * n_steps + N_RUNGS + NOTHING
    for planner in planners(of):
        for moment in rounds(of.problem.journey, of.problem.population, planner, 60, SEED):
            picked = moment.masks[np.arange(len(moment.rows)), moment.choices.actions]
            assert picked.all()
            for trace, mask in zip(traces_of(moment.world, moment.rows), moment.masks, strict=True):
                allowed = [a for a in range(len(mask)) if legal(of.model, trace, a)]
                assert allowed == list(np.flatnonzero(mask)) or (trace["gone"] and mask[nothing])


def test_nothing_is_regretted_where_all_is_known() -> None:
    """And elsewhere regret is never negative, before or after one more event."""
    of = solved_problem("tiny")
    model, values, luck = of.model, of.solution.values, np.random.default_rng(2)
    room = workspace_of(model)
    for trace in traces_in_a_step(model, luck, 100):
        belief = random_belief(model, luck)
        certain = np.zeros_like(belief)
        certain[luck.integers(belief.shape[0]), luck.integers(belief.shape[1])] = 1.0
        assert regret(model, values, of.q, trace, certain) == pytest.approx(0.0, abs=1e-12)
        assert regret(model, values, of.q, trace, belief) > -1e-12
        wait = N_VARIANTS * len(model.plan.steps)
        assert regret_of(model, values, of.q, room, trace, belief, wait) > -1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_knowing_more_is_worth_more(name: str) -> None:
    of = solved_problem(name)
    returns = {planner.name: live(of.problem, planner, USERS).returns.mean() for planner in planners(of)}
    greedy = live(of.problem, greedy_belief(), USERS).returns.mean()
    assert returns["oracle"] > returns["lookahead"] > returns["qmdp_fold"] > greedy
    assert returns["oracle"] > returns["qmdp"] > returns["qmdp_fold"]
    assert returns["oracle"] - greedy > 0.3


def test_a_planner_may_be_played_twice() -> None:
    """It begins anew with a new world, and gives the same again."""
    of = solved_problem("tiny")
    planner = BeliefPlanner(of, look_ahead=True)
    one, other = (live(of.problem, planner, 200).returns for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("learner", ["bkt", "bkt_forgetting", "afm", "irt_forgetting"])
def test_full_information_greedy_sees_what_users_know(learner: str) -> None:
    """It plays every journey with every learner model, legally, and its observation holds the truth."""
    journey, population, model = load_journey("creator"), load_population("mixed"), load_learner(learner)

    def check(moment: Moment) -> None:
        assert moment.masks[np.arange(len(moment.rows)), moment.choices.actions].all()
        known, retained = true_knowledge(moment.world, moment.rows)
        share = (known * retained).mean(axis=1)
        np.testing.assert_allclose(share, moment.world.minds["skill"][moment.rows], atol=1e-12)

    played = play(journey, population, GreedyFull(journey, model), 100, SEED, on_round=check, learner=model)
    assert (played.world.users["ended"] != ONGOING).all()


def test_the_oracle_is_no_policy_that_could_be_served() -> None:
    """It has no answer of its own to an observation: it plays what it saw in the world."""
    of = solved_problem("tiny")
    oracle = Oracle(of)
    moment = next(iter(rounds(of.problem.journey, of.problem.population, oracle, 5, SEED)))
    assert (oracle.probabilities(moment.observations, moment.masks).sum(axis=1) == 1.0).all()
