"""`handrail cohort`: cohorts with and without social influence, their tables, pictures and what influence changed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pandas as pd
from msgspec import Meta
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agents.cohort import Cohort, Setting
from agents.cohort_tables import TABLES
from experiments import cohort_plots, hydra_entry, run_folder
from experiments.cohort_batch import ALONE, Effect, effects, play_pairs
from experiments.contestants import contestant
from experiments.hydra_entry import Job
from experiments.plots import save
from experiments.progress import Tell, open_console, tracking
from experiments.settings import ComparedUsers, Problem, Seed, SettingsError, own_settings, problem_of
from experiments.statistics import Interval

SERIES_TABLE, BATCH_TABLE = "series", "batch"


class CohortSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail cohort` beside its problem; conf/cohort.yaml explains each."""

    users: ComparedUsers
    influence: Literal["groups", "graph"]
    peers: Annotated[int, Meta(ge=1)]
    tick_hours: Annotated[float, Meta(ge=0.01, le=744.0)]  # half a minute to a month
    cohorts: Annotated[int, Meta(ge=2)]  # one pair has no spread, and so no interval
    seed: Seed
    tables: Literal["csv", "parquet"]


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("cohort", cohort, arguments)


def cohort(job: Job) -> None:
    """From the configuration to tables, pictures and a summary."""
    started, began = run_folder.now(), time.monotonic()
    problem = problem_of(job.config)
    settings = own_settings(CohortSettings, job.config)
    policy = contestant(str(job.config["policy"]["name"]), problem.journey)
    setting = Setting(problem.journey, problem.population, policy, problem.learner)
    check_peers(settings)
    run_folder.open_folder(job)
    console = open_console()
    with tracking(console, f"living {settings.users:,} users twice", 2 * settings.users) as tell:
        tables = tables_of(setting, settings, tell)
    seeds = range(settings.seed, settings.seed + settings.cohorts)
    with tracking(console, f"playing {settings.cohorts} pairs of cohorts", settings.cohorts) as tell:
        tables[BATCH_TABLE] = play_pairs(
            setting, settings.influence, seeds, tell,
            users=settings.users, peers=settings.peers, tick_hours=settings.tick_hours,
        )  # fmt: skip
    write_tables(job.folder, settings.tables, tables)
    found = effects(tables[BATCH_TABLE], settings.influence, problem.population.personas)
    draw(job.folder / run_folder.PLOTS_FOLDER, problem, tables, found, settings.influence)
    run_folder.write_journey(job.folder, problem.journey)
    run_folder.write_record(job, "cohort", problem, settings.seed, started, time.monotonic() - began)
    console.print(effects_table(found, settings))
    console.print(f"tables and pictures: {job.folder}", soft_wrap=True)


def check_peers(settings: CohortSettings) -> None:
    """Raises `SettingsError` where nobody could see so many others."""
    least = 2 if settings.influence == "groups" else 1
    if not least <= settings.peers < settings.users:
        raise SettingsError(
            f"peers: {settings.influence} of {settings.peers} among {settings.users} users cannot be. "
            f"Mend: {least} to {settings.users - 1}"
        )


def tables_of(setting: Setting, settings: CohortSettings, tell: Tell) -> dict[str, pd.DataFrame]:
    """The collected tables of the first pair of cohorts, by name, told apart by their column `influence`."""
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in (SERIES_TABLE, *TABLES)}
    for number, influence in enumerate((ALONE, settings.influence)):
        model = Cohort(
            setting, settings.users, influence, settings.peers, settings.tick_hours, settings.seed
        )  # fmt: skip
        while model.running:
            model.step()
            tell(number * settings.users + model.through())
        series = model.datacollector.get_model_vars_dataframe()
        series.insert(0, "tick", range(1, model.steps + 1))
        frames = {name: model.datacollector.get_table_dataframe(name) for name in TABLES}
        for name, frame in {SERIES_TABLE: series, **frames}.items():
            frame.insert(0, "influence", influence)
            found[name].append(frame)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}


def write_tables(folder: Path, kind: str, tables: dict[str, pd.DataFrame]) -> None:
    """A file per table."""
    for name, frame in tables.items():
        if kind == "csv":
            frame.to_csv(folder / f"{name}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)


def draw(folder: Path, problem: Problem, tables: dict[str, pd.DataFrame], found: list[Effect], influence: str) -> None:
    """The pictures: completion and funnel of the first pair, effects over all pairs."""
    folder.mkdir(exist_ok=True)
    personas, names = tables["personas"], problem.population.personas
    titles = {step.name: step.title or step.name for step in problem.journey.steps}
    save(cohort_plots.completion_over_time(personas, ALONE, names), folder / "completion.png")
    save(cohort_plots.funnel_by_persona(tables["funnel"], personas, ALONE, names, titles), folder / "funnel.png")
    save(cohort_plots.effect_by_persona(found, influence), folder / "effects.png")


def effects_table(found: list[Effect], settings: CohortSettings) -> Table:
    """Completion without and with influence, and the difference; bold where the interval excludes 0."""
    table = Table(
        title=f"Completion (%): {settings.cohorts} pairs of cohorts of {settings.users:,}, same users, same luck, "
        "95% intervals over pairs",
        title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False,
    )  # fmt: skip
    table.add_column("users")
    for heading in ("seeing nobody", f"seeing peers ({settings.influence})", "difference (% points)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for effect in found:
        style = "bold" if effect.difference.excludes_zero else ""
        difference = Text(in_per_cent(effect.difference, "+"), style=style)
        table.add_row(effect.group, in_per_cent(effect.alone), in_per_cent(effect.together), difference)
    return table


def in_per_cent(interval: Interval, sign: str = "") -> str:
    """Mean and half width."""
    return f"{100 * interval.mean:{sign}.1f} ±{100 * interval.half_width:.1f}"
