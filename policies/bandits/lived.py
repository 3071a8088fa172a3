"""From a user's events to what was decided and what came of it: the one door through which a bandit learns.

A log is folded again, simulated or real. Where a decision was made, the fold knows what the policy saw; from there to
the next decision it shows what that one brought, in the terms of the reward (envs/reward.py) as far as production
can see them:

    completion  the journey is completed                     time        hours of active time
    skill       mean P(known and comes to mind)              annoyance   offers waved away, and messages sent
    churn       lapsed, or the time is over                  support     answers taken from a human

So nothing is learned from what production could not learn from, not even in simulation. What a decision is worth is
the sum of all rewards until the onboarding is over, discounted by elapsed time: it is known only then.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from journeys.actions import HUMAN, NONE, n_actions
from journeys.compiled import compiled
from journeys.events import ACCEPT, DECISION
from journeys.fold import blank_states, fold, forget_user
from journeys.mask import write_mask
from journeys.observation import observation_size, write_observation
from journeys.plan import Plan
from journeys.state import COMPLETED, LAPSED, ONGOING, OUT_OF_TIME

SECONDS_PER_HOUR, MS_PER_DAY = 3600.0, 86_400_000.0
ANNOYANCE_OF_MESSAGE = 0.15  # in dismissals: the mean of simulated users, which no event shows


class Lived(NamedTuple):
    """The `m` decisions of some users, each user's in order.

    `observations` `(m, D)` float32 and `masks` `(m, A)` as the policy saw them, `actions` `(m,)` int64, `propensities`
    `(m,)`, `keys` `(m,)` uint64 of the decisions; `returns` `(m,)`, what was gained from the decision on, and whether
    that is `known` `(m,)`.
    """

    observations: np.ndarray
    masks: np.ndarray
    actions: np.ndarray
    propensities: np.ndarray
    keys: np.ndarray
    returns: np.ndarray
    known: np.ndarray


class Worth(NamedTuple):
    """What counts: `weights` `(6,)` of the terms, and what is left after a day of something gained later."""

    weights: np.ndarray
    discount_per_day: float


@compiled
def tally(user: Any, skills: Any, humans: int, weights: Any) -> float:
    """Weighted sum of all terms so far."""
    known = 0.0
    for k in range(len(skills)):
        known += skills[k].belief * skills[k].retained
    lost = user.ended == LAPSED or user.ended == OUT_OF_TIME
    total = weights[0] if user.ended == COMPLETED else 0.0
    total += weights[1] * known / len(skills)
    total += weights[2] * user.active_seconds / SECONDS_PER_HOUR
    total += weights[3] * (user.dismissed + ANNOYANCE_OF_MESSAGE * user.messages)
    total += weights[4] * humans
    return total + (weights[5] if lost else 0.0)


@compiled
def sum_up(worth: Worth, returns: Any, times: Any, first: int, last: int, final: float) -> None:
    """Turn tallies at the decisions `first` to `last - 1` into returns; `final` is the tally at the end."""
    after, ahead = 0.0, final
    for i in range(last - 1, first - 1, -1):
        here = returns[i]
        passed = (times[i + 1] - times[i]) / MS_PER_DAY if i + 1 < last else 0.0
        after = ahead - here + worth.discount_per_day**passed * after
        returns[i], ahead = after, here


@compiled
def relive_user(
    plan: Plan, worth: Worth, events: Any, low: int, high: int, user: Any, steps: Any, skills: Any, lived: Lived,
    times: Any, at: int,
) -> int:  # fmt: skip
    """Fold `events[low:high]` of one user and write down decisions from place `at` on; returns the place after."""
    forget_user(plan, user, steps, skills)
    first, humans = at, 0
    for i in range(low, high):
        event = events[i]
        if event.kind == DECISION and user.moment != NONE:
            write_observation(plan, user, steps, skills, lived.observations[at])
            write_mask(plan, user, lived.masks[at])
            lived.actions[at], lived.propensities[at] = event.action, event.propensity
            lived.returns[at] = tally(user, skills, humans, worth.weights)
            lived.keys[at], times[at] = event.key, event.time
            at += 1
        humans += event.kind == ACCEPT and event.rung == HUMAN
        fold(plan, user, steps, skills, event)
    sum_up(worth, lived.returns, times, first, at, tally(user, skills, humans, worth.weights))
    return at


@compiled
def relive_rows(
    plan: Plan, worth: Worth, events: Any, starts: Any, user: Any, steps: Any, skills: Any, lived: Lived, times: Any,
    over: Any,
) -> int:  # fmt: skip
    """`relive_user` for every user, marking who is `over` `(U,)`; returns how many decisions there were."""
    at = 0
    for u in range(len(starts) - 1):
        first = at
        at = relive_user(plan, worth, events, starts[u], starts[u + 1], user[0], steps[0], skills[0], lived, times, at)
        over[u] = user[0].ended != ONGOING
        for i in range(first, at):
            lived.known[i] = over[u]
    return at


def relive(plan: Plan, worth: Worth, events: np.ndarray, starts: np.ndarray) -> tuple[Lived, np.ndarray]:
    """Relive the onboardings of `U` users from their `events` `(n,)` EVENT, user by user, each in order.

    `starts` `(U + 1,)` int64: where each user's events begin, and `n`. Decisions that nobody waited for are left out.
    With them comes `(U,)` bool, whether each onboarding is over: only then is known what its decisions were worth.
    """
    n_steps, n_skills = len(plan.steps), len(plan.prior)
    most, over = int((events["kind"] == DECISION).sum()), np.zeros(len(starts) - 1, bool)
    lived = Lived(
        observations=np.zeros((most, observation_size(n_steps, n_skills)), np.float32),
        masks=np.zeros((most, n_actions(n_steps)), bool),
        actions=np.zeros(most, np.int64),
        propensities=np.zeros(most),
        keys=np.zeros(most, np.uint64),
        returns=np.zeros(most),
        known=np.zeros(most, bool),
    )
    made = relive_rows(plan, worth, events, starts, *blank_states(plan, 1), lived, np.zeros(most), over)
    return Lived(*[column[:made] for column in lived]), over
