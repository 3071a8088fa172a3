"""Training steps per second: our PPO, MaskablePPO through the native adapter and through `DummyVecEnv`s of eight.

All but the last train the same network (two hidden layers of 64) in batches of the same size with as many passes, so
that the optimiser does the same work a step; how SB3 collects experience is shown by itself as well. The last row is
eight environments with the settings that SB3 comes with: what one has without the adapter. Seconds are processor time
of this process, on one core.
"""

from __future__ import annotations

import time
from typing import Any

from stable_baselines3.common.vec_env import DummyVecEnv

from agents.learners import BINARY_MASTERY
from benchmarks.measure import Contender, Row, against, beside, row_of, take_turns
from benchmarks.settings import Settings
from envs.onboarding import OnboardingEnv
from envs.reward import RewardWeights
from envs.vector import OnboardingVectorEnv
from journeys.loading import load_journey
from personas.persona import load_population
from policies.training.env_group import Setting
from policies.training.ppo import PPO, PPOSettings
from policies.training.ppo_sb3 import SB3Settings, make_model, torch_set_for_training
from policies.training.sb3_vecenv import NativeVecEnv

JOURNEY = "saas"
NATIVE_ENVS, DUMMY_ENVS = 1_024, 8
BATCH = 4_096
EPOCHS = SB3Settings().n_epochs
SB3_BATCH, SB3_EPOCHS = 64, 10  # what MaskablePPO sets by itself
MOST_ROUNDS = 3  # a rollout of the slower contender takes seconds
WANTED = 10.0
WANTED_OURS = 100_000.0  # steps per CPU-second, 64 x 64 network, on one core
UNENDING = 10**9  # steps: a training that the benchmark leaves at its beginning


class Trainer:
    """Trains on one rollout a sample, and remembers how much of the time went into collecting it."""

    def __init__(self, env: Any, n_envs: int, rollout: int, batch: int = BATCH, epochs: int = EPOCHS) -> None:
        ppo = SB3Settings(rollout, n_envs, rollout // n_envs, batch, epochs)
        self.model, self.rollout = make_model(env, ppo, seed=1), rollout
        self.optimise, self.optimising = self.model.train, 0.0
        self.model.train = self.timed
        self.collecting: list[float] = []

    def timed(self) -> None:
        """The model's own optimisation, timed."""
        begin = time.process_time()
        self.optimise()
        self.optimising += time.process_time() - begin

    def sample(self) -> tuple[float, float]:
        """One rollout and what is learned from it."""
        begin, self.optimising = time.process_time(), 0.0
        self.model.learn(self.rollout, reset_num_timesteps=False)
        seconds = time.process_time() - begin
        self.collecting.append(self.rollout / (seconds - self.optimising))
        return self.rollout, seconds


def ours(actor: str) -> Contender:
    """Our PPO past its imitation, a rollout a sample; its rollouts are as long as it sets them."""
    journey, population = load_journey(JOURNEY), load_population("mixed")
    ppo = PPO(
        PPOSettings(total_steps=UNENDING, num_envs=NATIVE_ENVS, actor=actor),
        [Setting(journey, population, BINARY_MASTERY)],
        RewardWeights(),
        seed=1,
    )

    def sample() -> tuple[float, float]:
        begin = time.process_time()
        ppo.advance()
        return ppo.settings.rollout, time.process_time() - begin

    return Contender(f"our PPO, {actor} actor, {NATIVE_ENVS:,} users", "training steps/s", sample)


def measure(settings: Settings) -> list[Row]:
    """All rows of this benchmark."""
    with torch_set_for_training(threads=1):
        return measure_training(settings)


def measure_training(settings: Settings) -> list[Row]:
    """The rows, torch being set as `train` sets it."""
    journey, population = load_journey(JOURNEY), load_population("mixed")
    native = NativeVecEnv(OnboardingVectorEnv(journey, population, NATIVE_ENVS))
    eight = [lambda: OnboardingEnv(journey, population)] * DUMMY_ENVS
    dummy, usual = DummyVecEnv(eight), DummyVecEnv(eight)
    trainers = {
        f"native adapter, {NATIVE_ENVS:,} users": Trainer(native, NATIVE_ENVS, settings.rollout),
        f"DummyVecEnv({DUMMY_ENVS})": Trainer(dummy, DUMMY_ENVS, settings.rollout),
        f"DummyVecEnv({DUMMY_ENVS}), SB3's own settings": Trainer(
            usual, DUMMY_ENVS, settings.rollout, SB3_BATCH, SB3_EPOCHS
        ),
    }
    section, unit = f"PPO, {JOURNEY}", "training steps/s"
    contenders = [Contender(name, unit, trainer.sample) for name, trainer in trainers.items()]
    contenders = [ours("dense"), ours("steps"), *contenders]
    dense, steps, fast, slow, slowest = take_turns(section, contenders, min(MOST_ROUNDS, settings.rounds)).values()
    only_fast, only_slow, _ = (
        row_of(section, f"{name}: collecting alone", "steps/s", trainer.collecting[1:])
        for name, trainer in trainers.items()
    )
    return [
        against(beside(dense, fast), WANTED_OURS, "100k"),
        beside(steps, fast),
        against(beside(fast, slow), WANTED * slow.median, f"10 x DummyVecEnv({DUMMY_ENVS})"),
        slow,
        beside(slowest, slow),
        beside(only_fast, only_slow),
        only_slow,
    ]
