"""From the groups `training` and `policy` to an algorithm ready to run: ours or Stable-Baselines3's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from envs.reward import RewardWeights
from experiments.contestants import TRAINED
from experiments.scale.backend import HERE, BackendSettings, ready
from experiments.scale.cluster import BackendError, running
from experiments.scale.cohorts import cohort_on
from experiments.settings import SettingsError, fill
from journeys.spec import Journey
from policies.bandits.settings import BANDITS, BanditSettings
from policies.families import baseline, build_policy
from policies.protocol import Policy
from policies.training.bandits import BanditTrainer, BanditTraining
from policies.training.checkpoint import CheckpointError, save_checkpoint, take_up
from policies.training.cohort_log import cohort_log
from policies.training.env_group import Setting, shares
from policies.training.player import Player
from policies.training.ppo import PPO, MakePlayer, PPOSettings
from policies.training.ppo_sb3 import SB3Settings
from policies.training.ppo_sb3 import train as train_by_sb3
from policies.training.progress import Progress
from policies.training.trained import Trained

OURS, SB3, BANDIT = "ppo", "sb3", "bandit"
ACTORS = {"ppo": "dense", "scorer": "steps"}  # by the name of the policy
TEACHER = "greedy"  # whom our PPO imitates first: the planner to beat
ROLLOUTS_BETWEEN_CHECKPOINTS = 30  # some ten seconds

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class BanditAlgorithm:
    """What a bandit is, and how it is trained. It is played as it is: chances are its own, not those of a softmax."""

    bandit: BanditSettings
    training: BanditTraining
    temperature: float = 1.0


class Algorithm(NamedTuple):
    """`name` is what the trained policy is called; `settings` those of the algorithm."""

    name: str
    settings: PPOSettings | SB3Settings | BanditAlgorithm


def algorithm_of(config: dict[str, Any]) -> Algorithm:
    """Algorithm and settings from the groups `training` and `policy`. Raises `SettingsError`."""
    policy, training = dict(config["policy"]), {**config["training"]}
    for name in BackendSettings.__struct_fields__:
        training.pop(name, None)
    name, kind = policy.pop("name", None), training.pop("algorithm", None)
    if name not in TRAINED:
        raise SettingsError(f"policy.name: {name!r} cannot be trained. Mend: use one of {', '.join(TRAINED)}")
    if (name in BANDITS) != (kind == BANDIT):
        mend = "training=bandit" if name in BANDITS else "a bandit as policy, or training=default"
        raise SettingsError(f"training.algorithm: {kind!r} does not train policy {name!r}. Mend: use {mend}")
    clash = sorted(set(policy) & set(training))
    if clash:
        raise SettingsError(f"training.{clash[0]} is set by the group policy. Mend: set policy.{clash[0]}")
    if kind == BANDIT:
        return Algorithm(
            name, BanditAlgorithm(fill(BanditSettings, policy, "policy"), fill(BanditTraining, training, "training"))
        )
    if kind == OURS:
        return Algorithm(name, fill(PPOSettings, {**training, **policy, "actor": ACTORS[name]}, "training"))
    if kind != SB3:
        raise SettingsError(f"training.algorithm: {kind!r} is none. Mend: use {OURS}, {SB3} or {BANDIT}")
    if name != "ppo":
        raise SettingsError(
            f"policy.name: {name!r} cannot be trained by {SB3}. Mend: use training=default, or policy=ppo"
        )
    return Algorithm(name, fill(SB3Settings, {**training, **policy}, "training"))


def check_possible(algorithm: Algorithm, practice: list[Setting], resume: Path | None) -> None:
    """Find out before anything is played what cannot be trained so. Raises `SettingsError`."""
    if resume is not None and not resume.is_file():
        raise SettingsError(f"resume: {resume}: there is no such file. Mend: name the checkpoint.pt of a run folder")
    if isinstance(algorithm.settings, BanditAlgorithm):
        if resume is not None:
            raise SettingsError("resume: a bandit has no checkpoints, it is trained in a minute. Mend: leave it out")
    elif isinstance(algorithm.settings, SB3Settings):
        wish = "going on from a checkpoint" if resume is not None else "several settings to practise on"
        if len(practice) > 1 or resume is not None:
            setting = "resume" if resume is not None else "practice"
            raise SettingsError(f"{setting}: {SB3} knows no {wish}. Mend: use training=default, or leave it out")
    else:
        try:
            shares(algorithm.settings.num_envs, len(practice))
        except ValueError as error:
            raise SettingsError(str(error)) from None


def backend_of(config: dict[str, Any]) -> BackendSettings:
    """Where to train and evaluate, from the group `training`. Raises `SettingsError`."""
    given = {name: config["training"][name] for name in BackendSettings.__struct_fields__}
    return fill(BackendSettings, given, "training")


def check_backend(algorithm: Algorithm, backend: BackendSettings) -> None:
    """Whether a single training can run there. Raises `SettingsError`."""
    if backend.backend != HERE.backend and isinstance(algorithm.settings, SB3Settings):
        raise SettingsError(
            f"training.backend={backend.backend}: {SB3} plays its rollouts itself. "
            f"Mend: use training=default, or training.backend={HERE.backend}"
        )


def run_algorithm(
    algorithm: Algorithm,
    practice: list[Setting],
    weights: RewardWeights,
    seed: int,
    on_progress: OnProgress,
    checkpoint: Path,
    resume: Path | None,
    backend: BackendSettings = HERE,
) -> Trained:
    """Train, leaving a checkpoint of ours at `checkpoint` now and then; go on from the one at `resume`, if any.

    Where the backend is Ray, its workers play the rollouts of ours and the cohorts of bandits. Raises `SettingsError`.
    """
    settings = algorithm.settings
    if isinstance(settings, BanditAlgorithm):
        live = cohort_log if backend.backend == HERE.backend else cohort_on(backend)
        with ready(backend):
            trainer = BanditTrainer(algorithm.name, settings.bandit, settings.training, practice, weights, seed, live)
            return trainer.train(on_progress)
    if isinstance(settings, SB3Settings):
        one = practice[0]
        return train_by_sb3(one.journey, one.population, settings, seed, weights, on_progress, one.learner)
    teacher = baseline(TEACHER, practice[0].journey)
    with players(backend, checkpoint) as make_player:
        ppo = PPO(settings, practice, weights, seed, teacher, make_player=make_player)
        if resume is not None:
            try:
                take_up(ppo, resume)
            except CheckpointError as error:
                raise SettingsError(f"resume: {error}") from None
        ppo.train(lambda progress: keep(ppo, checkpoint, on_progress, progress))
    return ppo.trained()


def policy_of(algorithm: Algorithm, trained: Trained, journey: Journey) -> Policy:
    """What a training found, ready to be played on `journey` under the name of its algorithm."""
    policy = build_policy(trained.family, trained.tensors, algorithm.settings.temperature, journey)
    policy.name = algorithm.name
    return policy


@contextmanager
def players(backend: BackendSettings, checkpoint: Path) -> Iterator[MakePlayer]:
    """Who plays rollouts: this process or, as long as the block runs, workers of Ray. Raises `BackendError`."""
    if backend.backend == HERE.backend:
        yield Player
        return
    with running(backend.workers, backend.address) as workers:
        from policies.training.ray_rollouts import RayPlayer, RolloutLost  # noqa: PLC0415  (needs Ray)

        try:
            yield partial(RayPlayer, workers=workers)
        except RolloutLost as error:
            mend = f"go on by resume={checkpoint}" if checkpoint.exists() else "train anew"
            raise BackendError(
                f"training.backend=ray: {' '.join(str(error).split())} Mend: give workers more memory and {mend}"
            ) from None


def keep(ppo: PPO, checkpoint: Path, on_progress: OnProgress, progress: Progress) -> None:
    """Tell of the progress, and write a checkpoint when one is due."""
    on_progress(progress)
    if ppo.rollouts % ROLLOUTS_BETWEEN_CHECKPOINTS == 0 or progress.steps >= progress.total_steps:
        save_checkpoint(ppo, checkpoint)
