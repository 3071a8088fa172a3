"""`handrail paths`: the best path of a cohort that a person can read, beside what other policies do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import asdict as to_fields
from rich.console import Console
from rich.table import Table

from experiments import hydra_entry, run_folder
from experiments.compare import evaluate_all
from experiments.comparison import Comparison, compare_evaluations
from experiments.contestants import name_of, with_references
from experiments.hydra_entry import Job
from experiments.paths.cohorts import cohorts_of
from experiments.paths.pictures import path_beside, population
from experiments.paths.tables import SEARCH_TABLE, diversity_text, path_table, standing_table, stops_of, write_path
from experiments.paths.walk import walk
from experiments.plots import save
from experiments.progress import open_console, tracking
from experiments.report import Findings, write_report
from experiments.run_folder import MadeBy, TrainingMetrics
from experiments.settings import ComparedUsers, Problem, Seed, fill, own_settings, problem_of
from journeys.actions import DIFFICULTIES
from journeys.spec import Journey
from policies.families import PATH
from policies.path import PATH_DIFFICULTIES, STEPS, LearningPath, PathPolicy
from policies.protocol import Policy
from policies.training.heads_fit import fit_heads
from policies.training.paths.diversity import diversity_of
from policies.training.paths.lives import Lives
from policies.training.paths.search import Found, Generation, SearchSettings, search

PICTURE_FILE, POPULATION_FILE, COHORTS_TABLE = "path.png", "population.png", "paths.csv"
FITTED_USERS = 4_000  # on whose moments the heads are fitted, as many as a training takes by default
DRAWN_USERS = 2_000  # whose ways are drawn and counted step by step: shares are then good to one per cent


class PathsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail paths` beside its problem and its search; conf/paths.yaml explains each."""

    cohorts: str | Annotated[tuple[str, ...], Meta(min_length=1)]
    beside: str
    references: Annotated[tuple[str, ...], Meta(min_length=1)]
    users: ComparedUsers
    seed: Seed


class Cohort(NamedTuple):
    """What was found for a cohort: the path in words, how long that took, and how good it is."""

    name: str
    path: str
    seconds: float
    comparison: Comparison
    folder: Path


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("paths", paths, arguments)


def paths(job: Job) -> None:
    """A path for each cohort, from the configuration to the folders."""
    problem = problem_of(job.config)
    settings = own_settings(PathsSettings, job.config)
    plan = fill(SearchSettings, dict(job.config["search"]), "search")
    cohorts = cohorts_of(settings.cohorts, problem, job.config["population"])
    rivals = with_references((settings.beside,), settings.references, problem.journey)
    console = open_console()
    found = []
    for cohort in cohorts:
        folder = job.folder if len(cohorts) == 1 else job.folder / cohort.population.name
        found.append(of_cohort(console, job._replace(folder=folder), cohort, settings, plan, rivals))
    if len(found) > 1:
        summarise(console, job.folder, found, settings.references)


def of_cohort(
    console: Console, job: Job, problem: Problem, settings: PathsSettings, plan: SearchSettings, rivals: list[Policy]
) -> Cohort:
    """The search for one cohort, what was found, and its run folder."""
    started, began = run_folder.now(), time.monotonic()
    name = problem.population.name
    folder = run_folder.open_folder(job)
    found, seconds = search_for(console, problem, plan, settings.seed)
    policy = PathPolicy(PATH, found.best, problem.journey)
    evaluations = evaluate_all(console, problem, [policy, *rivals], settings.users, settings.seed)
    rival_names = [rival.name for rival in rivals]
    comparison = compare_evaluations(evaluations, rival_names, problem.population.personas)
    show_path(console, folder, problem, found, policy, rivals[0], settings)
    console.print(f"found in {seconds:.1f} s and {found.lives:,} simulated lives\n")
    console.print(standing_table(comparison, PATH))
    keep_policy(folder, problem, policy, comparison, settings)
    practice = {"population": name, "lives": found.lives, "search": asdict(plan)}
    made_by = MadeBy(PATH, PATH, 1.0, practice)
    record = run_folder.write_record(job, "paths", problem, settings.seed, started, time.monotonic() - began, made_by)
    write_report(folder, Findings(problem, record, tuple(evaluations), comparison), job.source)
    console.print(f"\npath, pictures, metrics and weights: {folder}", soft_wrap=True)
    return Cohort(name, in_words(problem.journey, found.best), seconds, comparison, folder)


