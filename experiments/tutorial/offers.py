"""What a policy would have offered to the tutorial's students, beside what the tutorial did and what became of it.

A student's events are folded one by one; wherever a decision is due the policy decides, and its decision is folded
too, as the runtime would have done it. The students never saw these offers, so nothing here says what would have come
of them: the comparison tells where a policy differs from the tutorial, not which of the two is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from experiments.tutorial.fit import Log
from journeys.actions import ASSIST, N_VARIANTS, SELECT, WAIT, n_actions
from journeys.events import DECISION, EVENT, FAIL, GIVE_UP, START, SUCCEED
from journeys.fold import blank_states, fold
from journeys.observation import STEP_INDEX, STEP_SIZE, USER_SIZE, look, observation_size
from journeys.plan import MS, compile_plan
from journeys.spec import Journey
from journeys.state import NOWHERE, ONGOING
from policies.fixed_path import count_steps
from policies.protocol import Policy

STANDARD_SUCCESS = STEP_INDEX["success_standard"]


class Offer(NamedTuple):
    """One decision: the number of the event that it answers, of which moment it is, and the flat action.

    `legal` `(S,)` bool says which steps could have been selected, `success` `(S,)` how likely each one's unaided
    attempt at standard difficulty was by the belief; both are for `select` moments alone, and empty for others.
    """

    event: int
    moment: int
    action: int
    legal: np.ndarray
    success: np.ndarray


def offers_of(journey: Journey, policy: Policy, log: Log) -> list[Offer]:
    """Every decision of `policy` over the log, its own decisions folded."""
    plan, n_steps = compile_plan(journey), len(journey.steps)
    users, steps, skills = state = blank_states(plan, len(log.students))
    observations = np.zeros((1, observation_size(n_steps, len(journey.skills))), np.float32)
    masks = np.zeros((1, n_actions(n_steps)), bool)
    record = np.zeros(1, EVENT).view(np.recarray)
    offers = []
    for i, row in enumerate(log.rows):
        fold(plan, users[row], steps[row], skills[row], log.events[i])
        if users["moment"][row] == 0 or users["ended"][row] != ONGOING:
            continue
        look(plan, *state, np.array([row]), observations, masks)
        key = log.events["key"][i : i + 1]
        choices = policy.decide(observations, masks, key)
        offers.append(offer_of(i, int(users["moment"][row]), int(choices.actions[0]), observations[0], masks[0]))
        record["kind"], record["time"], record["step"] = DECISION, log.events["time"][i], NOWHERE
        record["action"], record["propensity"] = choices.actions, choices.propensities
        fold(plan, users[row], steps[row], skills[row], record[0])
    return offers


def offer_of(event: int, moment: int, action: int, observation: np.ndarray, mask: np.ndarray) -> Offer:
    """The record of one decision."""
    if moment != SELECT:
        return Offer(event, moment, action, np.empty(0, bool), np.empty(0))
    n_steps = count_steps(mask)
    legal = mask[: N_VARIANTS * n_steps].reshape(n_steps, N_VARIANTS).max(axis=1)
    blocks = observation[USER_SIZE : USER_SIZE + n_steps * STEP_SIZE].reshape(n_steps, STEP_SIZE)
    return Offer(event, moment, action, np.asarray(legal), blocks[:, STANDARD_SUCCESS].astype(float))


def levels_of(journey: Journey) -> np.ndarray:
    """Level of each step `(S,)`: 1 where it waits for nothing, else one more than the highest step it waits for."""
    level: dict[str, int] = {}
    waiting = list(journey.steps)
    while waiting:
        ready = [step for step in waiting if all(name in level for name in step.after)]
        level |= {step.name: 1 + max((level[name] for name in step.after), default=0) for step in ready}
        waiting = [step for step in waiting if step.name not in level]
    return np.array([level[step.name] for step in journey.steps])


class Selections(NamedTuple):
    """The policy's selection beside the tutorial's, for `m` boundaries after which a student began a task.

    `rows` whose; `offered`, `taken` step numbers; `legal` whether the journey allowed what was taken; the levels and
    the predicted successes of both; `by_chance`, `level_by_chance` P(a random legal step agrees). All `(m,)`.
    """

    rows: np.ndarray
    offered: np.ndarray
    taken: np.ndarray
    legal: np.ndarray
    offered_level: np.ndarray
    taken_level: np.ndarray
    offered_success: np.ndarray
    taken_success: np.ndarray
    by_chance: np.ndarray
    level_by_chance: np.ndarray


def selections(journey: Journey, log: Log, offers: Sequence[Offer]) -> Selections:
    """Pair each selection with the start that followed at once, where one did."""
    level = levels_of(journey)
    following = next_event(log)
    table = []
    for offer in offers:
        after = following[offer.event]
        if offer.moment != SELECT or after < 0 or log.events["kind"][after] != START:
            continue
        step, taken = offer.action // N_VARIANTS, int(log.events["step"][after])
        table.append(
            (
                log.rows[offer.event], step, taken, offer.legal[taken], level[step], level[taken],
                offer.success[step], offer.success[taken],
                offer.legal[taken] / offer.legal.sum(), (level[offer.legal] == level[taken]).mean(),
            )
        )  # fmt: skip
    return Selections(*(np.array(column) for column in zip(*table, strict=True)))


def next_event(log: Log) -> np.ndarray:
    """For each event, the number of the same student's next event; -1 after the last."""
    following = np.full(len(log.rows), -1)
    last: dict[int, int] = {}
    for i, row in enumerate(log.rows.tolist()):
        if row in last:
            following[last[row]] = i
        last[row] = i
    return following


class VisitHelp(NamedTuple):
    """One visit and the help offered in it. `outcome` is solved, given up or left open; `fails` its failed attempts.

    `offered_after` is the number of failed attempts before the first offer, None where none was made; `lead_seconds`
    the time from that offer to the visit's last sign of life.
    """

    row: int
    fails: int
    outcome: str
    offered_after: int | None
    lead_seconds: float


def help_by_visit(log: Log, offers: Sequence[Offer], n_steps: int) -> Iterator[VisitHelp]:
    """Every visit with the first help that was offered in it."""
    helped = {o.event for o in offers if o.moment == ASSIST and o.action > N_VARIANTS * n_steps + WAIT}
    for row in range(len(log.students)):
        visit: list[int] = []
        for i in np.flatnonzero(log.rows == row).tolist():
            kind = log.events["kind"][i]
            if kind == START and visit:
                yield visit_help(row, visit, log, helped)
                visit = []
            if kind in (START, SUCCEED, FAIL, GIVE_UP):
                visit.append(i)
        if visit:
            yield visit_help(row, visit, log, helped)


def visit_help(row: int, visit: Sequence[int], log: Log, helped: set[int]) -> VisitHelp:
    """One visit: `visit` numbers its events."""
    kinds = log.events["kind"][visit].tolist()
    outcome = "solved" if SUCCEED in kinds else "given up" if GIVE_UP in kinds else "left open"
    first = next((place for place, i in enumerate(visit) if i in helped), None)
    fails = kinds.count(FAIL)
    if first is None:
        return VisitHelp(row, fails, outcome, None, 0.0)
    times = log.events["time"][visit]
    return VisitHelp(row, fails, outcome, kinds[: first + 1].count(FAIL), float(times[-1] - times[first]) / MS)
