"""The native vector environment: many users in arrays, one compiled call per step, no Python object per user."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from agents.kernel import EVENTS_PER_DECISION, enter_all, make_world, share_traits
from agents.learners import BINARY_MASTERY, Learner, journey_under
from envs.hidden import HIDDEN_SIZE, write_hidden_of_rows
from envs.reward import RewardWeights
from envs.stepping import make_outcome, renew_rows, step_rows
from journeys.compiled import entry_point
from journeys.events import EVENT
from journeys.mask import first_illegal
from journeys.plan import compile_plan
from journeys.spec import Journey
from personas.persona import Population

BOUND = ("_scratches", "_step_rows", "_renew_rows", "_first_illegal", "_pool")
ARRAYS = (
    "users", "steps", "skills", "minds", "memories", "traits", "observations", "masks", "terms", "elapsed", "keys",
    "n_events",
)  # fmt: skip
EVERY_ROW = slice(None)
MOST_DECISIONS = 400  # an episode longer than this is cut; simulated users need 20 to 150


class OnboardingVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """`num_envs` users at a time: observations `(n, D)` float32, actions `(n,)`, rewards `(n,)`.

    `info` holds arrays over the environments: `action_mask` `(n, A)` bool, `event_key` `(n,)` uint64 (seed of the
    policy's draw), `elapsed` `(n,)` seconds since the last decision, `terms` `(n, 6)` reward terms in the order of
    `agents.kernel.TERMS`, `user` `(n,)` user numbers, `persona` `(n,)`. Where episodes ended (SAME_STEP autoreset):
    `_final_obs` `(n,)` bool, `final_obs` `(n,)` the last observations of those rows (Gymnasium's object array, None
    elsewhere), and for whole-array use `final_info` with `rows` `(m,)`, `observations` `(m, D)`, `ending` `(m,)` (how
    the onboarding ended, `journeys.state.ENDINGS`) and `user` `(m,)`.

    A `learner` that forgets turns the journey's `rules.forgetting` on: `self.journey` is the journey in force.
    With `reveal`, `final_info` also has `hidden` `(m, H)`, the last hidden states, for a critic (`envs/hidden.py`).
    The returned arrays are the environment's own memory and are overwritten by the next step; pass `copy=True` for
    copies. Results do not depend on `threads`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  (declared so by Gymnasium)
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }

    def __init__(
        self,
        journey: Journey,
        population: Population,
        num_envs: int = 1,
        weights: RewardWeights | None = None,
        most_decisions: int = MOST_DECISIONS,
        threads: int = 1,
        copy: bool = False,
        keep_log: bool = False,
        learner: Learner = BINARY_MASTERY,
        reveal: bool = False,
    ) -> None:
        self.journey, self.population, self.learner = journey_under(journey, learner), population, learner
        self.plan = compile_plan(self.journey)
        self.world = make_world(self.plan, self.journey, learner, num_envs, keep_log)
        self.outcome = make_outcome(num_envs)
        self.weights = weights or RewardWeights()
        self._weights = self.weights.array()
        self.num_envs, self.most_decisions, self.copy = num_envs, most_decisions, copy
        self.seed, self.reveal = 0, reveal
        self.apart = num_envs  # numbers of the users who follow each other in a row
        self._scratch = np.zeros((threads, EVENTS_PER_DECISION), EVENT).view(np.recarray)
        edges = np.linspace(0, num_envs, threads + 1).astype(int)
        self._ranges = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        self._everyone = np.arange(num_envs)
        self._bind()
        size, n_actions = self.world.observations.shape[1], self.world.masks.shape[1]
        self.single_observation_space = gym.spaces.Box(0.0, 1.0, (size,), np.float32)
        self.single_action_space = gym.spaces.Discrete(n_actions)

    @cached_property
    def observation_space(self) -> gym.Space:  # type: ignore[override]
        """The batched space, made when asked for: its bounds are larger than the observations themselves."""
        return batch_space(self.single_observation_space, self.num_envs)

    @cached_property
    def action_space(self) -> gym.Space:  # type: ignore[override]
        """One flat action per row."""
        return batch_space(self.single_action_space, self.num_envs)

    def _bind(self) -> None:
        """Fetch the machine code and start the threads: what a pickled environment leaves behind."""
        self._scratches = list(self._scratch)
        people, actions = self.population.people, np.zeros(self.num_envs, np.int64)
        scratch = self._scratches[0]
        self._step_rows = entry_point(
            step_rows, self.plan, self.world, self.outcome, self._weights, actions, scratch, 0, 0, 0
        )
        self._renew_rows = entry_point(renew_rows, self.plan, people, self.world, actions, scratch, 0, 0)
        self._first_illegal = entry_point(first_illegal, self.world.masks, actions)
        self._pool = ThreadPoolExecutor(len(self._scratches)) if len(self._scratches) > 1 else None

    def __getstate__(self) -> dict[str, Any]:
        """All but machine code and threads."""
        return {name: value for name, value in self.__dict__.items() if name not in BOUND}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.world = share_traits(self.world)
        self._bind()

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin with new users. `options["first_user"]` (default 0) is the number of the user in the first row."""
        if isinstance(seed, list):
            raise ValueError("one seed serves all rows: users differ by their number. Pass an int")
        super().reset(seed=seed)
        if seed is not None:
            self.seed = seed
        first = int((options or {}).get("first_user", 0))
        self._each(
            lambda i, low, high: enter_all(
                self.plan, self.population.people, self.world, self.seed, first, self._scratches[i], low, high
            )
        )
        self.world.terms[:] = 0.0
        self.world.elapsed[:] = 0.0
        return self._own(self.world.observations), self._info()

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Apply `actions` `(n,)`. Raises `ValueError` when one of them is illegal; nothing has happened then."""
        actions = np.ascontiguousarray(actions, np.int64)
        if actions.shape != (self.num_envs,):
            raise ValueError(f"actions have shape {actions.shape}. Mend: pass one action per row, ({self.num_envs},)")
        self._check(actions)
        out = self.outcome
        arguments = (self.plan, self.world, out, self._weights, actions)
        self._each(lambda i, low, high: self._step_rows(*arguments, self._scratches[i], self.most_decisions, low, high))
        endings = self._renew(out.terminated | out.truncated)
        own = self._own
        info = self._info() | endings
        return own(self.world.observations), own(out.rewards), own(out.terminated), own(out.truncated), info

    def _renew(self, over: np.ndarray) -> dict[str, Any]:
        """Let new users take the place of those who are `over` `(n,)`; returns what is to be said of the old ones."""
        rows = np.flatnonzero(over)
        if not len(rows):
            return {}
        observations, last = self.world.observations[rows], np.full(self.num_envs, None, object)
        last[rows] = list(observations)
        final_info = {
            "rows": rows,
            "observations": observations,
            "ending": self.world.users["ended"][rows],
            "user": self.world.minds["user"][rows],
        }
        if self.reveal:
            final_info["hidden"] = self.hidden(rows)
        people, scratch = self.population.people, self._scratches[0]
        self._renew_rows(self.plan, people, self.world, rows, scratch, self.seed, self.apart)
        return {"final_obs": last, "_final_obs": over, "final_info": final_info, "_final_info": over}

    def close_extras(self, **kwargs: Any) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown()

    def action_masks(self) -> np.ndarray:
        """Legal actions `(n, A)`, bool."""
        return self.world.masks

    def hidden(self, rows: np.ndarray | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """Hidden state of the users in `rows` `(m,)`, by default all: `(m, H)` float32, into `out` where given."""
        rows = self._everyone if rows is None else rows
        if out is None:
            out = np.empty((len(rows), HIDDEN_SIZE + len(self.plan.prior)), np.float32)
        write_hidden_of_rows(self.plan, self.world, rows, out)
        return out

    def snapshot(self, rows: slice = EVERY_ROW) -> dict[str, np.ndarray]:
        """Everything that a later `restore` needs to go on exactly from here, as arrays of bytes."""
        return {name: np.ascontiguousarray(getattr(self.world, name)[rows]).view(np.uint8).copy() for name in ARRAYS}

    def restore(self, arrays: dict[str, np.ndarray], seed: int, rows: slice = EVERY_ROW) -> None:
        """Go on from a `snapshot` of as many rows of an environment like this one, begun with `seed`.

        Raises `ValueError` where the snapshot is of another kind or number of rows.
        """
        for name in ARRAYS:
            own, theirs = getattr(self.world, name)[rows], arrays[name]
            if theirs.nbytes != own.nbytes:
                raise ValueError(
                    f"{name!r} has {theirs.nbytes} bytes, not {own.nbytes}. Mend: restore with its settings"
                )
            own.view(np.ndarray).reshape(-1).view(np.uint8)[:] = theirs.reshape(-1)
        self.seed = seed

    def some(self, low: int, high: int) -> OnboardingVectorEnv:
        """Rows `low` to `high - 1` as an environment by themselves, in which they live on as they would in this one."""
        part = OnboardingVectorEnv(
            self.journey,
            self.population,
            high - low,
            self.weights,
            self.most_decisions,
            learner=self.learner,
            reveal=self.reveal,
        )
        part.apart = self.apart
        part.restore(self.snapshot(slice(low, high)), self.seed)
        return part

    def _check(self, actions: np.ndarray) -> None:
        legal = self.world.masks
        row = self._first_illegal(legal, actions)
        if row >= 0:
            raise ValueError(
                f"action {int(actions[row])} of environment {row} is illegal here. "
                f"Mend: choose among info['action_mask'][{row}]: {np.flatnonzero(legal[row]).tolist()}"
            )

    def _each(self, work: Any) -> None:
        if self._pool is None:
            work(0, 0, self.num_envs)
            return
        jobs = [self._pool.submit(work, i, low, high) for i, (low, high) in enumerate(self._ranges)]
        for job in jobs:
            job.result()

    def _own(self, array: np.ndarray) -> np.ndarray:
        return array.copy() if self.copy else array

    def _info(self) -> dict[str, Any]:
        world = self.world
        return {
            "action_mask": self._own(world.masks),
            "event_key": self._own(world.keys),
            "elapsed": self._own(world.elapsed),
            "terms": self._own(world.terms),
            "user": self._own(world.minds["user"]),
            "persona": self._own(world.minds["persona"]),
        }
