"""`handrail train`: find a policy in simulation, show it beside the baselines, and keep everything in a run folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from agents.learners import Learner, load_learner
from experiments import hydra_entry, run_folder
from experiments.algorithms import (
    Algorithm,
    algorithm_of,
    backend_of,
    check_backend,
    check_possible,
    policy_of,
    run_algorithm,
)
from experiments.compare import evaluate_all, show
from experiments.comparison import Comparison, compare_evaluations
from experiments.contestants import with_references
from experiments.evaluation import Evaluation
from experiments.hydra_entry import Job
from experiments.progress import open_console
from experiments.report import Findings, write_report
from experiments.run_folder import TrainingMetrics
from experiments.scale.backend import HERE, BackendSettings, ready
from experiments.scale.board import showing
from experiments.scale.sweep import run_jobs
from experiments.settings import ComparedUsers, Problem, Seed, SettingsError, journey_of, own_settings, problem_of
from experiments.tensorboard_log import TensorBoardLog
from experiments.training_board import TrainingBoard
from personas.persona import Population, load_population
from policies.families import WITHOUT_TENSORS
from policies.training.env_group import Setting
from policies.training.heads_fit import FittedHeads, fit_heads
from policies.training.practice import of_one_journey, of_random_journeys
from policies.training.progress import Progress
from policies.training.trained import Trained

SWEEP_FILE = "sweep.csv"
CURVE_HEADER = Progress._fields


class EvaluationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom policies are evaluated on, and to whom differences are taken."""

    users: ComparedUsers
    references: Annotated[tuple[str, ...], Meta(min_length=1)]


class PracticeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to train on where it is more than what the groups name."""

    learners: Annotated[tuple[str, ...], Meta(min_length=1)] | None
    populations: Annotated[tuple[str, ...], Meta(min_length=1)] | None
    random_journeys: Annotated[int, Meta(ge=0, le=4096)]


class TrainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail train` beside its problem and its PPO; conf/train.yaml explains each."""

    seed: Seed
    baselines: tuple[str, ...]
    evaluation: EvaluationSettings
    practice: PracticeSettings
    resume: str | None


class Run(NamedTuple):
    """A finished training: its folder and what was found."""

    folder: Path
    findings: Findings


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code. A sweep ends with one table over its runs.

    Where its backend is Ray, a sweep begins when Hydra has composed all of it.
    """
    console, runs, composed = open_console(), list[tuple[Job, Run]](), list[Job]()

    def train_once(job: Job) -> None:
        if job.swept and backend_of(job.config).backend != HERE.backend:
            composed.append(job)
        else:
            runs.append((job, announce(console, carry_out(job, console))))

    def finish() -> None:
        if composed:
            runs.extend(train_side_by_side(console, composed))
        if len(runs) > 1:
            summarise(console, runs)

    return hydra_entry.run("train", train_once, arguments, finish)


def train_side_by_side(console: Console, jobs: list[Job]) -> list[tuple[Job, Run]]:
    """The trainings of a sweep, by the workers of its backend, each in one process. Raises `SettingsError`."""
    runs = dict[int, Run]()
    with showing(console, f"training {len(jobs)} runs", len(jobs)) as tell:
        for number, run in run_jobs(train_here, jobs, backend_of(jobs[0].config), tell):
            runs[number] = announce(console, run)
    return [(job, runs[number]) for number, job in enumerate(jobs)]


def train_here(job: Job) -> Run:
    """`carry_out` in this process, whatever the job's backend, and without a word."""
    training = {**job.config["training"], "backend": HERE.backend}
    return carry_out(job._replace(config={**job.config, "training": training}), Console(quiet=True))


