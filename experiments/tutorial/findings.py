"""What the replay of the tutorial's students shows: how well the belief foretells, and where policies differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from experiments.prediction import (
    MEASURES,
    Bin,
    Estimate,
    auc,
    calibration,
    difference,
    interval,
    log_loss,
    mean_estimate,
    resamples,
)
from experiments.tutorial.fit import Log, fit
from experiments.tutorial.forecasts import BELIEF, FITTED, GLOBAL, RUNNING, TASK, forecasts, halves
from experiments.tutorial.offers import VisitHelp, help_by_visit, offers_of, selections
from journeys.spec import Journey
from policies.protocol import Policy

DRAWS, DRAW_SEED = 1000, 0  # of the bootstrap


class Foretelling(msgspec.Struct, frozen=True):
    """Measures of every predictor on the held-out students, and those of the fitted belief less each other's."""

    what: str
    attempts: int
    students: int
    measures: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[str, Estimate]]
    calibration: dict[str, list[Bin]]


class Halving(msgspec.Struct, frozen=True):
    """One further random halving: fitted parameters, and the belief's log-loss and AUC less those of each other."""

    seed: int
    fitted: dict[str, float]
    first_only: bool
    log_loss: dict[str, float]
    auc: dict[str, float]


class Choosing(msgspec.Struct, frozen=True):
    """A policy's selections beside the tutorial's. Shares of `boundaries`; successes as the belief predicts them."""

    policy: str
    boundaries: int
    starts: int
    taken_legal: Estimate
    same_step: Estimate
    same_step_by_chance: float
    same_level: Estimate
    same_level_by_chance: float
    lower_level: Estimate
    higher_level: Estimate
    offered_success: Estimate
    taken_success: Estimate


class Helping(msgspec.Struct, frozen=True):
    """Offers of help in visits of one outcome with at least `least_fails` failed attempts.

    `offered` the share of visits with an offer; `median_lead_seconds` from the first offer to the last sign of life;
    `students_offered` of `students` who had such a visit were offered help in at least one of them.
    """

    policy: str
    outcome: str
    least_fails: int
    visits: int
    offered: Estimate | None
    median_fails_before: float | None
    median_lead_seconds: float | None
    students: int
    students_offered: int


class Findings(msgspec.Struct, frozen=True):
    """All of it."""

    foretelling: list[Foretelling]
    halvings: list[Halving]
    choosing: list[Choosing]
    helping: list[Helping]


def foretell(
    default: Journey, fitted: Journey, log: Log, training: Sequence[int], held_out: Sequence[int], first_only: bool
) -> Foretelling:
    """Measure every predictor on the held-out students."""
    made = forecasts({BELIEF: default, FITTED: fitted}, log, training, held_out, first_only)
    samples = resamples(made.persons, DRAWS, DRAW_SEED)
    return Foretelling(
        what="first attempts of a visit" if first_only else "all attempts",
        attempts=len(made.outcomes),
        students=len(np.unique(made.persons)),
        measures={
            name: {label: interval(measure, made.outcomes, values, samples) for label, measure in MEASURES.items()}
            for name, values in made.chances.items()
        },
        differences={
            name: {
                label: difference(measure, made.outcomes, made.chances[FITTED], values, samples)
                for label, measure in (("AUC", auc), ("log-loss", log_loss))
            }
            for name, values in made.chances.items()
            if name != FITTED
        },
        calibration={name: calibration(made.outcomes, made.chances[name]) for name in (BELIEF, FITTED, RUNNING)},
    )


def halve_again(default: Journey, log: Log, seeds: Sequence[int], tell: Callable[[int], None]) -> list[Halving]:
    """Fit and measure on further random halvings; `tell` is told the number of those finished."""
    halvings = []
    for number, seed in enumerate(seeds, 1):
        training, held_out = halves(log, seed)
        fitted = fit(default, log.of(training))
        for first_only in (False, True):
            made = forecasts({BELIEF: default, FITTED: fitted.journey}, log, training, held_out, first_only)
            best = made.chances[FITTED]
            others = {name: made.chances[name] for name in (BELIEF, GLOBAL, RUNNING, TASK)}
            halvings.append(
                Halving(
                    seed,
                    fitted.values,
                    first_only,
                    {n: log_loss(made.outcomes, best) - log_loss(made.outcomes, o) for n, o in others.items()},
                    {n: auc(made.outcomes, best) - auc(made.outcomes, o) for n, o in others.items()},
                )
            )
        tell(number)
    return halvings


def choosing(journey: Journey, log: Log, policy: Policy) -> Choosing:
    """The policy's selections beside the tutorial's."""
    chosen = selections(journey, log, offers_of(journey, policy, log))

    def share(values: np.ndarray) -> Estimate:
        estimate = mean_estimate(values.astype(float), chosen.rows, DRAWS, DRAW_SEED)
        assert estimate is not None  # a log with students has boundaries
        return estimate

    return Choosing(
        policy=policy.name,
        boundaries=len(chosen.rows),
        starts=log.starts,
        taken_legal=share(chosen.legal),
        same_step=share(chosen.offered == chosen.taken),
        same_step_by_chance=float(chosen.by_chance.mean()),
        same_level=share(chosen.offered_level == chosen.taken_level),
        same_level_by_chance=float(chosen.level_by_chance.mean()),
        lower_level=share(chosen.offered_level < chosen.taken_level),
        higher_level=share(chosen.offered_level > chosen.taken_level),
        offered_success=share(chosen.offered_success),
        taken_success=share(chosen.taken_success),
    )


def helping(journey: Journey, log: Log, policy: Policy) -> list[Helping]:
    """Offers of help by outcome of the visit: in all visits, and in those with a failed attempt."""
    visits = list(help_by_visit(log, offers_of(journey, policy, log), len(journey.steps)))
    found = []
    for outcome in ("given up", "left open", "solved"):
        for least in (0, 1):
            having = [v for v in visits if v.outcome == outcome and v.fails >= least]
            found.append(helping_in(policy.name, outcome, least, having))
    return found


def helping_in(policy: str, outcome: str, least: int, visits: list[VisitHelp]) -> Helping:
    """Offers of help in the given visits."""
    offered = [visit for visit in visits if visit.offered_after is not None]
    was = np.array([visit.offered_after is not None for visit in visits], float)
    return Helping(
        policy=policy,
        outcome=outcome,
        least_fails=least,
        visits=len(visits),
        offered=mean_estimate(was, np.array([visit.row for visit in visits]), DRAWS, DRAW_SEED),
        median_fails_before=float(np.median([v.offered_after for v in offered if v.offered_after is not None]))
        if offered
        else None,
        median_lead_seconds=float(np.median([visit.lead_seconds for visit in offered])) if offered else None,
        students=len({visit.row for visit in visits}),
        students_offered=len({visit.row for visit in offered}),
    )
