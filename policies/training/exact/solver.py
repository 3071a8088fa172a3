"""Optimal values by backward induction, and the values of choosing at random, of every state of a finite problem.

What was done, what was learned, how often help was offered and which rung was shown only grow. Taken in the reverse of
that order every state leads to itself, to states whose values are known, and to few others: with having asked for help
(and back), or along a video. Those are solved together, by iterating to the fixed point. So one pass is enough.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from agents.timing import READING_S
from journeys.actions import HINT, N_VARIANTS, WAIT
from journeys.compiled import compiled, compiled_apart, entry_point
from policies.training.exact.moments import (
    costs,
    go_on,
    select_form,
    unasked_help,
    watch_value,
    work,
    work_value,
)
from policies.training.exact.problem import ExactProblem
from policies.training.exact.states import (
    QUARTERS,
    RUNGS,
    Model,
    Place,
    Values,
    blank_values,
    cell_of,
    make_model,
    video_cell,
    visit_of,
)

FIXED_POINT = 1e-13  # of the returns: where iterating ends
MOST_SWEEPS = 100_000
BEST, MEAN = 0, 1  # of the legal actions: the optimum, and the policy that takes each as often as the next


class Solution(NamedTuple):
    """The values of all states of a `model`, and the wall-clock `seconds` that solving took, compiled."""

    model: Model
    values: Values
    seconds: float


def solve(problem: ExactProblem, by: int = BEST) -> Solution:
    """The value of every state under the optimal policy (`BEST`) or under the random legal one (`MEAN`)."""
    model = make_model(problem)
    values = blank_values(model)
    solve_now = entry_point(solve_all, model, values, by)  # compiles it: not part of the solving
    begin = time.perf_counter()
    solve_now(model, values, by)
    return Solution(model, values, time.perf_counter() - begin)


@compiled_apart
def solve_all(model: Model, values: Values, by: int) -> None:
    """Fill in all values."""
    n_offers, n_steps = len(model.exposure), len(model.plan.steps)
    for p in range(len(model.traits)):
        for d in range(len(model.sets)):
            for offers in range(n_offers - 1, -1, -1):
                for s in range(n_steps):
                    for v in range(N_VARIANTS):
                        if model.visit[d, s, v] >= 0:
                            solve_visit(model, values, by, Place(p, offers, d, s, v))
                for known in range(values.boundary.shape[3] - 1, -1, -1):
                    values.boundary[p, offers, d, known] = boundary(model, values, by, p, offers, d, np.uint64(known))


@compiled_apart
def boundary(model: Model, values: Values, by: int, p: int, offers: int, d: int, known: Any) -> float:
    """Value of a boundary, all visits being solved. Being called away leads back here, whatever is offered."""
    best, total, n, back = -np.inf, 0.0, 0, 0.0
    for s in range(len(model.plan.steps)):
        for v in range(N_VARIANTS):
            if model.visit[d, s, v] >= 0:
                form = select_form(model, values, Place(p, offers, d, s, v), known)
                best, total, n, back = max(best, form.c), total + form.c, n + 1, form.a0
    return (best if by == BEST else total / n) / (1.0 - back)


@compiled_apart
def solve_visit(model: Model, values: Values, by: int, at: Place) -> None:
    """Solve all states inside one visit."""
    for known in range(values.boundary.shape[3] - 1, -1, -1):
        for shown in range(RUNGS - 1, -1, -1):
            for taken in range(shown, -1, -1):
                word = np.uint64(known)
                if model.plan.steps[at.s].video:
                    solve_video(model, values, by, at, word, taken, shown)
                else:
                    for interrupted in range(2):
                        solve_pair(model, values, by, at, word, taken, shown, interrupted)


@compiled_apart
def solve_pair(
    model: Model,
    values: Values,
    by: int,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    interrupted: int,
) -> None:
    """Solve a state without and with having asked, together."""
    top = min(RUNGS - 1, shown + 1)
    calm = work(model, values, at, known, taken, shown, interrupted, 0)
    asked = work(model, values, at, known, taken, shown, interrupted, 1)
    best0, sum0, n0 = -np.inf, 0.0, 1
    best1, sum1, n1 = -np.inf, 0.0, 1
    same_best, same_sum, same_n = -np.inf, 0.0, 0  # help that leads to this very state, after reading it once more
    for rung in range(HINT, top + 1):
        if at.offers < len(model.exposure) - 1:
            value = unasked_help(model, values, at, known, taken, shown, 2 * interrupted, rung)
            best0, sum0, n0 = max(best0, value), sum0 + value, n0 + 1
        reading = costs(model, READING_S[rung] * model.traits[at.p].pace)
        n1 += 1
        if rung <= taken:
            same_best, same_sum, same_n = max(same_best, reading), same_sum + reading, same_n + 1
        else:
            more = max(shown, rung)
            value = reading + work_value(model, values, at, known, rung, more, interrupted, 0)
            best1, sum1 = max(best1, value), sum1 + value
    x0 = x1 = 0.0
    for _ in range(MOST_SWEEPS):
        old0, old1 = x0, x1
        on = calm.c + calm.a0 * x0 + calm.a1 * x1
        x0 = max(on, best0) if by == BEST else (on + sum0) / n0
        on = calm.c + calm.a0 * x0 + calm.a1 * x1
        wait = asked.c + asked.a0 * x0 + asked.a1 * x1
        x1 = max(wait, best1, on + same_best) if by == BEST else (wait + sum1 + same_n * on + same_sum) / n1
        if abs(x0 - old0) + abs(x1 - old1) < FIXED_POINT:
            break
    here = values.inside[at.p, at.offers, visit_of(model, at), np.int64(known)]
    cell = cell_of(taken, shown, interrupted, 0)
    here[cell], here[cell + 1] = x0, x1


@compiled_apart
def solve_video(
    model: Model,
    values: Values,
    by: int,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
) -> None:
    """Solve the four quarters of a video together: one may be seen again."""
    here = values.inside[at.p, at.offers, visit_of(model, at), np.int64(known)]
    top = min(RUNGS - 1, shown + 1)
    for _ in range(MOST_SWEEPS):
        change = 0.0
        for quarter in range(QUARTERS - 1, -1, -1):
            on = watch_value(model, values, at, known, taken, shown, quarter)
            best, total, n = on, on, 1
            if at.offers < len(model.exposure) - 1:
                for rung in range(HINT, top + 1):
                    value = unasked_help(model, values, at, known, taken, shown, quarter, rung)
                    best, total, n = max(best, value), total + value, n + 1
            new = best if by == BEST else total / n
            cell = video_cell(taken, shown, quarter)
            change += abs(new - here[cell])
            here[cell] = new
        if change < FIXED_POINT:
            break


@compiled
def select_value(model: Model, values: Values, at: Place, known: Any) -> float:
    """Q of offering the step and difficulty of `at`, legal ones."""
    form = select_form(model, values, at, known)
    return form.c + form.a0 * values.boundary[at.p, at.offers, at.d, np.int64(known)]


@compiled
def assist_value(
    model: Model,
    values: Values,
    at: Place,
    known: Any,
    taken: int,
    shown: int,
    within: int,
    rung: int,
) -> float:
    """Q of a legal `rung` of help, or of waiting; `within`: the quarter of a video, else 2 interrupted + asked."""
    if rung == WAIT:
        return go_on(model, values, at, known, taken, shown, within)
    if model.plan.steps[at.s].video or not within & 1:
        return unasked_help(model, values, at, known, taken, shown, within, rung)
    reading = costs(model, READING_S[rung] * model.traits[at.p].pace)
    top = max(shown, rung)
    return reading + go_on(model, values, at, known, max(taken, rung), top, within - 1)


def value_at_birth(solution: Solution) -> float:
    """Expected return of a user of the population, kind and first knowledge unknown."""
    start = solution.values.boundary[:, 0, -1, :]  # the empty set of steps is the last
    return float((first_belief(solution.model) * start).sum())


def first_belief(model: Model) -> np.ndarray:
    """P(kind, skills known) at sign-up, `(P, 2**K)`: as `agents.learner.first_knowledge` draws them."""
    prior = model.plan.prior
    odds = model.traits["prior_odds"][:, None] * (prior / (1.0 - prior))
    knows = odds / (1.0 + odds)  # (P, K)
    members = np.arange(2 ** len(prior))[:, None] >> np.arange(len(prior)) & 1  # (2**K, K)
    chances = np.where(members[None], knows[:, None, :], 1.0 - knows[:, None, :]).prod(axis=2)
    return np.asarray(model.shares[:, None] * chances)
