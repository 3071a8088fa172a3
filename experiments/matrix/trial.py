"""Carrying out one cell: train where there is something to train, judge on held-out users, measure what it costs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from experiments.algorithms import Algorithm, algorithm_of, policy_of, run_algorithm
from experiments.evaluation import MEASURE_NAMES, evaluate
from experiments.matrix.cell import Kind, Result, Task, TrainingCost
from experiments.matrix.serving_cost import serving_cost
from experiments.run_folder import CHECKPOINT_FILE, commit
from experiments.settings import Problem, problem_of
from experiments.train import practice_of, settings_of
from policies.families import WITHOUT_TENSORS, baseline
from policies.training.ppo import PPOSettings
from policies.training.ppo_sb3 import SB3Settings
from policies.training.trained import Trained


def try_cell(task: Task) -> Result:
    """Train and judge. Users of different seeds are other people; every policy of a seed meets the same."""
    problem, name = problem_of(task.config), str(task.config["policy"]["name"])
    kind: Kind = "baseline"
    cost, n_bytes = TrainingCost(), 0
    if name in WITHOUT_TENSORS:
        policy = baseline(name, problem.journey)
    else:
        algorithm = algorithm_of(task.config)
        trained, cost = train(task.config, problem, algorithm)
        policy, kind = policy_of(algorithm, trained, problem.journey), kind_of(algorithm)
        n_bytes = sum(tensor.nbytes for tensor in trained.tensors.values())
    found = evaluate(problem, policy, task.users, task.cell.seed)
    return Result(
        cell=task.cell,
        kind=kind,
        means={measure: float(found.of(measure).mean()) for measure in MEASURE_NAMES},
        training=cost,
        serving=serving_cost(policy, problem, n_bytes),
        question=dict(task.question),
        commit=commit(),
    )


def train(config: dict[str, Any], problem: Problem, algorithm: Algorithm) -> tuple[Trained, TrainingCost]:
    """One training from its beginning: one that went on after an interruption would not know what it took."""
    settings = settings_of(config)
    practice = practice_of(config, problem, settings, algorithm)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / CHECKPOINT_FILE
        trained = run_algorithm(
            algorithm, practice, problem.weights, settings.seed, lambda _: None, checkpoint, resume=None
        )
    return trained, TrainingCost(time.process_time() - began, trained.curve[-1].steps)


def kind_of(algorithm: Algorithm) -> Kind:
    """Whether the algorithm weighs what follows a decision, or only what it brings at once."""
    return "rl" if isinstance(algorithm.settings, PPOSettings | SB3Settings) else "bandit"
