"""Several native environments as one batch: other learner models, other populations, other journeys side by side.

Rows of one environment follow those of the one before it. Where the journeys differ, masks and actions are laid out for
the longest one: `3 S` selections, then the eight interventions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from agents.learners import Learner
from envs.hidden import HIDDEN_SIZE
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from journeys.actions import INTERVENTIONS, N_VARIANTS
from journeys.plan import Plan
from journeys.spec import Journey
from journeys.state import COMPLETED
from personas.persona import Population
from policies.protocol import Policy
from policies.step_features import ROW_SIZE, SHARED_SIZE, StepSkills, step_skills_of, write_features_of_rows
from policies.training.recall import Recall
from policies.training.rollout import Insider

DESCRIBED = 6  # numbers by which a critic tells journeys apart
MANY_STEPS, MANY_SKILLS, MANY_MINUTES = 16.0, 8.0, 120.0  # read 1 there
SEEDS_APART = 1_000_003  # seeds of environments count up from those of trainings, which lie so far apart: a prime


class Setting(NamedTuple):
    """What some of the rows practise on."""

    journey: Journey
    population: Population
    learner: Learner


MakeRecall = Callable[[Plan], Recall]


class Layout(NamedTuple):
    """Shapes of one row of every input: `n_steps` `S` of the longest journey, `critic` entries for the critic.

    `observation` is `D`, and what is recalled, where all journeys are of one shape, else 0: then there is no flat
    vector to show.
    """

    n_steps: int
    observation: int
    critic: int

    @property
    def seen(self) -> int:
        """Entries of `Inputs.flat` that hold nothing hidden."""
        return self.observation or SHARED_SIZE

    @property
    def n_actions(self) -> int:
        """`3 S + 8`."""
        return N_VARIANTS * self.n_steps + INTERVENTIONS


class Inputs(NamedTuple):
    """What is seen of `n` rows. `flat` `(n, C)` begins with the observation, if any, and ends with hidden state.

    `shared` `(n, 69)`, `rows` `(n, S, 30)` and `current` `(n,)` are the step features; `masks` `(n, A)` bool.
    """

    flat: np.ndarray
    shared: np.ndarray
    rows: np.ndarray
    current: np.ndarray
    masks: np.ndarray


class Outcome(NamedTuple):
    """What a step brought, each `(n,)`: reward, elapsed seconds; is the episode over, was it cut, was it completed."""

    rewards: np.ndarray
    elapsed: np.ndarray
    over: np.ndarray
    truncated: np.ndarray
    completed: np.ndarray


class EnvGroup:
    """`n` rows over `settings`, as equal shares as can be. `by_steps` writes the step features as well."""

    def __init__(
        self,
        settings: Sequence[Setting],
        n: int,
        weights: RewardWeights,
        seed: int,
        by_steps: bool,
        most_decisions: int,
        recall: MakeRecall | None = None,
        keep_log: bool = False,
    ) -> None:
        self.n, self.by_steps = n, by_steps
        self.slices = shares(n, len(settings))
        self.envs = [
            OnboardingVectorEnv(
                s.journey,
                s.population,
                part.stop - part.start,
                weights,
                most_decisions,
                keep_log=keep_log or recall is not None,
                learner=s.learner,
                reveal=True,
            )
            for s, part in zip(settings, self.slices, strict=True)
        ]
        self.tables = [step_skills_of(env.plan) for env in self.envs]
        self.descriptions = [describe(env) for env in self.envs]
        self.recalls = [recall(env.plan) for env in self.envs] if recall else []
        self.layout = layout_of(self.envs, self.recalls[0].size if recall else 0)
        self.fresh = np.ones(n, bool)  # rows of whom nothing is recalled yet
        self.seeds = [(seed * SEEDS_APART + i) % 2**32 for i in range(len(self.envs))]
        self.personas = np.zeros(n, np.int64)  # numbers of names in `kinds`: populations count theirs differently
        self.kinds = sorted({name for env in self.envs for name in env.population.personas})
        self._kinds = [np.array([self.kinds.index(name) for name in env.population.personas]) for env in self.envs]
        self.cut: list[tuple[np.ndarray, np.ndarray]] = []  # of the last step: rows cut, their last states
        for env, own in zip(self.envs, self.seeds, strict=True):
            env.reset(seed=own)
        for memory, env in zip(self.recalls, self.envs, strict=False):
            memory.begin(env.num_envs)

    def pieces(self, low: int, high: int) -> Iterator[tuple[int, slice]]:
        """Which rows of which environments rows `low` to `high - 1` of the group are."""
        for i, part in enumerate(self.slices):
            first, last = max(low, part.start), min(high, part.stop)
            if first < last:
                yield i, slice(first - part.start, last - part.start)

    def some(self, low: int, high: int) -> EnvGroup:
        """Rows `low` to `high - 1` as a group by themselves, in which they live on as they would in this one.

        What is recalled of users, and logs of events, are not shared out.
        """
        part, pieces = copy(self), list(self.pieces(low, high))
        own = [i for i, _ in pieces]
        part.n, part.cut = high - low, []
        part.envs = [self.envs[i].some(rows.start, rows.stop) for i, rows in pieces]
        edges = np.cumsum([0, *(env.num_envs for env in part.envs)]).tolist()
        part.slices = [slice(first, last) for first, last in pairwise(edges)]
        part.tables, part.descriptions = [self.tables[i] for i in own], [self.descriptions[i] for i in own]
        part.seeds, part._kinds = [self.seeds[i] for i in own], [self._kinds[i] for i in own]
        part.fresh, part.personas = self.fresh[low:high].copy(), self.personas[low:high].copy()
        return part

    def snapshots(self, low: int, high: int) -> list[dict[str, np.ndarray]]:
        """Where rows `low` to `high - 1` stand, by environment."""
        return [self.envs[i].snapshot(rows) for i, rows in self.pieces(low, high)]

    def take_up(self, low: int, high: int, snapshots: Sequence[dict[str, np.ndarray]]) -> None:
        """Put rows `low` to `high - 1` where `snapshots` say."""
        for (i, rows), arrays in zip(self.pieces(low, high), snapshots, strict=True):
            self.envs[i].restore(arrays, self.envs[i].seed, rows)

    def room(self, steps: int) -> Inputs:
        """Empty inputs of so many steps, each array `(steps, n, ...)`."""
        lay, shape = self.layout, (steps, self.n)
        n_rows = lay.n_steps if self.by_steps else 0
        return Inputs(
            np.zeros((*shape, lay.critic), np.float32),
            np.zeros((*shape, SHARED_SIZE if self.by_steps else 0), np.float32),
            np.zeros((*shape, n_rows, ROW_SIZE), np.float32),
            np.zeros(shape, np.int64),
            np.zeros((*shape, lay.n_actions), bool),
        )

    def look(self, room: Inputs) -> None:
        """Write what is seen now into `room`, arrays `(n, ...)`."""
        for env, part, table, described in zip(self.envs, self.slices, self.tables, self.descriptions, strict=True):
            here = Inputs(*(array[part] for array in room))
            see(env, here, table if self.by_steps else None, self.layout)
            if not self.layout.observation:
                here.flat[:, SHARED_SIZE + HIDDEN_SIZE :] = described
        for env, part, kinds in zip(self.envs, self.slices, self._kinds, strict=True):
            self.personas[part] = kinds[env.world.minds["persona"]]
        for env, part, memory in zip(self.envs, self.slices, self.recalls, strict=False):
            rows = np.arange(env.num_envs)
            begin = env.world.observations.shape[1]
            room.flat[part, begin : begin + memory.size] = memory.look(env.world, rows, rows[self.fresh[part]])
        self.fresh[:] = False

    def keys(self) -> np.ndarray:
        """Event keys `(n,)` that seed the draws of this moment."""
        return np.concatenate([env.world.keys for env in self.envs])

    def step(self, actions: np.ndarray) -> Outcome:
        """Apply `actions` `(n,)`, laid out for the longest journey; new users replace those who are through."""
        columns = []
        self.cut = []
        for i, (env, part) in enumerate(zip(self.envs, self.slices, strict=True)):
            own = actions[part]
            spare = self.spare(env)
            own = np.where(own >= N_VARIANTS * self.layout.n_steps, own - spare, own) if spare else own
            _, rewards, terminated, truncated, info = env.step(own)
            completed = np.zeros(len(own), bool)
            if "final_info" in info:
                final = info["final_info"]
                completed[final["rows"]] = final["ending"] == COMPLETED
            if truncated.any():
                self.cut.append(self.last_of(i, truncated, info["final_info"]))
            columns.append((rewards, info["elapsed"], terminated | truncated, truncated, completed))
        outcome = Outcome(*(np.concatenate(column) for column in zip(*columns, strict=True)))
        self.fresh |= outcome.over
        return outcome

    def spare(self, env: OnboardingVectorEnv) -> int:
        """Selections of the longest journey that the journey of `env` does not have."""
        return N_VARIANTS * (self.layout.n_steps - len(env.plan.steps))

    def last_of(self, i: int, truncated: np.ndarray, final: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """The rows `(m,)` of the group that were cut in environment `i`, and what a critic sees of them last `(m, C)`.

        What is recalled of them is lost with their place, and reads 0: episodes are seldom cut.
        """
        kept, first = truncated[final["rows"]], self.slices[i].start
        observations, hidden = final["observations"][kept], final["hidden"][kept]
        if self.layout.observation:
            unknown = np.zeros((len(hidden), self.layout.observation - observations.shape[1]), np.float32)
            return first + final["rows"][kept], np.concatenate([observations, unknown, hidden], axis=1)
        shared = np.zeros((len(hidden), SHARED_SIZE), np.float32)
        rows = np.zeros((len(hidden), len(self.envs[i].plan.steps), ROW_SIZE), np.float32)
        write_features_of_rows(self.tables[i], observations, shared, rows, np.zeros(len(hidden), np.int64))
        described = np.repeat(self.descriptions[i][None], len(hidden), axis=0)
        return first + final["rows"][kept], np.concatenate([shared, hidden[:, :HIDDEN_SIZE], described], axis=1)

    def advice(self, teacher: Policy) -> np.ndarray:
        """What `teacher` would do now, `(n,)`, laid out for the longest journey."""
        actions = np.zeros(self.n, np.int64)
        for env, part in zip(self.envs, self.slices, strict=True):
            if isinstance(teacher, Insider):
                teacher.look_into(env.world, np.arange(env.num_envs))
            own = teacher.decide(env.world.observations, env.world.masks, env.world.keys).actions
            actions[part] = np.where(own >= N_VARIANTS * len(env.plan.steps), own + self.spare(env), own)
        return actions


def shares(n: int, settings: int) -> list[slice]:
    """The rows of each of so many settings. Raises `ValueError` where one of them would have none."""
    if n < settings:
        raise ValueError(
            f"training.num_envs={n} is less than the {settings} settings to practise on. "
            "Mend: raise it, or practise on fewer"
        )
    edges = np.linspace(0, n, settings + 1).astype(int).tolist()
    return [slice(low, high) for low, high in pairwise(edges)]


def layout_of(envs: Sequence[OnboardingVectorEnv], recalled: int = 0) -> Layout:
    """The layout that fits all `envs`; `recalled` numbers follow the observation."""
    shapes = {(len(env.plan.steps), len(env.plan.prior)) for env in envs}
    n_steps = max(steps for steps, _ in shapes)
    if len(shapes) > 1:
        return Layout(n_steps, 0, SHARED_SIZE + HIDDEN_SIZE + DESCRIBED)
    size = envs[0].world.observations.shape[1] + recalled
    return Layout(n_steps, size, size + HIDDEN_SIZE + len(envs[0].plan.prior))


def describe(env: OnboardingVectorEnv) -> np.ndarray:
    """What kind of journey it is: `(DESCRIBED,)` float32."""
    plan = env.plan
    return np.array(
        [
            len(plan.steps) / MANY_STEPS,
            len(plan.prior) / MANY_SKILLS,
            (plan.steps["seconds"] * plan.steps["required"]).sum() / (60.0 * MANY_MINUTES),
            plan.prior.mean(),
            plan.learn[:, 1, 0].mean(),
            float(plan.rules["forgetting"][0]),
        ],
        np.float32,
    )


def see(env: OnboardingVectorEnv, here: Inputs, table: StepSkills | None, layout: Layout) -> None:
    """Write what is seen of the rows of one environment."""
    observations, masks, n_steps = env.world.observations, env.world.masks, len(env.plan.steps)
    if table is not None:
        write_features_of_rows(table, observations, here.shared, here.rows, here.current)
    if layout.observation:
        here.flat[:, : observations.shape[1]] = observations
        here.flat[:, layout.observation :] = env.hidden()
    else:
        here.flat[:, :SHARED_SIZE] = here.shared
        here.flat[:, SHARED_SIZE : SHARED_SIZE + HIDDEN_SIZE] = env.hidden()[:, :HIDDEN_SIZE]
    own, longest = N_VARIANTS * n_steps, N_VARIANTS * layout.n_steps
    here.masks[:, :own] = masks[:, :own]
    here.masks[:, longest:] = masks[:, own:]
