"""`handrail matrix`: train and compare every policy on every journey and learner model, and write one page.

What an earlier call has done in the same folder is not done again: a matrix that was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import astuple
from rich.console import Console

from experiments import hydra_entry, run_folder
from experiments.evaluation import MEASURE_NAMES
from experiments.hydra_entry import Job
from experiments.matrix.cell import Cell, Result, Task, keep, kept
from experiments.matrix.findings import Matrix
from experiments.matrix.outlook import Outlook
from experiments.matrix.page import Made, write_page
from experiments.matrix.question import OWN, MatrixSettings, tasks_of
from experiments.matrix.trial import try_cell
from experiments.progress import open_console
from experiments.scale.backend import BackendSettings, carry_out
from experiments.settings import own_settings

PAGE_FILE, TABLE_FILE = "matrix.md", "matrix.csv"
WHERE = {"folder", "page", *BackendSettings.__struct_fields__}  # settings that change no result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("matrix", matrix, arguments)


def matrix(job: Job) -> None:
    """From the configuration to the page."""
    settings, backend = own_settings(MatrixSettings, job.config), own_settings(BackendSettings, job.config)
    tasks = tasks_of(settings, {name: job.config[name] for name in OWN})
    console = open_console()
    found = all_results(console, job.folder, tasks, backend)
    write_table(job.folder / TABLE_FILE, found)
    (job.folder / run_folder.CONFIG_FILE).write_text(job.source, encoding="utf-8")
    whole = Matrix(found, settings.reference)
    made = Made(command_of(job), job.config["population"]["name"], settings.users)
    for page in (job.folder / PAGE_FILE, *([Path(settings.page)] if settings.page else [])):
        write_page(page, whole, made)
        console.print(f"page and pictures: {page}", soft_wrap=True)


def all_results(console: Console, folder: Path, tasks: Sequence[Task], backend: BackendSettings) -> list[Result]:
    """The result of every task, in order: read where it is there, found and kept where it is not."""
    results = [kept(folder, task) for task in tasks]
    missing = [i for i, result in enumerate(results) if result is None]
    console.print(f"{len(tasks)} cells, {len(tasks) - len(missing)} are there already: {folder}", soft_wrap=True)
    outlook = Outlook(console, [tasks[i].cell for i in missing])
    for number, result in carry_out(try_cell, [tasks[i] for i in missing], backend, outlook.hear):
        keep(folder, result)
        results[missing[number]] = result
        outlook.say(result)
    outlook.conclude()
    found = [result for result in results if result is not None]
    if len({result.commit for result in found}) > 1:
        console.print("warning: the sources have changed between cells. Mend: remove those that are to be found anew")
    return found


def command_of(job: Job) -> str:
    """The call that finds the same again, whatever it was told of where to work and to write."""
    return " ".join(["handrail matrix", *(o for o in job.overrides if o.split("=")[0].lstrip("+") not in WHERE)])


def write_table(path: Path, results: Sequence[Result]) -> None:
    """Every cell as a row of a CSV file."""
    costs = ("cpu_seconds", "decisions", "alone_us", "batched_us", "tensor_bytes")
    header = (*Cell._fields, "kind", *MEASURE_NAMES, *costs)
    run_folder.write_table(path, header, (row_of(result) for result in results))


def row_of(result: Result) -> tuple[object, ...]:
    """A cell as a row."""
    means = (result.means[name] for name in MEASURE_NAMES)
    return (*result.cell, result.kind, *means, *astuple(result.training), *astuple(result.serving))
