"""Evaluation cut in shards of users that workers play side by side: number for number what one process finds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from rich.console import Console

from experiments.evaluation import Evaluation, Shard, Tally, merged, play_shard, shards_of
from experiments.scale.backend import BackendSettings, Tell, carry_out
from experiments.scale.board import showing
from experiments.settings import Problem
from policies.protocol import Policy


class Part(NamedTuple):
    """Some users to be played: `policy` is a number in the list of policies."""

    policy: int
    shard: Shard


def evaluate_side_by_side(
    console: Console,
    what: str,
    problem: Problem,
    policies: Sequence[Policy],
    users: int,
    seed: int,
    backend: BackendSettings,
) -> list[Evaluation]:
    """`evaluate` of every policy, by the workers of `backend`. Raises `BackendError`."""
    parts = parts_of(len(policies), shards_of(users))
    with showing(console, what, len(parts)) as tell:
        return evaluate_parts(problem, policies, parts, seed, backend, tell)


def parts_of(n_policies: int, shards: Sequence[Shard]) -> list[Part]:
    """Every shard of every policy."""
    return [Part(policy, shard) for policy in range(n_policies) for shard in shards]


def evaluate_parts(
    problem: Problem,
    policies: Sequence[Policy],
    parts: Sequence[Part],
    seed: int,
    backend: BackendSettings,
    tell: Tell,
) -> list[Evaluation]:
    """The evaluations that `parts`, in the order of their users, make up."""
    tallies = dict(carry_out(partial(play_part, problem, policies, seed), parts, backend, tell))
    return [
        merged(policy.name, problem.weights, [tallies[i] for i, part in enumerate(parts) if part.policy == number])
        for number, policy in enumerate(policies)
    ]


def play_part(problem: Problem, policies: Sequence[Policy], seed: int, part: Part) -> Tally:
    """What a worker does."""
    return play_shard(problem, policies[part.policy], seed, part.shard)
