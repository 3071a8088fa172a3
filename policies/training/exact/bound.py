"""An upper bound on what any policy can return, for journeys too large to be solved: any population, any learner model.

It is a bound, and not an estimate: the optimum lies below it, often far below. For every user by themselves it solves
a problem in which all that a policy might influence is as good as it can be, and the policy knows the user's traits:

- whatever is needed is at hand: every attempt has the best chance that any difficulty and any help could give it;
- nobody gets frustrated or tired, gives up, drops a video or turns to another step; motivation is 1;
- help and messages cost and annoy nobody; only the required steps are worked on, each at its quickest difficulty;
- what is left are hazards that no policy can take away: leaving for no reason, being called away, and hesitating where
  nothing is missing. Who leaves comes back with the best chance that motivation and messages can give, every time;
- the skills are counted by themselves, as if they could be learned beside the required steps at no further risk: once a
  step is tried, all that it teaches is known, and those steps come first that teach the most.

Why it bounds: take any state of the real user and the required steps that are left. By induction over the moments to
come, the value of the state is at most that of the relaxed one, in which they are taken in the best order: an event's
expected cost is at least as large, the chance to be a step further at most as large and that to be lost at least as
large, and a value is never less than that with one more step to go, nor than that of being lost. The sum of two maxima
(completion, skills) bounds the maximum of the sum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from agents.behavior import SURENESS
from agents.kernel import EVENTS_PER_DECISION, World, enter_all, make_world
from agents.learner import AFM, BKT
from agents.learners import BINARY_MASTERY, Learner, journey_under
from agents.offers import MESSAGE_WORKS
from agents.sessions import BRIEF_AWAY, EASE_AT_BOUNDARY, LEAVE_BASE
from agents.timing import ATTEMPT_SHARE, BROWSE_S, SIGN_SHARE, SPREAD_OF_TIME
from agents.watching import PAUSING
from envs.reward import RewardWeights
from journeys.actions import EMAIL, FULL, HUMAN, N_VARIANTS, PUSH
from journeys.events import EVENT
from journeys.plan import Plan, compile_plan
from journeys.spec import Journey
from personas.persona import Population

QUARTERS = 4
SECONDS_PER_HOUR = 3600.0
MEAN_SPREAD = math.exp(SPREAD_OF_TIME**2 / 2.0)  # of the log-normal factor of an activity's time


class Moments(NamedTuple):
    """The hazards of one user, `(n,)` each: P(coming back, having left at a moment) and P(being lost at it)."""

    back: np.ndarray
    lost: np.ndarray

    @property
    def stays(self) -> np.ndarray:
        """P(not leaving)."""
        return 1.0 - self.back - self.lost


def upper_bound(
    journey: Journey,
    population: Population,
    n_users: int,
    seed: int,
    weights: RewardWeights | None = None,
    learner: Learner = BINARY_MASTERY,
) -> np.ndarray:
    """What no policy exceeds in expectation, for each of the users `(n,)` that `rollout.play` would play.

    Raises `ValueError` where a weight has not the sign of its term: help, say, that is paid for by its annoyance.
    """
    weights = weights or RewardWeights()
    check_signs(weights)
    journey = journey_under(journey, learner)
    plan = compile_plan(journey)
    world = newborn(plan, journey, population, learner, n_users, seed)
    at_boundary, inside = hazards(plan, world, EASE_AT_BOUNDARY), hazards(plan, world, 1.0)
    through = finishing(plan, world, weights, at_boundary, inside)
    return np.asarray(through + weights.skill * learning(plan, world, at_boundary, inside))


def check_signs(weights: RewardWeights) -> None:
    """Gains are gains and costs are costs. Raises `ValueError`."""
    for name, sign in (
        ("completion", 1),
        ("skill", 1),
        ("time", -1),
        ("annoyance", -1),
        ("support", -1),
        ("churn", -1),
    ):
        if sign * getattr(weights, name) < 0.0:
            raise ValueError(f"weights.{name} has the wrong sign for a bound. Mend: {'>=' if sign > 0 else '<='} 0")


def newborn(plan: Plan, journey: Journey, population: Population, learner: Learner, n_users: int, seed: int) -> World:
    """The users at sign-up."""
    world = make_world(plan, journey, learner, n_users, keep_log=False)
    scratch = np.zeros(EVENTS_PER_DECISION, EVENT).view(np.recarray)
    enter_all(plan, population.people, world, seed, 0, scratch, 0, n_users)
    return world


def hazards(plan: Plan, world: World, ease: float) -> Moments:
    """Leaving at a moment, for the reasons that no policy can take away."""
    traits = world.traits
    returns = 1.0 - (1.0 - traits["return_chance"]) * unreached(plan, world)
    distracted, casual = traits["distraction"], ease * LEAVE_BASE
    stays_away = (distracted * (1.0 - BRIEF_AWAY) + casual) * (1.0 - returns)
    return Moments(distracted + casual - stays_away, stays_away)


def unreached(plan: Plan, world: World) -> np.ndarray:
    """P(no message brings the user back from one absence), every message being as good as the first, `(n,)`."""
    rules, traits = plan.rules[0], world.traits
    messages = min(int(rules["n_checks"]), int(rules["message_budget"]))
    works = np.where(
        traits["push"] > 0.0, MESSAGE_WORKS[PUSH], np.where(traits["email"] > 0.0, MESSAGE_WORKS[EMAIL], 0)
    )
    return np.asarray((1.0 - works) ** messages)


def finishing(plan: Plan, world: World, weights: RewardWeights, at_boundary: Moments, inside: Moments) -> np.ndarray:
    """Completion, churn and the time that it takes at least, `(n,)`: the required steps in the best of all orders.

    A step turns the value `x` of what comes after it into `k + a x`. Of two steps the one with the larger k / (1 - a)
    comes first: who exchanges them gains nothing. So the quick and the safe ones do, prerequisites or not.
    """
    required = [s for s in range(len(plan.steps)) if plan.steps[s]["required"]]
    nothing, something = np.zeros(len(world.traits)), np.ones(len(world.traits))
    k = np.array([through_step(plan, world, weights, at_boundary, inside, s, nothing) for s in required])  # (R, n)
    a = np.array([through_step(plan, world, weights, at_boundary, inside, s, something) for s in required]) - k
    last_first = np.argsort(k / (1.0 - a), axis=0)
    value = weights.completion * something
    for s in last_first:
        value = np.take_along_axis(k, s[None], axis=0)[0] + np.take_along_axis(a, s[None], axis=0)[0] * value
        value = np.maximum(weights.churn, value)
    return value


def through_step(
    plan: Plan,
    world: World,
    weights: RewardWeights,
    at_boundary: Moments,
    inside: Moments,
    s: int,
    after: np.ndarray,
) -> np.ndarray:
    """Value at the boundary before step `s`, with `after` to come, `(n,)`."""
    if plan.steps[s]["video"]:
        value = watched(plan, weights, inside, s, after)
    else:
        value = solved(plan, world, weights, inside, s, after)
    browsing = weights.time / SECONDS_PER_HOUR * BROWSE_S * MEAN_SPREAD * world.traits["pace"]
    value = browsing + at_boundary.lost * weights.churn + at_boundary.stays * value
    return np.asarray(value / (1.0 - at_boundary.back))


def solved(plan: Plan, world: World, weights: RewardWeights, inside: Moments, s: int, after: np.ndarray) -> np.ndarray:
    """Value of being in step `s`, with `after` to come."""
    seconds = weights.time / SECONDS_PER_HOUR * least_seconds(plan, s) * MEAN_SPREAD * world.traits["pace"]
    hesitates = inside.stays * SURENESS * world.traits["hesitancy"]
    tries, chance = inside.stays - hesitates, best_chance(plan, world, s)
    cost = seconds * (tries * ATTEMPT_SHARE + (1.0 - tries) * SIGN_SHARE)
    again = inside.back + hesitates + tries * (1.0 - chance)
    return np.asarray((cost + inside.lost * weights.churn + tries * chance * after) / (1.0 - again))


def watched(plan: Plan, weights: RewardWeights, inside: Moments, s: int, after: np.ndarray) -> np.ndarray:
    """The same of a video: four quarters without going back."""
    quarter = weights.time / SECONDS_PER_HOUR * least_seconds(plan, s) / QUARTERS
    value = after
    for _ in range(QUARTERS):
        watches, pauses = inside.stays * (1.0 - PAUSING), inside.stays * PAUSING
        gains = quarter * (watches + SIGN_SHARE * pauses) + inside.lost * weights.churn + watches * value
        value = gains / (1.0 - inside.back - pauses)
    return value


def least_seconds(plan: Plan, s: int) -> float:
    """Expected active time of a step at its quickest difficulty."""
    factors = [plan.time[v] for v in range(N_VARIANTS) if plan.steps[s]["variants"] >> v & 1]
    return float(plan.steps[s]["seconds"] * min(factors))


def best_chance(plan: Plan, world: World, s: int) -> np.ndarray:
    """P(an attempt succeeds) at best, `(n,)`: with all skills at hand or all help taken, at any difficulty."""
    if world.learner.kind[0]["model"] == AFM:
        return np.ones(len(world.traits))
    top = HUMAN if plan.rules[0]["human_support"] else FULL
    variants = [v for v in range(N_VARIANTS) if plan.steps[s]["variants"] >> v & 1]
    slip, guess = plan.slip[s, variants].min(), plan.guess[s, variants, : top + 1].max()
    knowing, guessing = 1.0 - scaled(slip, world.traits["slip_odds"]), scaled(guess, world.traits["guess_odds"])
    return np.maximum(knowing, guessing)


def scaled(probability: float, factors: np.ndarray) -> np.ndarray:
    """`journeys.knowledge.scale_odds` for all users, `(n,)`."""
    return probability * factors / (1.0 - probability + probability * factors)


def learning(plan: Plan, world: World, at_boundary: Moments, inside: Moments) -> np.ndarray:
    """Share of the journey's skills that come to be mastered at most, `(n,)`."""
    missing = 1.0 - at_sign_up(world)  # (n, K)
    n_skills, taught = missing.shape[1], plan.steps["taught"]
    members = (taught[:, None] >> np.arange(n_skills, dtype=np.uint64) & np.uint64(1)).astype(float)  # (S, K)
    gains = -np.sort(-(missing @ members.T), axis=1) / n_skills  # (n, S), the steps that teach most first
    possible = (missing * members.max(axis=0)).sum(axis=1)[:, None] / n_skills
    so_far = np.minimum(np.cumsum(gains, axis=1), possible)
    reached = trying(world, at_boundary, inside)[:, None] ** np.arange(1, len(members) + 1)
    return np.asarray((np.diff(so_far, axis=1, prepend=0.0) * reached).sum(axis=1))


def trying(world: World, at_boundary: Moments, inside: Moments) -> np.ndarray:
    """P(coming to a first attempt at a step, from the boundary before it), `(n,)`."""
    hesitates = inside.stays * SURENESS * world.traits["hesitancy"]
    begins = at_boundary.stays / (1.0 - at_boundary.back)
    return np.asarray(begins * (inside.stays - hesitates) / (1.0 - inside.back - hesitates))


def at_sign_up(world: World) -> np.ndarray:
    """Mastery of each skill at sign-up, `(n, K)`."""
    if world.learner.kind[0]["model"] != BKT:
        return np.asarray(world.memories["mastered"])
    bits = np.arange(world.skills.shape[1], dtype=np.uint64)
    return (world.minds["known"][:, None] >> bits & np.uint64(1)).astype(float)
