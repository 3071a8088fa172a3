"""`handrail sensitivity`: which traits move completion and return most."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
from msgspec import Meta

from experiments import hydra_entry, run_folder
from experiments.contestants import contestant
from experiments.hydra_entry import Job
from experiments.plots import save
from experiments.progress import open_console, tracking
from experiments.sensitivity.findings import findings_of, in_words, levels_of, table_of, write_findings
from experiments.sensitivity.indices import make_design
from experiments.sensitivity.model import respond
from experiments.sensitivity.picture import picture_of
from experiments.sensitivity.ranges import check_base, people_at, trait_ranges
from experiments.settings import Seed, Users, own_settings, problem_of
from personas.persona import load_persona

FEWEST_POINTS = 64  # our choice: a quarter of the default, so that intervals are twice as wide
PICTURE_FILE = "sensitivity.png"
WARNING = "\nwarning: {} points are too few to go by, whatever the order above. Mend: points={} or more"


class SensitivitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail sensitivity` beside its problem; conf/sensitivity.yaml explains each."""

    base: str
    points: Annotated[int, Meta(ge=2, le=65_536)]
    users: Users
    seed: Seed

    def __post_init__(self) -> None:
        if self.points & (self.points - 1):
            raise ValueError(
                f"points: {self.points} is no power of 2. Mend: use 64, 128, 256, ...: Sobol sequences are"
            )


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("sensitivity", sensitivity, arguments)


def sensitivity(job: Job) -> None:
    """One analysis, from its configuration to its folder."""
    started, began = run_folder.now(), time.monotonic()
    settings = own_settings(SensitivitySettings, job.config)
    persona = load_persona(settings.base)
    alone = {"name": persona.name, "summary": persona.summary, "weights": {settings.base: 1.0}}
    problem = problem_of({**job.config, "population": alone})
    policy = contestant(str(job.config["policy"]["name"]), problem.journey)
    ranges = trait_ranges()
    check_base(persona, ranges)
    console = open_console()
    run_folder.open_folder(job)
    design = make_design(settings.points, len(ranges), settings.seed)
    people = [people_at(persona, ranges, shares) for shares in design.points]
    with tracking(console, f"playing {len(people):,} points of {settings.users:,} users", len(people)) as tell:
        responses = respond(problem, policy, people, settings.users, settings.seed, tell)
    findings, levels = findings_of(ranges, design, responses, settings.seed), levels_of(design, responses)
    for level in levels:
        console.print(table_of(findings, level))
    for level in levels:
        console.print(in_words(findings, level), soft_wrap=True)
    if settings.points < FEWEST_POINTS:
        console.print(WARNING.format(settings.points, FEWEST_POINTS), soft_wrap=True)
    write_findings(job.folder, findings)
    save(picture_of(findings, levels), job.folder / PICTURE_FILE)
    run_folder.write_record(job, "sensitivity", problem, settings.seed, started, time.monotonic() - began)
    console.print(f"\ntable and picture: {job.folder}", soft_wrap=True)
