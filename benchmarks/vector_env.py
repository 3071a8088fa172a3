"""User-decisions per second of the vector environment on one core, and the memory that a user takes.

Beside it: a plain copy of the same output arrays, which no environment that writes its output can outrun by much,
and Gymnasium's `CartPoleVectorEnv` at the same number of environments. Seconds are those in which this thread had
the core (nothing here waits for anything), so that other work on the machine does not count.
"""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np

from agents.learners import load_learner
from benchmarks.measure import Contender, Row, against, beside, row_of, take_turns
from benchmarks.settings import Settings
from envs.vector import OnboardingVectorEnv
from journeys.compiled import compiled
from journeys.draws import mix
from journeys.loading import load_journey, shipped
from personas.persona import load_population
from personas.persona import shipped as learners

FOREMOST = "saas"
SIZES = (8, 1_024, 8_192, 65_536)
USUAL = 8_192
WARM_UP_STEPS = 100  # by then users are spread over their onboarding, and many have been replaced
LEAST_DECISIONS, AIM = 3e6, 10e6  # per second at N = 8,192
GIB = 2**30
MILLION = 1_000_000
MOST_BYTES = 2 * GIB / MILLION


@compiled
def pick_legal(masks: Any, keys: Any, actions: Any) -> None:
    """A uniformly drawn legal action per row, from the row's event key; one pass, nothing allocated."""
    for row in range(len(keys)):
        count = 0
        for a in range(masks.shape[1]):
            count += masks[row, a]
        wanted = np.int64(mix(keys[row]) >> np.uint64(33)) % count
        for a in range(masks.shape[1]):
            if masks[row, a]:
                if wanted == 0:
                    actions[row] = a
                    break
                wanted -= 1


class Steady:
    """An environment in steady state that steps with random legal actions; only the stepping is timed."""

    def __init__(self, journey: str, n: int, learner: str = "bkt") -> None:
        model = load_learner(learner)
        self.env = OnboardingVectorEnv(load_journey(journey), load_population("mixed"), n, learner=model)
        self.actions = np.zeros(n, np.int64)
        _, self.info = self.env.reset(seed=1)
        self.run(WARM_UP_STEPS)

    def run(self, steps: int) -> float:
        """Seconds that `steps` steps took, without the choosing of actions."""
        seconds = 0.0
        for _ in range(steps):
            pick_legal(self.info["action_mask"], self.info["event_key"], self.actions)
            begin = time.thread_time()
            _, _, _, _, self.info = self.env.step(self.actions)
            seconds += time.thread_time() - begin
        return seconds

    def outputs(self) -> list[np.ndarray]:
        """The arrays that a step hands out."""
        world, outcome = self.env.world, self.env.outcome
        return [
            world.observations, world.masks, world.terms, world.elapsed, world.keys,
            outcome.rewards, outcome.terminated, outcome.truncated,
        ]  # fmt: skip


class Copying:
    """Copies arrays to room of their own."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.arrays, self.copies = arrays, [np.empty_like(array) for array in arrays]

    def run(self, steps: int) -> float:
        """Seconds that `steps` copies of all arrays took."""
        begin = time.thread_time()
        for _ in range(steps):
            for array, copy in zip(self.arrays, self.copies, strict=True):
                np.copyto(copy, array)
        return time.thread_time() - begin


class CartPole:
    """Gymnasium's own vectorised CartPole under random actions, drawn beforehand."""

    def __init__(self, n: int) -> None:
        self.env = gym.make_vec("CartPole-v1", num_envs=n, vectorization_mode="vector_entry_point")
        self.env.reset(seed=1)
        self.env.action_space.seed(1)
        self.actions = [self.env.action_space.sample() for _ in range(8)]

    def run(self, steps: int) -> float:
        """Seconds that `steps` steps took."""
        begin = time.thread_time()
        for step in range(steps):
            self.env.step(self.actions[step % len(self.actions)])
        return time.thread_time() - begin


def contender(name: str, unit: str, work: Steady | Copying | CartPole, n: int, seconds: float) -> Contender:
    """`work` on `n` rows, in samples that last about `seconds`."""
    trial = 3
    steps = max(1, round(seconds * trial / work.run(trial)))
    return Contender(name, unit, lambda: (n * steps, work.run(steps)))


def speed(journey: str, n: int, settings: Settings) -> list[Row]:
    """Environment, copy and CartPole at `n` rows."""
    steady = Steady(journey, n)
    section = f"{journey}, N = {n:,}"
    rows = take_turns(
        section,
        [
            contender("vector env", "user-decisions/s", steady, n, settings.sample_seconds),
            contender("copy of the outputs", "user-decisions/s", Copying(steady.outputs()), n, settings.sample_seconds),
            contender("CartPoleVectorEnv", "steps/s", CartPole(n), n, settings.sample_seconds),
        ],
        settings.rounds,
    )
    env, copy, pole = rows.values()
    env = against(env, LEAST_DECISIONS, "3 M/s, aim 10 M/s") if (journey, n) == (FOREMOST, USUAL) else env
    return [env, beside(copy, env), beside(pole, env)]


def by_learner(journey: str, settings: Settings) -> list[Row]:
    """The environment at the usual size under each learner model, beside the foremost journey under plain mastery."""
    works = {name: Steady(journey, USUAL, name) for name in learners("learner")}
    yardstick = f"{FOREMOST}, bkt"
    everything = {yardstick: Steady(FOREMOST, USUAL), **{f"{journey}, {name}": work for name, work in works.items()}}
    contenders = [
        contender(name, "user-decisions/s", work, USUAL, settings.sample_seconds) for name, work in everything.items()
    ]
    rows = take_turns(f"{journey}, by learner, N = {USUAL:,}", contenders, settings.rounds)
    return [
        against(beside(row, rows[yardstick]), LEAST_DECISIONS, "3 M/s")
        for name, row in rows.items()
        if name != yardstick or journey != FOREMOST
    ]


def bytes_per_user(journey: str) -> Row:
    """Bytes of all arrays of the environment for one user, by their own account."""
    n = 1_024
    env = OnboardingVectorEnv(load_journey(journey), load_population("mixed"), n)
    parts = {**env.world._asdict(), **env.outcome._asdict()}
    for name in ("traits_flat", "learner"):  # the memory of `traits` seen otherwise; one model for all
        parts.pop(name)
    total = sum(array.nbytes for array in parts.values()) / n
    row = row_of("memory", f"{journey}, all arrays", "bytes per user", [total])
    return against(row, MOST_BYTES, f"{MOST_BYTES:,.0f} (a million in 2 GiB)", at_most=True)


def resident() -> int:
    """Bytes of memory that this process really holds (Linux)."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4_096  # pages


def a_million() -> Row:
    """Memory that a million users of the foremost journey really take after some steps."""
    before = resident()
    steady = Steady(FOREMOST, MILLION)
    gib = (resident() - before) / GIB
    assert len(steady.actions) == MILLION
    row = row_of("memory", f"{FOREMOST}, a million users, allocated", "GiB", [gib])
    return against(row, 2.0, "2 GiB", at_most=True)


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    sizes = [(FOREMOST, n) for n in SIZES] + [(name, USUAL) for name in shipped() if name != FOREMOST]
    rows = [row for journey, n in sizes for row in speed(journey, n, settings)]
    rows += [row for name in shipped() for row in by_learner(name, settings)]
    rows += [bytes_per_user(name) for name in shipped()]
    return [*rows, a_million()] if settings.full else rows
