"""Training a bandit in simulation: cohort after cohort lives under it, and it learns from their logs as in production.

The first cohorts are led by a policy that is there already (the warm start), which now and then does anything legal: so
a team would begin, with the log of what it runs. From then on every cohort is led by what was learned until then:
batched, delayed feedback, for what a decision was worth is known only when the onboarding is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.learners import journey_under
from envs.reward import RewardWeights
from journeys.plan import compile_plan
from policies.bandits.inputs import NETWORK
from policies.bandits.learning import Learner, learn, policy_of, worth_of
from policies.bandits.lived import relive
from policies.bandits.settings import BANDITS, BanditSettings
from policies.bandits.tensors import beginner, tensors_of
from policies.families import OF_ANY_JOURNEY, baseline
from policies.protocol import Choices, Policy, draw
from policies.setting_checks import check_above_zero, check_shares
from policies.training.cohort_log import Cohort, CohortLog, cohort_log
from policies.training.env_group import Setting
from policies.training.progress import Progress
from policies.training.representation import represent
from policies.training.trained import Trained


@dataclass(frozen=True)
class BanditTraining:
    """How a bandit is trained: `total_steps` decisions (the last cohort lives to its end), `cohort` users at a time.

    The policy `warm_start` leads the first share `warm_share` of them, doing anything legal with `warm_doubt`. What a
    `neural_linear` bandit reads by is a network of two layers of `hidden` units, fitted to what the first cohort got.
    """

    total_steps: int = 1_000_000
    cohort: int = 4096
    warm_start: str = "greedy"
    warm_share: float = 0.13
    warm_doubt: float = 0.3
    hidden: int = 32

    def __post_init__(self) -> None:
        check_above_zero(self, "training", "total_steps", "cohort", "hidden")
        check_shares(self, "training", "warm_share", "warm_doubt")
        if self.warm_start not in OF_ANY_JOURNEY:
            known = ", ".join(OF_ANY_JOURNEY)
            raise ValueError(f"training.warm_start={self.warm_start!r} is no policy. Mend: use one of {known}")


class Doubting:
    """A policy that does anything legal now and then, so that there is something to learn from what it leads."""

    def __init__(self, policy: Policy, doubt: float) -> None:
        self.name, self.policy, self.doubt = policy.name, policy, doubt

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """The policy's, less what is spread evenly over all that is legal; `(n, A)`."""
        evenly = masks / masks.sum(axis=1, keepdims=True)
        return (1.0 - self.doubt) * self.policy.probabilities(observations, masks) + self.doubt * evenly

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        """Draw an action per row."""
        return draw(self.probabilities(observations, masks), keys)


class BanditTrainer:
    """One training of a bandit of `family`: `train` runs it to its end, `advance` by one cohort.

    Cohorts come from the settings of `practice` in turn, all of one journey; `live` lets them live.
    """

    def __init__(
        self,
        family: str,
        settings: BanditSettings,
        training: BanditTraining,
        practice: Sequence[Setting],
        weights: RewardWeights,
        seed: int,
        live: Callable[[Cohort], CohortLog] = cohort_log,
    ) -> None:
        self.family, self.training, self.practice, self.weights, self.seed = family, training, practice, weights, seed
        self.settings = replace(settings, weights=tuple(weights.array().tolist()))
        self.journey, self.live = practice[0].journey, live
        self.learner: Learner | None = (
            None if BANDITS[family].kind == NETWORK else beginner(family, self.settings, self.journey)
        )
        self.cohorts = self.steps = 0
        self.seconds = 0.0

    def train(self, on_progress: Callable[[Progress], None]) -> Trained:
        """Train to the end; `on_progress` hears of every cohort."""
        curve = list[Progress]()
        while self.steps < self.training.total_steps:
            curve.append(self.advance())
            on_progress(curve[-1])
        assert self.learner is not None
        return Trained(self.family, tensors_of(self.learner), curve)

    def advance(self) -> Progress:
        """Let one cohort live, and learn from its log."""
        began, setting = time.perf_counter(), self.practice[self.cohorts % len(self.practice)]
        first = self.cohorts * self.training.cohort
        log = self.live(Cohort(setting, self.leader(), self.training.cohort, self.seed, first, self.weights))
        plan = compile_plan(journey_under(setting.journey, setting.learner))  # the fold that the cohort lived under
        lived, _ = relive(plan, worth_of(self.settings), log.events, log.starts)
        if self.learner is None:
            networks = represent(lived, self.journey, self.training.hidden, self.seed)
            self.learner = beginner(self.family, self.settings, self.journey, networks)
        learn(self.learner, lived, self.journey)
        self.steps, self.cohorts = self.steps + len(lived.actions), self.cohorts + 1
        self.seconds += time.perf_counter() - began
        return self.progress(log)

    def leader(self) -> Policy:
        """Who leads the next cohort."""
        if self.learner is None or self.steps < self.training.warm_share * self.training.total_steps:
            return Doubting(baseline(self.training.warm_start, self.journey), self.training.warm_doubt)
        return policy_of(self.learner, self.journey)

    def progress(self, log: CohortLog) -> Progress:
        """How it goes, by the cohort that has just lived."""
        total = self.training.total_steps
        users, gained, done = len(log.returns), float(log.returns.mean()), float(log.completed.mean())
        return Progress(min(self.steps, total), total, self.seconds, users, gained, done)
