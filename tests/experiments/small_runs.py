"""Runs small enough for tests: one rollout on the tiny journey."""

from __future__ import annotations

from pathlib import Path

SMALL_TRAINING = [
    "journey=tiny",
    "evaluation.users=40",
    "training.total_steps=1024",
    "training.num_envs=32",
    "training.n_steps=32",
    "training.batch_size=256",
    "training.n_epochs=1",
    "training.threads=1",
    "policy.hidden=8",
]


def small_training(folder: Path, *more: str) -> list[str]:
    """Arguments of a small `train` into `folder`."""
    return [*SMALL_TRAINING, f"folder={folder}", *more]


def small_comparison(folder: Path, *more: str) -> list[str]:
    """Arguments of a small `compare` into `folder`."""
    return ["journey=tiny", "users=40", f"folder={folder}", *more]
