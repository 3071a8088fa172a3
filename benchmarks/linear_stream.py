"""Linear problems of which everything is known: what each arm pays at a context, and what the best would have paid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Stream(NamedTuple):
    """`contexts` `(T, d)` float32 of length 1, mean rewards `(T, K)`, `noise` `(T,)`: what every arm's is moved by."""

    contexts: np.ndarray
    means: np.ndarray
    noise: np.ndarray

    def rewards(self, t: slice, arms: np.ndarray) -> np.ndarray:
        """What `arms` `(n,)` pay in the rounds `t`."""
        return self.means[t][np.arange(len(arms)), arms] + self.noise[t]

    def regret(self, arms: np.ndarray) -> np.ndarray:
        """Cumulated regret `(T,)` of `arms` `(T,)`: the best arm's mean less that of the arm chosen."""
        return np.cumsum(self.means.max(axis=1) - self.means[np.arange(len(arms)), arms])


def linear_stream(rounds: int, n_arms: int, size: int, seed: int, noise: float = 0.3, change_at: int = 0) -> Stream:
    """A problem with a weight vector of length 1 for each arm; from round `change_at` on (0: never) it is another's."""
    rng = np.random.default_rng(seed)
    return stream_on(rng.normal(size=(rounds, size)), n_arms, rng, noise, change_at)


def stream_on(contexts: np.ndarray, n_arms: int, rng: np.random.Generator, noise: float, change_at: int = 0) -> Stream:
    """The same on `contexts` `(T, d)` that come from elsewhere; they are brought to length 1."""
    contexts = (contexts / np.linalg.norm(contexts, axis=1, keepdims=True)).astype(np.float32)
    weights = rng.normal(size=(n_arms, contexts.shape[1]))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    means = contexts @ weights.T
    if change_at:
        means[change_at:] = contexts[change_at:] @ np.roll(weights, 1, axis=0).T
    return Stream(contexts, means, noise * rng.normal(size=len(contexts)))
