"""`handrail compare`: every policy on the same users with the same luck, and paired intervals of the differences."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from rich.console import Console

from experiments import hydra_entry, run_folder
from experiments.comparison import Comparison, compare_evaluations
from experiments.contestants import name_of, with_references
from experiments.evaluation import Evaluation, evaluate
from experiments.hydra_entry import Job
from experiments.progress import Tell, open_console, tracking
from experiments.report import Findings, write_report
from experiments.scale.backend import HERE, BackendSettings
from experiments.scale.evaluating import evaluate_side_by_side
from experiments.settings import ComparedUsers, Problem, Seed, own_settings, problem_of
from experiments.tables import differences_table, levels_table
from policies.protocol import Policy


class CompareSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail compare` beside its problem; conf/compare.yaml explains each."""

    policies: Annotated[tuple[str, ...], Meta(min_length=1)]
    references: tuple[str, ...]
    users: ComparedUsers
    seed: Seed


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("compare", compare, arguments)


def compare(job: Job) -> None:
    """One comparison, from its configuration to its folder."""
    started, began = run_folder.now(), time.monotonic()
    problem = problem_of(job.config)
    settings, backend = own_settings(CompareSettings, job.config), own_settings(BackendSettings, job.config)
    policies = with_references(settings.policies, settings.references, problem.journey)
    console = open_console()
    run_folder.open_folder(job)
    evaluations = evaluate_all(console, problem, policies, settings.users, settings.seed, backend)
    comparison = compare_evaluations(
        evaluations, [name_of(reference) for reference in settings.references], problem.population.personas
    )
    show(console, comparison)
    run_folder.write_metrics(job.folder, comparison)
    record = run_folder.write_record(job, "compare", problem, settings.seed, started, time.monotonic() - began)
    write_report(job.folder, Findings(problem, record, tuple(evaluations), comparison), job.source)
    console.print(f"\nmetrics, pictures and report: {job.folder}", soft_wrap=True)


def evaluate_all(
    console: Console,
    problem: Problem,
    policies: list[Policy],
    users: int,
    seed: int = 0,
    backend: BackendSettings = HERE,
) -> list[Evaluation]:
    """Play every policy on the same users, with progress. Raises `BackendError`."""
    who = policies[0].name if len(policies) == 1 else f"{len(policies)} policies"
    what = f"playing {who} on {users:,} users"
    if backend.backend != HERE.backend:
        return evaluate_side_by_side(console, what, problem, policies, users, seed, backend)
    evaluations = []
    with tracking(console, what, len(policies) * users) as tell:
        for i, policy in enumerate(policies):
            evaluations.append(evaluate(problem, policy, users, seed, partial(tell_sum, tell, i * users)))
    return evaluations


def tell_sum(tell: Tell, before: int, done: int) -> None:
    """Tell what was done `before` and now."""
    tell(before + done)


def show(console: Console, comparison: Comparison) -> None:
    """Print levels, and differences to every reference."""
    console.print(levels_table(comparison))
    for reference in comparison.references:
        console.print(differences_table(comparison, reference))
