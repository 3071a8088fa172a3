"""The belief's forecasts of real attempts, and the knowledge-tracing parameters that make them likeliest.

What is maximised is the likelihood of each attempt given what the fold knew just before it, which is what production
would have predicted. The same four numbers serve every skill, because a half of the students cannot tell more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from experiments.tutorial.journey import with_skill_parameters
from journeys.compiled import compiled
from journeys.events import EVENT, FAIL, START, SUCCEED, Event, EventCodec
from journeys.fold import blank_states, fold, forget_user
from journeys.knowledge import success_probability
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey
from journeys.tracing import known_together


class Log(NamedTuple):
    """Events of `n` students as records: `events` `(m,)` EVENT by time, `rows` `(m,)` the number of each one's student.

    `first` `(m,)` bool marks the first attempt of a visit; `students` `(n,)` names them in the order of the rows.
    """

    students: tuple[str, ...]
    events: np.ndarray
    rows: np.ndarray
    first: np.ndarray

    @property
    def attempts(self) -> np.ndarray:
        """Numbers of the events that are attempts."""
        return np.flatnonzero((self.events["kind"] == SUCCEED) | (self.events["kind"] == FAIL))

    @property
    def starts(self) -> int:
        """Number of visits begun."""
        return int((self.events["kind"] == START).sum())

    def of(self, students: Sequence[int]) -> Log:
        """The log of some students alone; the rows keep their numbers."""
        kept = np.isin(self.rows, students)
        return self._replace(events=self.events[kept], rows=self.rows[kept], first=self.first[kept])


def log_of(journey: Journey, events: Sequence[Event]) -> Log:
    """Translate events. Raises `EventError` where one is not of the journey."""
    codec, students = EventCodec(journey), tuple(dict.fromkeys(event.user for event in events))
    number = {student: row for row, student in enumerate(students)}
    records = np.zeros(len(events), EVENT)
    rows = np.array([number[event.user] for event in events], np.int64)
    first, begun = np.zeros(len(events), bool), np.zeros(len(students), bool)
    for i, event in enumerate(events):
        codec.to_record(event, records[i])
        records["user"][i] = rows[i]
        tried = records["kind"][i] in (SUCCEED, FAIL)
        first[i] = tried and begun[rows[i]]
        begun[rows[i]] = records["kind"][i] == START or (begun[rows[i]] and not tried)
    return Log(students, records.view(np.recarray), rows, first)


@compiled
def foresee(plan: Plan, users: Any, steps: Any, skills: Any, events: Any, rows: Any, chances: Any) -> None:
    """Fold `events` `(m,)` of the students `rows` `(m,)`, from nothing; `chances` `(m,)` is filled.

    It gets P(success) just before each attempt, at the attempt's step, and NaN for events that are no attempts.
    """
    for row in range(len(users)):
        forget_user(plan, users[row], steps[row], skills[row])
    for i in range(len(events)):
        event, user = events[i], users[rows[i]]
        kind = event.kind
        chances[i] = np.nan
        if kind == SUCCEED or kind == FAIL:
            s = event.step
            same = user.current == s
            variant = user.variant if same else event.variant
            taken = user.taken if same else 0
            known = known_together(plan, skills[rows[i]], s)
            chances[i] = success_probability(known, plan.slip[s, variant], plan.guess[s, variant, taken])
        fold(plan, user, steps[rows[i]], skills[rows[i]], event)


def chances_of(journey: Journey, log: Log) -> np.ndarray:
    """P(success) of each attempt by the belief just before it, `(m,)`; NaN for events that are no attempts."""
    plan = compile_plan(journey)
    state = blank_states(plan, len(log.students))
    chances = np.empty(len(log.events))
    foresee(plan, state.users, state.steps, state.skills, log.events, log.rows, chances)
    return chances


def log_likelihood(journey: Journey, log: Log) -> float:
    """Sum over attempts of ln P(what happened | the student's events before it)."""
    at = log.attempts
    chances = chances_of(journey, log)[at]
    return float(np.log(np.where(log.events["kind"][at] == SUCCEED, chances, 1.0 - chances)).sum())


class Fit(NamedTuple):
    """Fitted parameters: `journey` carries them, `values` names them, `log_likelihood` is of the students fitted on."""

    journey: Journey
    values: dict[str, float]
    log_likelihood: float


PARAMETERS = ("prior", "learn", "slip", "guess")
LEAST, MOST = 0.005, 0.995  # parameters stay this far inside (0, 1)
STARTS = ((0.5, 0.2, 0.1, 0.3), (0.9, 0.1, 0.2, 0.5))  # the surface may have more than one hill
STOP = {"xatol": 0.01, "fatol": 1e-3, "maxfev": 500}  # logits; log-likelihood


def fit(journey: Journey, log: Log, version: int = 2) -> Fit:
    """Maximise the likelihood by Nelder and Mead (1965) on the logits, from each of `STARTS`; the best is returned."""

    def carry(logits: np.ndarray) -> Journey:
        values = LEAST + (MOST - LEAST) * expit(logits)
        common = dict(zip(PARAMETERS, map(float, values), strict=True))
        return with_skill_parameters(journey, version, {skill.name: common for skill in journey.skills})

    def loss(logits: np.ndarray) -> float:
        return -log_likelihood(carry(logits), log)

    tries = [minimize(loss, logit(start), method="Nelder-Mead", options=STOP) for start in STARTS]
    best = min(tries, key=lambda result: float(result.fun))
    fitted = carry(best.x)
    return Fit(fitted, {name: getattr(fitted.skills[0], name) for name in PARAMETERS}, -float(best.fun))
