"""`handrail train`: find a policy in simulation, show it beside the baselines, and keep everything in a run folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from rich.console import Console
from rich.table import Table

from experiments import hydra_entry, run_folder
from experiments.compare import evaluate_all, show
from experiments.comparison import Comparison, compare_evaluations
from experiments.contestants import with_references
from experiments.evaluation import Evaluation, evaluate
from experiments.hydra_entry import Job
from experiments.progress import open_console, tracking
from experiments.report import Findings, write_report
from experiments.settings import ComparedUsers, Problem, Seed, SettingsError, fill, own_settings, problem_of
from experiments.training_board import TrainingBoard
from policies.families import WITHOUT_TENSORS
from policies.training.ppo_sb3 import PPOSettings, Progress, train
from policies.training.success_fit import fit_success

SWEEP_FILE = "sweep.csv"
CURVE_HEADER = Progress._fields


class EvaluationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom policies are evaluated on, and to whom differences are taken."""

    users: ComparedUsers
    references: Annotated[tuple[str, ...], Meta(min_length=1)]


class TrainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail train` beside its problem and its PPO; conf/train.yaml explains each."""

    seed: Seed
    baselines: tuple[str, ...]
    evaluation: EvaluationSettings


class Run(NamedTuple):
    """A finished training: its folder and what was found."""

    folder: Path
    findings: Findings


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code. A sweep ends with one table over its runs."""
    console, runs = open_console(), list[tuple[Job, Run]]()

    def train_once(job: Job) -> None:
        runs.append((job, announce(console, carry_out(job, console))))

    code = hydra_entry.run("train", train_once, arguments)
    if code == 0 and len(runs) > 1:
        summarise(console, runs)
    return code


def carry_out(job: Job, console: Console) -> Run:
    """One training, from its configuration to its folder. Raises `SettingsError` and its kin."""
    started, began = run_folder.now(), time.monotonic()
    problem, settings = problem_of(job.config), settings_of(job.config)
    algorithm, ppo = ppo_of(job.config)
    baselines = with_references(settings.baselines, settings.evaluation.references, problem.journey)
    folder = run_folder.open_folder(job)
    users = settings.evaluation.users
    evaluations = evaluate_all(console, problem, baselines, users)
    with TrainingBoard(console, algorithm, evaluations) as board:
        trained = train(
            problem.journey, problem.population, ppo, settings.seed, problem.weights, board.update, problem.learner
        )
    trained.policy.name = algorithm
    with tracking(console, f"playing {algorithm} on {users:,} users", users) as tell:
        evaluations.append(evaluate(problem, trained.policy, users, on_done=tell))
    fitted = fit_success(problem.journey, problem.population, trained.policy, users, settings.seed, problem.learner)
    run_folder.write_weights(folder, trained.policy, fitted.head, fitted.usual)
    comparison = write_findings(folder, problem, settings, evaluations, trained.curve)
    seconds = time.monotonic() - began
    record = run_folder.write_record(
        job, "train", problem, settings.seed, started, seconds, algorithm, trained.policy.temperature
    )
    findings = Findings(problem, record, tuple(evaluations), comparison, tuple(trained.curve))
    write_report(folder, findings, job.source)
    return Run(folder, findings)


def announce(console: Console, run: Run) -> Run:
    """Print what a run found and where it is; returns the run."""
    show(console, run.findings.comparison)
    console.print(f"\nweights, metrics, pictures and report: {run.folder}", soft_wrap=True)
    return run


def settings_of(config: dict[str, Any]) -> TrainSettings:
    """The command's own settings. Raises `SettingsError`."""
    settings = own_settings(TrainSettings, config)
    for name in (*settings.baselines, *settings.evaluation.references):
        if name not in WITHOUT_TENSORS:
            raise SettingsError(f"baselines: {name!r} is none. Mend: use some of {', '.join(WITHOUT_TENSORS)}")
    return settings


def ppo_of(config: dict[str, Any]) -> tuple[str, PPOSettings]:
    """Name of the algorithm, and its settings from the groups `training` and `policy`. Raises `SettingsError`."""
    policy, training = dict(config["policy"]), config["training"]
    algorithm = policy.pop("name", None)
    if algorithm != "ppo":
        raise SettingsError(f"policy.name: {algorithm!r} cannot be trained. Mend: use policy=ppo")
    clash = sorted(set(policy) & set(training))
    if clash:
        raise SettingsError(f"training.{clash[0]} is set by the group policy. Mend: set policy.{clash[0]}")
    return algorithm, fill(PPOSettings, {**training, **policy}, "training")


def write_findings(
    folder: Path, problem: Problem, settings: TrainSettings, evaluations: list[Evaluation], curve: list[Progress]
) -> Comparison:
    """Write journey, metrics and learning curve; returns the metrics."""
    comparison = compare_evaluations(evaluations, settings.evaluation.references, problem.population.personas)
    run_folder.write_journey(folder, problem.journey)
    run_folder.write_metrics(folder, comparison)
    run_folder.write_table(folder / run_folder.CURVE_FILE, CURVE_HEADER, curve)
    return comparison


def summarise(console: Console, runs: list[tuple[Job, Run]]) -> None:
    """Print and write one row per run of a sweep."""
    reference = runs[0][1].findings.comparison.references[0]
    header = ("overrides", "return", "completion", f"return against {reference}", "low", "high", "folder")
    rows, table = [], Table(title=f"{len(runs)} runs", title_justify="left")
    for column in header[:4]:
        table.add_column(column, justify="left" if column == "overrides" else "right")
    shared = set.intersection(*(set(job.overrides) for job, _ in runs))
    for job, run in runs:
        comparison, algorithm = run.findings.comparison, str(run.findings.record.algorithm)
        reward, done = (comparison.level(algorithm, measure).mean for measure in ("return", "completion"))
        gain, made_by = (
            comparison.difference(algorithm, reference, "return"),
            " ".join(o for o in job.overrides if o not in shared),
        )
        rows.append((made_by, reward, done, gain.mean, gain.low, gain.high, str(run.folder)))
        table.add_row(made_by, f"{reward:.3f}", f"{done:.1%}", f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
    path = runs[0][1].folder.parent / SWEEP_FILE
    run_folder.write_table(path, header, rows)
    console.print(table)
    console.print(f"the same as CSV: {path}", soft_wrap=True)
