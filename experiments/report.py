"""The report of a run: one HTML page with its pictures inside, readable without a server or a network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from experiments import plots
from experiments.comparison import OVERALL, Comparison
from experiments.evaluation import MEASURES, Evaluation
from experiments.progress import in_words
from experiments.run_folder import PLOTS_FOLDER, REPORT_FILE, RunRecord
from experiments.settings import Problem
from experiments.summary import summary
from experiments.tables import interval_text, label

if TYPE_CHECKING:  # a report needs no torch
    from policies.training.progress import Progress


class Findings(NamedTuple):
    """What a run found. `curve` is empty where nothing was trained."""

    problem: Problem
    record: RunRecord
    evaluations: tuple[Evaluation, ...]
    comparison: Comparison
    curve: tuple[Progress, ...] = ()


class Picture(NamedTuple):
    """A picture of the report: the name of its file, its title and what to see in it."""

    name: str
    title: str
    text: str
    figure: Figure


class Cell(NamedTuple):
    """One entry of a table; `sure` where the interval excludes 0."""

    text: str
    sure: bool


class Block(NamedTuple):
    """Rows of a table that belong together, under a heading."""

    heading: str
    rows: list[tuple[str, list[Cell]]]


class Table(NamedTuple):
    """A table of intervals: `policies` name its columns."""

    title: str
    policies: list[str]
    blocks: list[Block]


def write_report(folder: Path, findings: Findings, source: str) -> Path:
    """Write the pictures and the page; returns the page's path. `source` is the configuration as YAML."""
    (folder / PLOTS_FOLDER).mkdir(exist_ok=True)
    shown = []
    for picture in pictures(findings):
        path = folder / PLOTS_FOLDER / f"{picture.name}.png"
        plots.save(picture.figure, path)
        shown.append((picture, b64encode(path.read_bytes()).decode()))
    text = resources.files("experiments").joinpath("report.html").read_text(encoding="utf-8")
    pages = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = pages.from_string(text).render(
        findings=findings,
        record=findings.record,
        journey=findings.problem.journey,
        summary=summary(findings.evaluations, findings.comparison, findings.record.algorithm),
        pictures=shown,
        tables=list(tables(findings.comparison)),
        measures=MEASURES,
        took=in_words(findings.record.seconds),
        source=source,
    )
    (folder / REPORT_FILE).write_text(page, encoding="utf-8")
    return folder / REPORT_FILE


def pictures(findings: Findings) -> Iterator[Picture]:
    """The pictures of a run, in the page's order."""
    evaluations, comparison = findings.evaluations, findings.comparison
    if findings.curve:
        yield Picture(
            "learning_curve",
            "Learning curve",
            "Return of the users who ended their onboarding during each rollout of training (bold: the mean over the "
            "last twentieth of the training); dashed lines are the baselines on held-out users, the dot is the "
            "finished policy on the same held-out users.",
            plots.learning_curve(findings.curve, evaluations, findings.record.algorithm or ""),
        )
    if comparison.references and len(comparison.policies) > 1:
        reference = comparison.references[0]
        yield Picture(
            "differences",
            f"Who gains, against {reference}",
            "Every policy met the same users with the same luck, so differences are taken user by user.",
            plots.differences(comparison, reference),
        )
    yield Picture(
        "completion_by_persona",
        "Completion by persona",
        "Share of users who completed the journey.",
        plots.completion_by_persona(comparison),
    )
    titles = [f"{step.title or step.name}{'' if step.required else ' *'}" for step in findings.problem.journey.steps]
    yield Picture(
        "funnel",
        "Funnel by step",
        "How many users reached and finished each step. A long line between the marks is a step on which users are "
        "lost or give up; steps with * are optional.",
        plots.funnel(evaluations, titles),
    )
    yield Picture(
        "help_by_struggle",
        "When each policy intervenes",
        "Among moments inside a step at which the rules allow an offer of help. Levels of struggle with fewer than "
        f"{plots.FEWEST_MOMENTS} moments are left out.",
        plots.help_by_struggle(evaluations),
    )
    yield Picture(
        "rungs", "Which help it offers", "By rung of the ladder, from a hint to a human.", plots.rungs(evaluations)
    )


def tables(comparison: Comparison) -> Iterator[Table]:
    """Levels, then differences to each reference."""
    rows = [
        (label(m), [Cell(interval_text(comparison.level(p, m.name), m, False), False) for p in comparison.policies])
        for m in MEASURES
    ]
    yield Table("Means", list(comparison.policies), [Block("all users", rows)])
    for reference in comparison.references:
        others = [policy for policy in comparison.policies if policy != reference]
        if others:
            yield differences_to(comparison, reference, others)


def differences_to(comparison: Comparison, reference: str, others: list[str]) -> Table:
    """Paired differences, a block per group of users."""
    blocks = []
    for group in comparison.groups:
        rows = []
        for measure in MEASURES:
            found = [comparison.difference(policy, reference, measure.name, group) for policy in others]
            cells = [Cell(interval_text(row, measure, True), row.interval.excludes_zero) for row in found]
            rows.append((label(measure, difference=True), cells))
        users = comparison.difference(reference, reference, "return", group).users
        blocks.append(Block(f"{'all users' if group == OVERALL else group} ({users:,})", rows))
    return Table(f"Differences to {reference}", others, blocks)