def carry_out(job: Job, console: Console) -> Run:
    """One training, from its configuration to its folder. Raises `SettingsError` and its kin."""
    started, began = run_folder.now(), time.monotonic()
    problem, settings = problem_of(job.config), settings_of(job.config)
    algorithm = algorithm_of(job.config)
    backend = backend_of(job.config)
    check_backend(algorithm, backend)
    practice = practice_of(job.config, problem, settings, algorithm)
    check_possible(algorithm, practice, None if settings.resume is None else Path(settings.resume))
    baselines = with_references(settings.baselines, settings.evaluation.references, problem.journey)
    folder = run_folder.open_folder(job)
    users, temperature = settings.evaluation.users, algorithm.settings.temperature
    with ready(backend):
        evaluations = evaluate_all(console, problem, baselines, users, backend=backend)
        trained = train(console, folder, problem, settings, algorithm, practice, evaluations, backend)
        policy = policy_of(algorithm, trained, problem.journey)
        evaluations += evaluate_all(console, problem, [policy], users, backend=backend)
    fitted = fit_heads(problem.journey, problem.population, policy, users, settings.seed, problem.learner)
    run_folder.write_weights(folder, trained.tensors, fitted.success, fitted.persona, fitted.usual)
    comparison = write_findings(folder, problem, settings, evaluations, fitted, trained.curve)
    made_by = run_folder.MadeBy(algorithm.name, trained.family, temperature, practised(practice, settings))
    record = run_folder.write_record(job, "train", problem, settings.seed, started, time.monotonic() - began, made_by)
    findings = Findings(problem, record, tuple(evaluations), comparison, tuple(trained.curve))
    write_report(folder, findings, job.source)
    return Run(folder, findings)


def train(
    console: Console,
    folder: Path,
    problem: Problem,
    settings: TrainSettings,
    algorithm: Algorithm,
    practice: list[Setting],
    baselines: list[Evaluation],
    backend: BackendSettings,
) -> Trained:
    """The training itself, shown as it goes and written down for TensorBoard; checkpoints go to `folder`."""
    resume = Path(settings.resume) if settings.resume is not None else None
    with (
        TensorBoardLog(folder / run_folder.TENSORBOARD_FOLDER) as log,
        TrainingBoard(console, algorithm.name, baselines) as board,
    ):

        def tell(progress: Progress) -> None:
            board.update(progress)
            log.write(progress)

        checkpoint = folder / run_folder.CHECKPOINT_FILE
        return run_algorithm(algorithm, practice, problem.weights, settings.seed, tell, checkpoint, resume, backend)


def practised(practice: list[Setting], settings: TrainSettings) -> dict[str, Any]:
    """What a training practised on, for its record: where it was judged is another matter."""
    journeys = settings.practice.random_journeys or practice[0].journey.name
    return {
        "random journeys" if settings.practice.random_journeys else "journey": journeys,
        "learners": sorted({setting.learner.name for setting in practice}),
        "populations": sorted({setting.population.name for setting in practice}),
    }


def practice_of(
    config: dict[str, Any], problem: Problem, settings: TrainSettings, algorithm: Algorithm
) -> list[Setting]:
    """What to train on. Raises `SettingsError`, or what loading a name raises."""
    wanted = settings.practice
    learners: list[Learner] = [load_learner(name) for name in wanted.learners or ()] or [problem.learner]
    people: list[Population] = [load_population(name) for name in wanted.populations or ()] or [problem.population]
    if not wanted.random_journeys:
        return of_one_journey(journey_of(config), learners, people)
    if algorithm.name != "scorer":
        raise SettingsError(
            f"practice.random_journeys={wanted.random_journeys}: policy {algorithm.name!r} knows one journey only. "
            "Mend: use policy=scorer"
        )
    return of_random_journeys(wanted.random_journeys, settings.seed, learners, people)


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


def write_findings(
    folder: Path,
    problem: Problem,
    settings: TrainSettings,
    evaluations: list[Evaluation],
    fitted: FittedHeads,
    curve: list[Progress],
) -> Comparison:
    """Write journey, metrics and learning curve; returns the metrics."""
    comparison = compare_evaluations(evaluations, settings.evaluation.references, problem.population.personas)
    run_folder.write_journey(folder, problem.journey)
    predictions = {"success": fitted.success_worth, "persona": fitted.persona_worth}
    run_folder.write_metrics(folder, TrainingMetrics(**asdict(comparison), predictions=predictions))
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
