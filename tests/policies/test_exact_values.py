"""The exact values are those of the real kernel, of a closed form, and of no better action."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from envs.reward import RewardWeights
from journeys.knowledge import scale_odds
from journeys.loading import load_journey
from journeys.state import NOWHERE
from personas.persona import load_population
from policies.random_legal import RandomLegal
from policies.training.exact.kinds import Kind, calm_population
from policies.training.exact.planners import Oracle
from policies.training.exact.problem import EXACT, ExactProblem, exact_problem
from policies.training.exact.solver import MEAN, first_belief, select_value, solve, value_at_birth
from policies.training.exact.states import Place
from tests.policies.exact_lives import Lived, live, one_step, solved_problem, surprise

USERS = 20_000
STANDARD_ERRORS = 3.0
NEARLY_ZERO = 1e-9


def standard_errors(values: np.ndarray) -> float:
    """How many standard errors the mean of `values` lies from 0."""
    return abs(float(values.mean())) / (float(values.std()) / math.sqrt(len(values)))


def of_kind(lived: Lived, kind: int) -> Lived:
    return Lived(*(part[lived.kinds == kind] for part in lived))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_the_oracle_reaches_in_the_kernel_what_its_value_says(name: str) -> None:
    """On average and for every kind by itself; the value at birth takes out most of what differs between users."""
    of = solved_problem(name)
    lived = live(of.problem, Oracle(of), USERS)
    assert standard_errors(surprise(lived, of.solution)) < STANDARD_ERRORS
    assert standard_errors(lived.returns - value_at_birth(of.solution)) < STANDARD_ERRORS
    for kind in range(len(of.model.shares)):
        assert standard_errors(surprise(of_kind(lived, kind), of.solution)) < STANDARD_ERRORS + 0.5, kind


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_so_does_a_policy_that_goes_everywhere(name: str) -> None:
    """The random legal policy takes every action in every state that can be reached: the model is right there too."""
    problem = exact_problem(name)
    lived, solution = live(problem, RandomLegal(), USERS), solve(problem, MEAN)
    assert standard_errors(surprise(lived, solution)) < STANDARD_ERRORS
    for kind in range(len(solution.model.shares)):
        assert standard_errors(surprise(of_kind(lived, kind), solution)) < STANDARD_ERRORS + 0.5, kind


def test_one_step_by_hand() -> None:
    """A user of one kind, a step without help: the value of both states inside it is a fraction of known numbers."""
    kind = Kind(1.0, 1.0, 2.0, 1.0, 0.2, 0.0, 0.0, 0.0, 0.1)
    solution, weights = solve(one_step(kind)), RewardWeights()
    spread = math.exp(0.45**2 / 2)
    minute = weights.time / 60.0 * spread
    back, gone, slip, guess, learn = 0.1 * 0.73, 0.1 * 0.27 + 0.006, 0.1, 0.2, scale_odds(0.25, 2.0)
    stays = 1.0 - back - gone

    def moment(hesitates: float) -> tuple[float, float]:
        tries = stays * (1.0 - hesitates)
        return tries, gone * weights.churn + minute * 2.0 * (0.55 * tries + 0.15 * (1.0 - tries))

    tries, always = moment(0.2 * 0.35)
    known = (always + tries * (1 - slip) * weights.completion) / (1 - back - stays * 0.2 * 0.35 - tries * slip)
    tries, always = moment(0.2)
    wins = guess * (weights.completion + learn * weights.skill)
    learns = (1 - guess) * learn * (weights.skill + known)
    unknown = (always + tries * (wins + learns)) / (1 - back - stays * 0.2 - tries * (1 - guess) * (1 - learn))
    np.testing.assert_allclose(solution.values.inside[0, 0, 0, :, 0], [unknown, known], atol=1e-12)

    gone += 0.5 * 0.006  # leaving is easier at a boundary
    begun = (1 - back - gone) * np.array([unknown, known])
    boundary = (minute * 0.1 + gone * weights.churn + begun) / (1 - back)
    np.testing.assert_allclose(solution.values.boundary[0, 0, 0], boundary, atol=1e-12)
    assert value_at_birth(solution) == pytest.approx(0.7 * boundary[0] + 0.3 * boundary[1])


@pytest.mark.parametrize("name", EXACT)
def test_no_legal_action_is_better_than_the_value_and_one_reaches_it(name: str) -> None:
    of = solved_problem(name)
    assert np.abs(of.q.max(axis=-1) - of.solution.values.inside).max() < NEARLY_ZERO
    model, values = of.solution.model, of.solution.values
    for d in range(len(model.sets)):
        best = np.full(values.boundary[:, :, d].shape, -np.inf)
        for s, v in zip(*np.nonzero(model.visit[d] != NOWHERE), strict=True):
            for index in np.ndindex(best.shape):
                p, offers, known = index
                worth = select_value(model, values, Place(p, offers, d, s, v), np.uint64(known))
                best[index] = max(best[index], worth)
        assert np.abs(best - values.boundary[:, :, d]).max() < NEARLY_ZERO


@pytest.mark.parametrize("name", EXACT)
def test_more_is_never_worse(name: str) -> None:
    """The optimum is above the random policy in every state; an offer that is still left is never a loss."""
    problem = exact_problem(name)
    best, mean = solve(problem).values, solve(problem, MEAN).values
    assert (best.boundary >= mean.boundary - NEARLY_ZERO).all()
    assert (best.inside >= mean.inside - NEARLY_ZERO).all()


def test_a_solution_takes_seconds_and_says_how_many_states_there_are() -> None:
    for name, states in (("tiny", 100_000), ("ladder", 2_000_000)):
        solution = solved_problem(name).solution
        assert states < solution.values.n_states < 2.5 * states
        assert solution.seconds < 60.0  # some 3 where nothing else runs


def test_first_beliefs_are_the_shares_and_priors() -> None:
    solution = solved_problem("ladder").solution
    belief, prior = first_belief(solution.model), solution.model.plan.prior
    np.testing.assert_allclose(belief.sum(axis=1), solution.model.shares)
    for kind, odds in enumerate(solution.model.traits["prior_odds"]):
        for k, typical in enumerate(prior):
            knows = belief[kind, np.arange(belief.shape[1]) >> k & 1 == 1].sum() / belief[kind].sum()
            assert knows == pytest.approx(scale_odds(typical, odds))


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"cooldown_seconds": 30.0}, "cool-down"),
        ({"human_support": True}, "human"),
        ({"forgetting": True}, "fades"),
    ],
)
def test_what_is_not_finite_is_refused(rules: dict[str, object], complaint: str) -> None:
    journey = exact_problem("tiny").journey
    loose = msgspec.structs.replace(journey, rules=msgspec.structs.replace(journey.rules, **rules))
    with pytest.raises(ValueError, match=complaint):
        ExactProblem(loose)


def test_people_with_feelings_are_refused() -> None:
    with pytest.raises(ValueError, match="drawn"):
        ExactProblem(exact_problem("tiny").journey, load_population("mixed"))
    moody = calm_population()
    moody.people.a[:] += 0.01
    with pytest.raises(ValueError, match="Mend: as in CALM"):
        ExactProblem(exact_problem("tiny").journey, moody)


def test_a_large_journey_is_refused() -> None:
    journey = load_journey("creator")
    rules = exact_problem("tiny").journey.rules
    with pytest.raises(ValueError, match="too many states"):
        solve(ExactProblem(msgspec.structs.replace(journey, rules=rules, goals=())))
