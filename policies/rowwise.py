"""Deterministic policies written as compiled loops over users' observations and masks."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from policies.protocol import Choices

ChooseRows = Callable[[Any, Any, Any], None]  # (observations (n, D), masks (n, A), actions (n,) to fill)


class RowwisePolicy:
    """Plays what `choose_rows` says, always: propensities are 1."""

    def __init__(self, name: str, choose_rows: ChooseRows) -> None:
        self.name = name
        self._choose_rows = choose_rows

    def __getstate__(self) -> dict[str, Any]:
        """A module's own loop by its name, not its code: whoever reads the pickle need not compile it again."""
        choose = self._choose_rows
        of_module = getattr(import_module(choose.__module__), choose.__name__, None) is choose
        return self.__dict__ | ({"_choose_rows": (choose.__module__, choose.__name__)} if of_module else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(state["_choose_rows"], tuple):
            module, function = state["_choose_rows"]
            self._choose_rows = getattr(import_module(module), function)

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """One-hot rows, shape `(n, A)`."""
        actions = self._actions(observations, masks)
        probabilities = np.zeros(masks.shape)
        probabilities[np.arange(len(actions)), actions] = 1.0
        return probabilities

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """The action per row; the keys are not needed."""
        actions = self._actions(observations, masks)
        return Choices(actions, np.ones(len(actions)))

    def _actions(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        actions = np.empty(len(masks), np.int64)
        self._choose_rows(observations, masks, actions)
        return actions
