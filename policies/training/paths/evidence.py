"""What all lives so far say of every path: a linear model of paths, and what is each path's own.

A few dozen users say little of one path, yet every path shares its steps, difficulties and turns of order with hundreds
of others. The mean return of path p over the users of block g is taken to be

    y_pg = block_g + x_p . effects + own_p + noise,    effects ~ N(0, s2 / EFFECT_LIVES), own ~ N(0, s2 / OWN_LIVES),

x_p saying which step is met at which difficulty and which of two steps comes first, s2 being the variance of a user's
return. It is fitted by ridge regression on what the lives gave, then `own` is the shrunken mean of what is left (a
surrogate model: Jin 2011, Surrogate-assisted evolutionary computation). `block` takes the luck of the users away, which
is the same for all paths of a block: a path is not good for having met good people.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from journeys.actions import N_VARIANTS
from policies.path import LearningPath

EFFECT_LIVES = 1000.0  # noise of a user's return, 1.2, over the size of an effect, 0.04, squared. Our choice
OWN_LIVES = 600.0  # the same for what is a path's own: 0.05


class Evidence:
    """Returns of paths on blocks of users, and the worth of a path as it follows from all of them."""

    def __init__(self, n_steps: int) -> None:
        self._n_steps = n_steps
        self._pairs = np.triu_indices(n_steps, 1)
        size = N_VARIANTS * n_steps + len(self._pairs[0])
        self._features = np.empty((0, size))  # a row per path
        self._of = np.empty(0, np.int64)  # of each observation: its path, block, mean return and users
        self._block = np.empty(0, np.int64)
        self._mean = np.empty(0)
        self._users = np.empty(0)
        self._effects, self._own = np.zeros(size), np.empty(0)

    def _features_of(self, paths: Sequence[LearningPath]) -> np.ndarray:
        """`x` of every path, `(P, F)`: 1 for a step at its difficulty; +-0.5 for which of two steps is first."""
        n, rows = self._n_steps, np.arange(len(paths))
        at = np.zeros((len(paths), N_VARIANTS * n))
        places = np.full((len(paths), n), np.nan)
        for row, path in zip(rows, paths, strict=True):
            at[row, N_VARIANTS * path.steps + path.difficulties] = 1.0
            places[row, path.steps] = np.arange(len(path.steps))
        first, second = self._pairs
        turns = np.nan_to_num(0.5 * np.sign(places[:, second] - places[:, first]))
        return np.concatenate([at, turns], axis=1)

    def add_paths(self, paths: Sequence[LearningPath]) -> np.ndarray:
        """Take in new paths; returns their numbers `(P,)`."""
        begin = len(self._features)
        self._features = np.concatenate([self._features, self._features_of(paths)])
        return np.arange(begin, len(self._features))

    def add_block(self, numbers: np.ndarray, returns: np.ndarray) -> None:
        """Take in `returns` `(P, users)` of the paths `numbers` `(P,)` on users whom nobody met before; judge anew."""
        block = 0 if not len(self._block) else self._block[-1] + 1
        self._of = np.concatenate([self._of, numbers])
        self._block = np.concatenate([self._block, np.full(len(numbers), block)])
        self._mean = np.concatenate([self._mean, returns.mean(axis=1)])
        self._users = np.concatenate([self._users, np.full(len(numbers), float(returns.shape[1]))])
        self._fit()

    def worth(self, numbers: np.ndarray) -> np.ndarray:
        """Expected return of the paths `numbers` `(P,)` relative to each other."""
        return self._features[numbers] @ self._effects + self._own[numbers]

    def _fit(self) -> None:
        """Blocks and effects by ridge regression, then what is each path's own."""
        n_blocks = int(self._block[-1]) + 1
        x = np.concatenate([np.eye(n_blocks)[self._block], self._features[self._of]], axis=1)
        weighed = x * self._users[:, None]
        penalty = np.full(x.shape[1], EFFECT_LIVES)
        penalty[:n_blocks] = 0.0
        normal = weighed.T @ x + np.diag(penalty)
        solution = cho_solve(cho_factor(normal), weighed.T @ self._mean)
        left = self._users * (self._mean - x @ solution)
        n = len(self._features)
        met = np.bincount(self._of, self._users, n)
        self._own = np.bincount(self._of, left, n) / (met + OWN_LIVES)
        self._effects = solution[n_blocks:]
