"""MaskablePPO of sb3-contrib on the native vector environment; what it learns leaves as a torch-free policy."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from torch.distributions import Distribution

from agents.learners import BINARY_MASTERY, Learner
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from journeys.spec import Journey
from personas.persona import Population
from policies.families import NETWORK
from policies.network import Weights
from policies.setting_checks import check_above_zero
from policies.training.progress import Progress
from policies.training.sb3_vecenv import NativeVecEnv
from policies.training.trained import Trained


@dataclass(frozen=True)
class SB3Settings:
    """Settings of MaskablePPO. `num_envs * n_steps` decisions make a rollout, of `n_epochs` passes in batches.

    The learning rate falls linearly to 0 over the training. What was trained with exploration is played at
    `temperature`: firmer, yet still with propensities below 1, which off-policy evaluation needs.

    Chosen by trial on `saas`: returns are noisy and help is rarely asked for, so short traces (`gae_lambda`) and a
    lasting wish to try (`ent_coef`) paid most.
    """

    total_steps: int = 6_000_000
    num_envs: int = 256
    n_steps: int = 32
    batch_size: int = 1024
    n_epochs: int = 2
    learning_rate: float = 1.5e-3
    gamma: float = 0.99
    gae_lambda: float = 0.8
    clip_range: float = 0.3
    ent_coef: float = 0.02
    vf_coef: float = 0.5
    hidden: int = 64
    temperature: float = 0.25
    threads: int = 1

    def __post_init__(self) -> None:
        if self.num_envs * self.n_steps % self.batch_size:
            raise ValueError(
                f"training.batch_size={self.batch_size} does not divide num_envs * n_steps = "
                f"{self.num_envs * self.n_steps}. Mend: choose a divisor"
            )
        check_above_zero(self, "training", "temperature")
        if self.total_steps < self.num_envs * self.n_steps:
            raise ValueError(f"training.total_steps={self.total_steps} is less than one rollout. Mend: raise it")


class Report(BaseCallback):
    """Hands a `Progress` to `on_progress` after every rollout."""

    def __init__(self, env: NativeVecEnv, total_steps: int, on_progress: Callable[[Progress], None]) -> None:
        super().__init__()
        self.env, self.total_steps, self.on_progress = env, total_steps, on_progress
        self.curve: list[Progress] = []
        self.began = time.perf_counter()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        seconds = time.perf_counter() - self.began
        self.curve.append(Progress(self.num_timesteps, self.total_steps, seconds, *self.env.finished()))
        self.on_progress(self.curve[-1])


def train(
    journey: Journey,
    population: Population,
    settings: SB3Settings,
    seed: int,
    weights: RewardWeights,
    on_progress: Callable[[Progress], None],
    learner: Learner = BINARY_MASTERY,
) -> Trained:
    """Train on users `0, 1, 2, ...` of `seed`; evaluation belongs on another seed."""
    with torch_set_for_training(settings.threads):
        env = NativeVecEnv(OnboardingVectorEnv(journey, population, settings.num_envs, weights, learner=learner))
        env.seed(seed)
        model = make_model(env, settings, seed)
        report = Report(env, settings.total_steps, on_progress)
        model.learn(settings.total_steps, callback=report)
    return Trained(NETWORK, weights_of(model)._asdict(), report.curve)


@contextmanager
def torch_set_for_training(threads: int) -> Iterator[None]:
    """So many threads, and no checks of arguments, which cost a tenth of the training; afterwards as before."""
    threads_before, checks_before = torch.get_num_threads(), Distribution._validate_args
    torch.set_num_threads(threads)
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        Distribution.set_default_validate_args(checks_before)


def make_model(env: Any, settings: SB3Settings, seed: int) -> MaskablePPO:
    """A fresh MaskablePPO with two hidden ReLU layers for the actor and two for the critic."""
    sizes = [settings.hidden, settings.hidden]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are trying to run")  # sb3 advises the CPU, which this is
        return MaskablePPO(
            "MlpPolicy",
            env,
            learning_rate=lambda left: settings.learning_rate * left,
            n_steps=settings.n_steps,
            batch_size=settings.batch_size,
            n_epochs=settings.n_epochs,
            gamma=settings.gamma,
            gae_lambda=settings.gae_lambda,
            clip_range=settings.clip_range,
            ent_coef=settings.ent_coef,
            vf_coef=settings.vf_coef,
            policy_kwargs={"net_arch": {"pi": sizes, "vf": sizes}, "activation_fn": torch.nn.ReLU},
            seed=seed,
            device="cpu",
        )


def weights_of(model: MaskablePPO) -> Weights:
    """The actor's weights, transposed to `(inputs, outputs)`."""
    policy = model.policy
    hidden = [layer for layer in policy.mlp_extractor.policy_net if isinstance(layer, torch.nn.Linear)]
    arrays: list[np.ndarray] = []
    for layer in (*hidden, policy.action_net):
        arrays += [layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()]
    return Weights(*arrays)
