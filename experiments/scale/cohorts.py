"""Cohorts whose users live on several workers: the very log that one process would write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.evaluation import Shard, shards_of
from experiments.scale.backend import BackendSettings, carry_out
from policies.training.cohort_log import Cohort, CohortLog, cohort_log

USERS_OF_A_WORKER = 512  # at a time: eight shards of a cohort as conf/training/bandit.yaml has it


def silently(_: object) -> None:
    """Tell nobody: the training tells of cohorts."""


def cohort_on(backend: BackendSettings, shard_size: int = USERS_OF_A_WORKER) -> Callable[[Cohort], CohortLog]:
    """What lets a cohort live on `backend`. Its calls raise `BackendError`."""

    def live(cohort: Cohort) -> CohortLog:
        shards = shards_of(cohort.n_users, shard_size)
        parts = dict(carry_out(partial(live_part, cohort), shards, backend, silently))
        return joined([parts[i] for i in range(len(shards))])

    return live


def live_part(cohort: Cohort, shard: Shard) -> CohortLog:
    """What a worker does."""
    return cohort_log(cohort._replace(first_user=cohort.first_user + shard.first_user, n_users=shard.n_users))


def joined(parts: list[CohortLog]) -> CohortLog:
    """The log of all users, from those of some after the others."""
    before = np.cumsum([0, *(len(part.events) for part in parts)])
    starts = [part.starts[:-1] + n for part, n in zip(parts, before[:-1], strict=True)]
    return CohortLog(
        np.concatenate([part.events for part in parts]).view(np.recarray),
        np.concatenate([*starts, before[-1:]]),
        np.concatenate([part.returns for part in parts]),
        np.concatenate([part.completed for part in parts]),
    )
