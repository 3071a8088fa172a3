"""Ours, Vowpal Wabbit and MABWiser behind one door, each by the fastest way that its Python package offers.

Everybody may prepare what a context is to them (an array, a line of text) before the clock runs. Vowpal Wabbit parses
lines, predicts on the parsed examples and learns from the same examples, by the functions of its C++ module: its own
Python classes around them take three times as long. MABWiser gets all rounds of a batch in one call.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import numpy as np
import pylibvw
from mabwiser.mab import MAB
from vowpalwabbit import Workspace

from benchmarks.linear_stream import Stream
from policies.bandits.context_bandit import ContextBandit
from policies.bandits.exploration import Rule

VW = pylibvw.vw
VW_ADF = "--cb_explore_adf --interactions sa --quiet"


class Contestant(Protocol):
    """Who plays a stream; rounds are named by where they stand in it."""

    def begin(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """Learn from `arms` that were drawn uniformly, before anything else."""

    def decide(self, now: slice) -> np.ndarray:
        """Choose the arms `(n,)` of `n` rounds."""

    def learn(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """Learn what the arms just chosen have paid."""


Make = Callable[[Stream, int], Contestant]  # for a stream, with a seed of its own luck


class Ours:
    """`ContextBandit`."""

    def __init__(self, stream: Stream, seed: int, rule: Rule, discount: float) -> None:
        (rounds, n_arms), size = stream.means.shape, stream.contexts.shape[1]
        self.bandit = ContextBandit("ours", n_arms, size, rule, discount=discount)
        self.contexts, self.masks = stream.contexts, np.ones((rounds, n_arms), np.bool_)
        self.keys = np.random.default_rng(seed).integers(0, 2**64, rounds, dtype=np.uint64)

    def decide(self, now: slice) -> np.ndarray:
        """One call for all rounds."""
        return self.bandit.decide(self.contexts[now], self.masks[now], self.keys[now]).actions

    def learn(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """One call for all rounds."""
        self.bandit.learn(self.contexts[now], arms, rewards)

    begin = learn


class MabWiser:
    """`MAB` in one process."""

    def __init__(self, stream: Stream, seed: int, policy: Any) -> None:
        self.mab = MAB(list(range(stream.means.shape[1])), policy, seed=seed, n_jobs=1)
        self.contexts = stream.contexts.astype(np.float64)

    def begin(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """It cannot decide before it was fitted."""
        self.mab.fit(arms, rewards, self.contexts[now])

    def decide(self, now: slice) -> np.ndarray:
        """One call for all rounds; of a single one it returns the arm alone."""
        return np.atleast_1d(self.mab.predict(self.contexts[now]))

    def learn(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """One call for all rounds."""
        self.mab.partial_fit(arms, rewards, self.contexts[now])


class VowpalWabbit:
    """A `Workspace` with contextual bandits on action-dependent features, one weight for each arm and input."""

    def __init__(self, stream: Stream, seed: int, options: str) -> None:
        self.workspace = Workspace(f"{VW_ADF} {options}")
        self.n_arms, self.lines = stream.means.shape[1], lines_of(stream)
        self.luck = np.random.default_rng(seed).random(len(self.lines)).tolist()
        self.label = self.workspace.get_label_type().value
        self.pending: list[tuple[Any, float]] = []  # of each round decided and not yet learned: examples, propensity

    def begin(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """The propensities of a uniform draw."""
        self.pending = [(VW._parse(self.workspace, line), 1.0 / self.n_arms) for line in self.lines[now]]
        self.learn(now, arms, rewards)

    def decide(self, now: slice) -> np.ndarray:
        """Round by round: it offers no more."""
        arms = []
        for line, luck in zip(self.lines[now], self.luck[now], strict=True):
            examples = VW._parse(self.workspace, line)
            VW.predict_multi(self.workspace, examples)
            chances = examples[0].get_action_scores()
            below = list(accumulate(chances))
            arm = min(bisect(below, luck * below[-1]), self.n_arms - 1)
            self.pending.append((examples, chances[arm]))
            arms.append(arm)
        return np.array(arms)

    def learn(self, now: slice, arms: np.ndarray, rewards: np.ndarray) -> None:
        """Costs are what rewards are not."""
        for (examples, chance), arm, reward in zip(self.pending, arms.tolist(), rewards.tolist(), strict=True):
            examples[1 + arm].set_label_string(self.workspace, f"0:{-reward:.6g}:{chance:.6g}", self.label)
            VW.learn_multi(self.workspace, examples)
            VW._finish_example_multi_ex(self.workspace, examples)
        self.pending.clear()


def lines_of(stream: Stream) -> list[str]:
    """Every round as Vowpal Wabbit reads it: what arms share, and a line for each."""
    arms = "\n".join(arm_lines(stream.means.shape[1]))
    return [f"{shared_line(context)}\n{arms}" for context in stream.contexts.tolist()]


def shared_line(context: Iterable[float]) -> str:
    """A context; inputs of 0 are left out, as is usual."""
    return "shared |s " + " ".join(f"{j}:{x:.6g}" for j, x in enumerate(context) if x)


def arm_lines(n_arms: int) -> list[str]:
    """The only feature of an arm is which it is."""
    return [f"|a {arm}" for arm in range(n_arms)]


def ours(rule: Rule, discount: float = 1.0) -> Make:
    """`ContextBandit` by a rule."""
    return lambda stream, seed: Ours(stream, seed, rule, discount)


def mabwiser(policy: Any) -> Make:
    """MABWiser by one of its learning policies."""
    return lambda stream, seed: MabWiser(stream, seed, policy)


def vowpal_wabbit(options: str) -> Make:
    """Vowpal Wabbit with `options` on exploring and learning."""
    return lambda stream, seed: VowpalWabbit(stream, seed, options)


class Entry(NamedTuple):
    """Somebody to play; a peer names the one of ours to be compared with in `beside`.

    Who is `online` learns after each round, whatever the batch of the others.
    """

    name: str
    make: Make
    beside: str = ""
    online: bool = False
