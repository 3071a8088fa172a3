"""The native vector environment as a Stable-Baselines3 `VecEnv`: one compiled call per step, no process, no copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices

from envs.vector import OnboardingVectorEnv
from journeys.state import COMPLETED


class NativeVecEnv(VecEnv):
    """SB3's view of `env`. Infos are empty dicts that are shared by all rows, except in rows that just ended.

    `finished` counts episodes since it was last read, with the sum of their returns and how many were completed.
    """

    def __init__(self, env: OnboardingVectorEnv) -> None:
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self.env = env
        self._nothing: list[dict[str, Any]] = [{} for _ in range(env.num_envs)]
        self._returns = np.zeros(env.num_envs)
        self._actions = np.zeros(env.num_envs, np.int64)
        self._finished = np.zeros(3)

    def reset(self) -> np.ndarray:
        """Observations `(n, D)` of new users."""
        self._returns[:] = 0.0
        seed = self._seeds[0]
        observations, _ = self.env.reset(seed=seed)
        self._reset_seeds()
        return observations.copy()

    def step_async(self, actions: np.ndarray) -> None:
        """Take note of `actions` `(n,)`."""
        self._actions = np.asarray(actions, np.int64)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step every row; ended rows carry `terminal_observation` and `TimeLimit.truncated` in their info."""
        observations, rewards, terminated, truncated, info = self.env.step(self._actions)
        self._returns += rewards
        done = terminated | truncated
        infos = self._nothing
        if done.any():
            infos = infos.copy()
            final = info["final_info"]
            for row, last in zip(final["rows"], final["observations"], strict=True):
                infos[row] = {"terminal_observation": last, "TimeLimit.truncated": bool(truncated[row])}
            completed = (final["ending"] == COMPLETED).sum()
            self._finished += done.sum(), self._returns[done].sum(), completed
            self._returns[done] = 0.0
        return observations.copy(), rewards.astype(np.float32), done, infos

    def finished(self) -> tuple[int, float, float]:
        """Episodes since the last call, their mean return and their share completed; NaN where there were none."""
        episodes, returns, completed = self._finished
        self._finished = np.zeros(3)
        if not episodes:
            return 0, float("nan"), float("nan")
        return int(episodes), returns / episodes, completed / episodes

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> Any:
        """`action_masks` of all rows, `(n, A)`: all that MaskablePPO asks for."""
        if method_name != "action_masks" or indices is not None:
            raise AttributeError(f"NativeVecEnv answers env_method('action_masks') for all rows only: {method_name!r}")
        return self.env.action_masks().copy()

    def has_attr(self, attr_name: str) -> bool:
        """MaskablePPO looks for `action_masks`."""
        return attr_name == "action_masks"

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The same attribute for every row, taken from the vector environment."""
        rows = list(self._get_indices(indices))
        return [None if attr_name == "render_mode" else getattr(self.env, attr_name)] * len(rows)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Rows have no attributes of their own."""
        raise AttributeError(f"rows of NativeVecEnv share one environment: cannot set {attr_name!r} on some of them")

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        """No row is wrapped."""
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[np.ndarray | None]:
        """There is nothing to see."""
        return [None] * self.num_envs

    def close(self) -> None:
        """Close the vector environment."""
        self.env.close()
