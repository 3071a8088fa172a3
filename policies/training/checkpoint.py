"""A training put aside and taken up again, exactly: what follows is what would have followed.

One file, written whole or not at all; numbers and arrays only, so that reading one runs no code. The pass over a
rollout is the step: what happened since the last whole rollout is played again.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from policies.training.ppo import PPO
from policies.training.progress import Progress
from policies.training.rollout import Insider

FORMAT = 1  # raised whenever an older file would be misread


class CheckpointError(ValueError):
    """A checkpoint that cannot be taken up: which file, why, and the mend."""


def save_checkpoint(ppo: PPO, path: Path) -> None:
    """Write where `ppo` stands to `path`."""
    part = path.with_name(path.name + ".part")
    torch.save(state_of(ppo), part)
    os.replace(part, path)


def state_of(ppo: PPO) -> dict[str, Any]:
    """Everything that decides how the training goes on, as numbers, texts and tensors.

    Raises `CheckpointError` where something remembers outside of it: a policy that recalls, a teacher that looks on.
    """
    if ppo.group.recalls or isinstance(ppo.teacher, Insider):
        raise CheckpointError("a training with memory of its own cannot be put aside. Mend: train it in one go")
    learner = ppo.learner
    return {
        "format": FORMAT,
        "settings": asdict(ppo.settings),
        "seed": ppo.seed,
        **practice_of(ppo),
        "curve": [list(point) for point in ppo.curve],
        "steps": ppo.steps,
        "rollouts": ppo.rollouts,
        "seconds": ppo.seconds,
        "actor": learner.actor.state_dict(),
        "critic": learner.critic.state_dict(),
        "auxiliary": learner.auxiliary.state_dict(),
        "optimiser": learner.optimiser.state_dict(),
        "returns": torch.from_numpy(ppo.player.returns),
        "worlds": [{name: torch.from_numpy(array) for name, array in env.snapshot().items()} for env in ppo.group.envs],
    }


def practice_of(ppo: PPO) -> dict[str, Any]:
    """On what a training practises: another practice is another training."""
    envs = ppo.group.envs
    people = (env.population.people for env in envs)
    return {
        "journeys": [env.journey.hash() for env in envs],
        "learners": [env.learner.name for env in envs],
        "people": [hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest() for parts in people],
        "weights": [float(weight) for weight in envs[0].weights.array()],
        "most_decisions": [env.most_decisions for env in envs],
        "teacher": ppo.teacher.name if ppo.teacher is not None else "",
    }


def take_up(ppo: PPO, path: Path) -> None:
    """Put `ppo`, made with the same settings, journeys and seed, where the training at `path` stood.

    Raises `CheckpointError` where the file is no checkpoint, or one of another training.
    """
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:  # torch raises whatever its parts raise
        what = f"not a checkpoint ({type(error).__name__})"
        raise CheckpointError(f"{path}: {what}. Mend: name the checkpoint.pt of a run folder") from None
    try:
        check_same(ppo, state, path)
        fill_in(ppo, state)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: {error} is missing or of another kind. Mend: train anew") from None


def fill_in(ppo: PPO, state: dict[str, Any]) -> None:
    """Put `ppo` where `state` says."""
    learner = ppo.learner
    learner.actor.load_state_dict(state["actor"])
    learner.critic.load_state_dict(state["critic"])
    learner.auxiliary.load_state_dict(state["auxiliary"])
    learner.optimiser.load_state_dict(state["optimiser"])
    ppo.steps, ppo.rollouts, ppo.seconds = state["steps"], state["rollouts"], state["seconds"]
    ppo.player.returns[:] = state["returns"].numpy()
    ppo.curve = [Progress(*point) for point in state["curve"]]
    for env, world in zip(ppo.group.envs, state["worlds"], strict=True):
        env.restore({name: array.numpy() for name, array in world.items()}, env.seed)
    ppo.player.look_ahead()


def check_same(ppo: PPO, state: Any, path: Path) -> None:
    """The checkpoint is of this very training. Raises `CheckpointError`."""
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of format {FORMAT}. Mend: train anew")
    here = {"settings": asdict(ppo.settings), "seed": ppo.seed, **practice_of(ppo)}
    for name, own in here.items():
        if state[name] == own:
            continue
        differs = [key for key in own if own[key] != state[name].get(key)] if isinstance(own, dict) else [name]
        raise CheckpointError(f"{path}: is of another training: {differs[0]!r} differs. Mend: go on as it was begun")
