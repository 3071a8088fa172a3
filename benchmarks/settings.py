"""How long to measure."""

from __future__ import annotations

from typing import NamedTuple


class Settings(NamedTuple):
    """`rounds` counted samples of each contender, of about `sample_seconds`; `full` allocates a million users.

    `world_users` sign up in the SimPy world, `evaluated_users` are evaluated in one process and on Ray; bandits
    play streams of `bandit_rounds`.
    """

    rounds: int
    sample_seconds: float
    rollout: int
    runtime_users: int
    full: bool
    world_users: int = 5_000
    evaluated_users: int = 100_000
    bandit_rounds: int = 10_000


def settings(quick: bool, full: bool) -> Settings:
    """The usual settings, or the quick ones."""
    if quick:
        few = Settings(rounds=3, sample_seconds=0.05, rollout=4_096, runtime_users=20, full=full, world_users=1_000)
        return few._replace(evaluated_users=20_000, bandit_rounds=2_000)
    usual = Settings(rounds=7, sample_seconds=0.2, rollout=16_384, runtime_users=60, full=full)
    return usual._replace(evaluated_users=1_000_000) if full else usual
