"""The upper bound lies above every policy, and above the optimum of every user where that is known."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners import load_learner
from envs.reward import RewardWeights
from experiments.statistics import mean_interval
from journeys.loading import load_journey
from personas.persona import load_population
from policies.families import baseline
from policies.training.exact.bound import upper_bound
from policies.training.exact.kinds import Kind
from policies.training.exact.planners import Oracle
from policies.training.exact.problem import EXACT
from policies.training.exact.solver import solve
from policies.training.greedy_full import GreedyFull
from policies.training.rollout import play
from tests.policies.exact_lives import SEED, live, one_step, solved_problem

USERS = 1_500


@pytest.mark.parametrize("name", EXACT)
def test_it_is_above_the_optimum_of_every_single_user(name: str) -> None:
    of = solved_problem(name)
    lived = live(of.problem, Oracle(of), USERS)
    bound = upper_bound(of.problem.journey, of.problem.population, USERS, SEED)
    optimum = of.solution.values.boundary[lived.kinds, 0, -1, lived.known]
    assert (bound >= optimum).all()


@pytest.mark.parametrize("journey", ["creator", "saas", "course"])
@pytest.mark.parametrize("learner", ["bkt", "afm", "irt_forgetting"])
def test_no_policy_exceeds_it(journey: str, learner: str) -> None:
    """Not by the lower end of the interval, whoever the users are."""
    of, model = load_journey(journey), load_learner(learner)
    for people in ("mixed", "everyone"):
        population = load_population(people)
        bound = upper_bound(of, population, USERS, SEED, learner=model)
        policies = [baseline(name, of) for name in ("greedy", "rules")] + [GreedyFull(of, model)]
        for policy in policies:
            played = play(of, population, policy, USERS, SEED, learner=model)
            assert mean_interval(bound - played.returns).low > 0.0, policy.name


def test_it_is_the_optimum_where_nothing_is_to_be_relaxed() -> None:
    """One step that everybody knows: there is nothing to learn, to help with or to choose."""
    problem = one_step(Kind(1.0, 1e12, 1.0, 1.0, 0.2, 0.0, 0.0, 0.0, 0.1))
    optimum = solve(problem).values.boundary[0, 0, 0, 1]
    bound = upper_bound(problem.journey, problem.population, 10, SEED)
    np.testing.assert_allclose(bound, optimum, atol=1e-9)


def test_a_weight_of_the_wrong_sign_is_refused() -> None:
    of = solved_problem("tiny").problem
    with pytest.raises(ValueError, match=r"weights\.annoyance"):
        upper_bound(of.journey, of.population, 10, SEED, RewardWeights(annoyance=0.1))
