"""One cell of the matrix: which policy where, what was asked, what was found, and the file that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from experiments.log_file import whole_or_nothing
from experiments.settings import SettingsError

Kind = Literal["baseline", "bandit", "rl"]
CELLS_FOLDER = "cells"


class Cell(NamedTuple):
    """A policy with users of one journey and learner model; the seed is that of the training and of the users."""

    policy: str
    journey: str
    learner: str
    seed: int


class Task(NamedTuple):
    """A cell to be carried out: `config` is that of the `handrail train` that it stands for.

    `question` names the parts of what is asked, each with a digest: other digests are another question.
    """

    cell: Cell
    config: dict[str, Any]
    users: int
    question: Mapping[str, str]


class TrainingCost(msgspec.Struct, frozen=True):
    """What the training took: CPU seconds and decisions of simulated users; nothing for a baseline."""

    cpu_seconds: float = 0.0
    decisions: int = 0


class ServingCost(msgspec.Struct, frozen=True):
    """What a decision takes: microseconds of one core alone and in a batch, and the bytes of the policy's tensors."""

    alone_us: float
    batched_us: float
    tensor_bytes: int


class Result(msgspec.Struct, frozen=True):
    """What a cell came to. `means` are over its users, by the names of `experiments.evaluation.MEASURES`."""

    cell: Cell
    kind: Kind
    means: dict[str, float]
    training: TrainingCost
    serving: ServingCost
    question: dict[str, str]
    commit: str | None


def path_of(folder: Path, cell: Cell) -> Path:
    """Where the result of a cell lies."""
    return folder / CELLS_FOLDER / cell.journey / cell.learner / f"{cell.policy}-{cell.seed}.json"


def keep(folder: Path, result: Result) -> None:
    """Write a result, whole or not at all."""
    with whole_or_nothing(path_of(folder, result.cell)) as part:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))


def kept(folder: Path, task: Task) -> Result | None:
    """What an earlier call found, if it did. Raises `SettingsError` where the file answers another question."""
    path = path_of(folder, task.cell)
    if not path.exists():
        return None
    mend = "Mend: remove it, or choose another folder=PATH"
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Result)
    except msgspec.DecodeError as error:
        raise SettingsError(f"{path}: not the result of a cell: {error}. {mend}") from None
    parts = sorted(set(task.question) | set(result.question))
    other = [part for part in parts if task.question.get(part) != result.question.get(part)]
    if other:
        raise SettingsError(f"{path}: answers another question ({', '.join(other)} differ). {mend}")
    return result
