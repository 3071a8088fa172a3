"""The search for a path: seconds for a cohort, and what is found beside a peer that has lived as many lives.

The peer draws as many paths at random as the search looks at, lets the same number of users walk each, and races the
best of them as the search does: what is left is what breeding and a model of all paths add. On `tiny`, the peer tries
every path there is. Paths are judged on fresh users, the same for all; gains are over the designer's order with the
same help, and on `tiny`, where there is little to gain, whole returns are compared. Seconds are those in which this
thread had the core, the compiled code being loaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.every_path import every_path
from benchmarks.measure import Row, against, beside, row_of
from benchmarks.settings import Settings
from envs.reward import RewardWeights
from journeys.actions import STANDARD
from journeys.loading import load_journey
from journeys.spec import Journey
from personas.persona import load_population
from policies.path import LearningPath
from policies.training.paths.genome import decode, ground_of, plain_genome
from policies.training.paths.lives import Lives
from policies.training.paths.operators import luck_of, random_genome
from policies.training.paths.search import SearchSettings, search

JOURNEYS, TINY = ("saas", "creator", "course"), "tiny"
JUDGES = 1_000_003  # seed of the users who judge: no search begins with it
JUDGING_USERS, FEWER, FULL_ROUNDS = 4_000, 500, 7  # fewer where samples are fewer than usual
MOST_SECONDS = 2.0  # for a cohort on one core: the bound
FIRST_LOOK, KEPT = 64, 200  # users on every path of `tiny`, and how many paths of those are looked at again

Find = Callable[[Lives, Journey, int], LearningPath]


def searched(lives: Lives, journey: Journey, seed: int) -> LearningPath:
    """The genetic search."""
    return search(lives, journey, SearchSettings(), seed).best


def drawn(lives: Lives, journey: Journey, seed: int) -> LearningPath:
    """The best of random paths, at the same number of lives."""
    plan, ground = SearchSettings(), ground_of(journey)
    with luck_of(seed):
        n = plan.generations * (plan.parents + plan.children)
        paths = [decode(random_genome(ground), ground) for _ in range(n)]
    kept, first, users = best_of(lives, paths, 0, plan.users, plan.parents), plan.users, plan.race_users
    while len(kept) > 1:
        kept = best_of(lives, kept, first, users, len(kept) // 2)
        first, users = first + users, 2 * users
    return kept[0]


def every(lives: Lives, journey: Journey, _: int) -> LearningPath:
    """The best of all paths, as far as a second look at the likely ones tells."""
    likely = best_of(lives, list(every_path(journey)), 0, FIRST_LOOK, KEPT)
    return best_of(lives, likely, FIRST_LOOK, JUDGING_USERS, 1)[0]


def best_of(lives: Lives, paths: list[LearningPath], first: int, users: int, n: int) -> list[LearningPath]:
    """The `n` paths of highest mean return over the same users."""
    order = np.argsort(-lives.returns(paths, first, users).mean(axis=1), kind="stable")[:n]
    return [paths[i] for i in order]


def found_by(name: str, find: Find, journey: Journey, rounds: int, judging: int) -> tuple[Row, Row]:
    """How long a way of finding takes, and the return of what it finds (see `base_of`), over several seeds."""
    judges, base, seconds, worth = lives_of(journey, JUDGES), base_of(journey), list[float](), list[float]()
    for seed in range(rounds):
        lives = lives_of(journey, seed)
        began = time.thread_time()
        path = find(lives, journey, seed)
        seconds.append(time.thread_time() - began)
        returns = judges.returns([path, *base], 0, judging).mean(axis=1)
        worth.append(float(returns[0] - returns[1:].sum()))
    section = f"{journey.name}, a path for everybody"
    return row_of(section, name, "s", seconds), row_of(section, name, "return gained" if base else "return", worth)


def base_of(journey: Journey) -> list[LearningPath]:
    """What gains are counted from: the designer's order; on `tiny`, where there is little to gain, nothing."""
    ground = ground_of(journey)
    return [] if journey.name == TINY else [decode(plain_genome(ground, STANDARD, with_optional=False), ground)]


def lives_of(journey: Journey, seed: int) -> Lives:
    """Users of the mixed population."""
    return Lives(journey, load_population("mixed"), RewardWeights(), seed)


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    judging, rows = FEWER if settings.rounds < FULL_ROUNDS else JUDGING_USERS, list[Row]()
    for name in (*JOURNEYS, TINY):
        journey, peer = load_journey(name), ("every path", every) if name == TINY else ("random paths", drawn)
        took, found = found_by("genetic search", searched, journey, settings.rounds, judging)
        peer_took, peer_found = found_by(*peer, journey, 1 if name == TINY else settings.rounds, judging)
        took = against(took, MOST_SECONDS, "at most 2 s", at_most=True)
        rows += [took, peer_took, beside(found, peer_found), peer_found]
    return rows
