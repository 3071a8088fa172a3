"""The states of a finite decision problem, numbered, and the tables that its compiled functions read.

At a boundary a user is a (kind, unasked offers so far, set of steps done, set of skills known). Inside a step there is
besides the step and its difficulty (a `visit`) and a `cell`: the rung shown and the rung taken in this visit and, of a
video, the quarters watched; else whether the user has just asked, and whether the last offer interrupted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from agents.learner import LearnerPlan
from agents.mind import blank_minds
from agents.offers import EXPOSURE_KEPT
from journeys.actions import FULL, N_VARIANTS
from journeys.compiled import compiled
from journeys.mask import eligible
from journeys.plan import Plan
from journeys.words import UNIT
from policies.training.exact.problem import ExactProblem

RUNGS = FULL + 1  # help taken or shown where no human stands at the top: none to full
PAIRS = RUNGS * (RUNGS + 1) // 2  # (rung taken, rung shown), taken at most shown
QUARTERS = 4  # of a video; also: the combinations of asked and interrupted
CELLS = PAIRS * QUARTERS
MOST_STEPS = 12  # sets of steps are looked up in a table of 2**S
MOST_SKILLS = 8
NOT_A_STATE = -1
FIRST_CELL = 0  # in which every visit begins


class Model(NamedTuple):
    """A finite problem of `P` kinds, `S` steps, `K` skills, `D` sets of steps, `Z` visits and `B` unasked offers."""

    plan: Plan
    learner: LearnerPlan
    traits: np.ndarray  # (P,) TRAITS
    shares: np.ndarray  # (P,) P(kind)
    weights: np.ndarray  # (6,) of the reward terms
    exposure: np.ndarray  # (B + 1,) exposure after so many unasked offers
    sets: np.ndarray  # (D,) uint64 sets of steps that may be done and leave something to do, the largest first
    number_of_set: np.ndarray  # (2**S,) where in `sets`, or NOT_A_STATE
    visit: np.ndarray  # (D, S, V) number of the visit, or NOT_A_STATE
    scratch: np.ndarray  # (1,) MIND: a user in the state that is being looked at, for the functions of `agents`


class Place(NamedTuple):
    """Where in the journey who is: kind `p`, unasked `offers` so far, set of steps `d`, step `s`, difficulty `v`."""

    p: int
    offers: int
    d: int
    s: int
    v: int


class Values(NamedTuple):
    """Expected return from a state on: `boundary` `(P, B + 1, D, 2**K)`, `inside` `(P, B + 1, Z, 2**K, CELLS)`."""

    boundary: np.ndarray
    inside: np.ndarray

    @property
    def n_states(self) -> int:
        """How many states there are."""
        return self.boundary.size + self.inside.size


def make_model(problem: ExactProblem) -> Model:
    """Number the states of a problem. Raises `ValueError` where it is too large."""
    n_steps, n_skills = len(problem.journey.steps), len(problem.journey.skills)
    if n_steps > MOST_STEPS or n_skills > MOST_SKILLS:
        raise ValueError(
            f"journey {problem.name!r} has {n_steps} steps and {n_skills} skills: too many states. "
            f"Mend: at most {MOST_STEPS} steps and {MOST_SKILLS} skills, or the bound of `bound.upper_bound`"
        )
    plan = problem.plan
    sets = sets_of_steps(plan)
    number_of_set = np.full(2**n_steps, NOT_A_STATE, np.int64)
    number_of_set[sets.astype(np.int64)] = np.arange(len(sets))
    return Model(
        plan=plan,
        learner=problem.learner_plan,
        traits=problem.traits,
        shares=problem.shares,
        weights=problem.weights.array(),
        exposure=exposures(problem.journey.rules.help_budget),
        sets=sets,
        number_of_set=number_of_set,
        visit=visits(plan, sets),
        scratch=blank_minds(1),
    )


def exposures(budget: int) -> np.ndarray:
    """Exposure to help after 0 to `budget` unasked offers, as `agents.offers.intrude` lets it grow."""
    exposure = [0.0]
    for _ in range(budget):
        exposure.append(EXPOSURE_KEPT * exposure[-1] + 1.0)
    return np.array(exposure)


def sets_of_steps(plan: Plan) -> np.ndarray:
    """The sets of steps that can be done without the journey being complete, `(D,)` uint64, larger ones first."""
    required = int(plan.rules[0]["required"])
    found, open_sets = set(), {0}
    while open_sets:
        found |= open_sets
        open_sets = {
            done | 1 << s
            for done in open_sets
            for s in range(len(plan.steps))
            if eligible(plan, np.uint64(done), s) and (done | 1 << s) & required != required
        } - found
    return np.array(sorted(found, key=lambda done: (-done.bit_count(), done)), np.uint64)


def visits(plan: Plan, sets: np.ndarray) -> np.ndarray:
    """Numbers `(D, S, V)` of the visits of a step at a difficulty, where they are possible."""
    table = np.full((len(sets), len(plan.steps), N_VARIANTS), NOT_A_STATE, np.int64)
    count = 0
    for d, done in enumerate(sets):
        for s in range(len(plan.steps)):
            for v in range(N_VARIANTS):
                if eligible(plan, done, s) and plan.steps[s]["variants"] >> v & 1:
                    table[d, s, v] = count
                    count += 1
    return table


def blank_values(model: Model) -> Values:
    """Values of all states, 0."""
    kinds, offers, known = len(model.traits), len(model.exposure), 2 ** len(model.plan.prior)
    n_visits = int(model.visit.max()) + 1
    return Values(np.zeros((kinds, offers, len(model.sets), known)), np.zeros((kinds, offers, n_visits, known, CELLS)))


@compiled
def visit_of(model: Model, at: Place) -> int:
    """Number of the visit that a place is in."""
    return model.visit[at.d, at.s, at.v]


@compiled
def next_offer(at: Place) -> Place:
    """The same after one more unasked offer."""
    return Place(at.p, at.offers + 1, at.d, at.s, at.v)


@compiled
def pair_of(taken: int, shown: int) -> int:
    """Number of a (rung taken, rung shown)."""
    return shown * (shown + 1) // 2 + taken


@compiled
def cell_of(taken: int, shown: int, interrupted: int, asked: int) -> int:
    """The cell of a user at work."""
    return QUARTERS * pair_of(taken, shown) + 2 * interrupted + asked


@compiled
def video_cell(taken: int, shown: int, quarter: int) -> int:
    """The cell of a user who watches a video, of which `quarter` quarters were seen."""
    return QUARTERS * pair_of(taken, shown) + quarter


@compiled
def complete(plan: Plan, done: Any) -> bool:
    """Whether the set `done` completes the journey."""
    return done & plan.rules[0].required == plan.rules[0].required


@compiled
def with_step(done: Any, s: int) -> Any:
    """The set `done` with step `s`."""
    return done | (UNIT << np.uint64(s))
