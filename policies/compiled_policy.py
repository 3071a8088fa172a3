"""A policy whose decisions are two compiled loops: over what it knows, what it is shown, and room to work in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from policies.protocol import Choices


class MachineCode(NamedTuple):
    """The two loops, called without Numba's dispatch: `(*knows, observations, masks, [keys,] room, *out)`."""

    probabilities: Callable[..., Any]
    decide: Callable[..., Any]


class CompiledPolicy(ABC):
    """A policy called `name`. `knows` is what its loops read first; `shape`, entries and actions of its journey."""

    def __init__(self, name: str, knows: tuple[Any, ...], shape: tuple[int, int]) -> None:
        self.name, self._knows, self._shape = name, knows, shape

    @staticmethod
    @abstractmethod
    def machine_code() -> MachineCode:
        """The policy's loops, compiled once for all policies of its kind."""

    @abstractmethod
    def room(self) -> Any:
        """Room to work in; fresh for each call, so that threads do not meet in it."""

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Chances of every action, shape `(n, A)`."""
        seen, out = checked(self._shape, observations, masks), np.empty(masks.shape)
        self.machine_code().probabilities(*self._knows, *seen, self.room(), out)
        return out

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        seen, keys = checked(self._shape, observations, masks), np.ascontiguousarray(keys, np.uint64)
        choices = Choices(np.empty(len(keys), np.int64), np.empty(len(keys)))
        self.machine_code().decide(*self._knows, *seen, keys, self.room(), *choices)
        return choices

    def bound(self) -> Callable[[Any, Any, Any, Any, Any], Any]:
        """`decide` as `(observations, masks, keys, actions, propensities)`, for one caller at a time.

        It checks and allocates nothing. The caller vouches for C order and types: float32, bool, uint64, int64, double.
        """
        run, knows, room = self.machine_code().decide, self._knows, self.room()

        def decide(observations: Any, masks: Any, keys: Any, actions: Any, propensities: Any) -> Any:
            return run(*knows, observations, masks, keys, room, actions, propensities)

        return decide


def checked(shape: tuple[int, int], observations: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the layout that machine code takes for granted. Raises `ValueError` where they are another journey's.

    `shape` are the entries and actions of the journey.
    """
    given = observations.shape[1], masks.shape[1]
    if given != shape:
        raise ValueError(
            f"{given[0]} entries and {given[1]} actions are not of this journey, which has {shape[0]} and {shape[1]}. "
            "Mend: build the policy for the journey that it serves"
        )
    return np.ascontiguousarray(observations, np.float32), np.ascontiguousarray(masks, np.bool_)