def search_for(console: Console, problem: Problem, plan: SearchSettings, seed: int) -> tuple[Found, float]:
    """The search itself, with progress, and the processor seconds that it took."""
    lives = Lives(problem.journey, problem.population, problem.weights, seed, problem.learner)
    with tracking(console, f"searching a path for {problem.population.name}", plan.generations) as tell:
        began = time.process_time()
        found = search(lives, problem.journey, plan, seed, tell)
        return found, time.process_time() - began


def show_path(
    console: Console,
    folder: Path,
    problem: Problem,
    found: Found,
    policy: PathPolicy,
    beside: Policy,
    settings: PathsSettings,
) -> None:
    """Print, write and draw the path beside the typical one of another policy, and how different the others were."""
    journey, users = problem.journey, min(settings.users, DRAWN_USERS)
    own, other = (walk(problem, walker, users, settings.seed) for walker in (policy, beside))
    diversity = diversity_of(found.survivors, len(journey.steps))
    stops = stops_of(journey, found.best, own, other, diversity)
    console.print(path_table(stops, problem.population.name, beside.name))
    console.print(diversity_text(diversity), soft_wrap=True)
    about = {"journey": journey.name, "cohort": problem.population.name, "beside": beside.name}
    write_path(folder, stops, diversity, about)
    run_folder.write_table(folder / SEARCH_TABLE, Generation._fields, found.history)
    save(path_beside(journey, stops, own, other), folder / PICTURE_FILE)
    save(population(journey, stops, diversity), folder / POPULATION_FILE)


def keep_policy(
    folder: Path, problem: Problem, policy: PathPolicy, comparison: Comparison, settings: PathsSettings
) -> None:
    """Write what an export needs: the path as tensors, heads that predict under it, journey and metrics."""
    fitted = fit_heads(
        problem.journey, problem.population, policy, min(settings.users, FITTED_USERS), settings.seed, problem.learner
    )
    tensors = {STEPS: policy.path.steps, PATH_DIFFICULTIES: policy.path.difficulties}
    run_folder.write_weights(folder, tensors, fitted.success, fitted.persona, fitted.usual)
    run_folder.write_journey(folder, problem.journey)
    predictions = {"success": fitted.success_worth, "persona": fitted.persona_worth}
    run_folder.write_metrics(folder, TrainingMetrics(**to_fields(comparison), predictions=predictions))


def in_words(journey: Journey, path: LearningPath) -> str:
    """A path in a line."""
    names = journey.step_names()
    pairs = zip(path.steps.tolist(), path.difficulties.tolist(), strict=True)
    return " > ".join(f"{names[s]} ({DIFFICULTIES[v]})" for s, v in pairs)


def summarise(console: Console, folder: Path, cohorts: Sequence[Cohort], references: Sequence[str]) -> None:
    """Print and write one row per cohort."""
    header = [
        "cohort",
        "return",
        "completion",
        *(f"against {name_of(r)}" for r in references),
        "seconds",
        "path",
    ]
    table = Table(title=f"{len(cohorts)} cohorts, each with a path of its own", title_justify="left")
    for column in header[:-1]:
        table.add_column(column, justify="left" if column == "cohort" else "right")
    rows = []
    for cohort in cohorts:
        level, done = (cohort.comparison.level(PATH, measure).mean for measure in ("return", "completion"))
        gains = [cohort.comparison.difference(PATH, name_of(r), "return") for r in references]
        rows.append((cohort.name, level, done, *(gain.mean for gain in gains), cohort.seconds, cohort.path))
        said = (f"{gain.mean:+.3f} ±{gain.interval.half_width:.3f}" for gain in gains)
        table.add_row(cohort.name, f"{level:.3f}", f"{done:.1%}", *said, f"{cohort.seconds:.1f}")
    run_folder.write_table(folder / COHORTS_TABLE, header, rows)
    console.print(table)
    console.print(f"the same as CSV, paths included: {folder / COHORTS_TABLE}", soft_wrap=True)
