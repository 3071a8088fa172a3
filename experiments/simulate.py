"""`handrail simulate`: the events of synthetic users under a policy, as JSON Lines in order of time."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from experiments import hydra_entry, run_folder
from experiments.contestants import contestant
from experiments.hydra_entry import Job
from experiments.log_file import JSON_LINES, log_path, whole_or_nothing
from experiments.progress import Tell, open_console, tracking
from experiments.settings import Problem, Seed, Users, own_settings, problem_of
from journeys.events import DECISION, EventCodec
from policies.protocol import Policy
from policies.training.cohort_log import events_since
from policies.training.rollout import rounds
from simulator.json_lines import JsonLinesSink

EVENTS_FILE = "events.jsonl"
EVENTS_BETWEEN_REPORTS = 5_000


class SimulateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail simulate` beside its problem; conf/simulate.yaml explains each."""

    users: Users
    first_user: Annotated[int, Meta(ge=0)]
    seed: Seed
    decisions: bool
    out: str | None


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("simulate", simulate, arguments)


def simulate(job: Job) -> None:
    """One simulation, from its configuration to its log."""
    started, began = run_folder.now(), time.monotonic()
    problem = problem_of(job.config)
    settings = own_settings(SimulateSettings, job.config)
    policy = contestant(str(job.config["policy"]["name"]), problem.journey)
    path = log_path(settings.out, job.folder / EVENTS_FILE, (JSON_LINES,))
    console = open_console(stderr=True)
    with whole_or_nothing(path) as part:
        run_folder.open_folder(job)
        with tracking(console, f"simulating {settings.users:,} users", settings.users) as tell:
            records = event_records(problem, policy, settings.users, settings.seed, tell, settings.first_user)
        if not settings.decisions:
            records = records[records["kind"] != DECISION]
        with (
            closing(JsonLinesSink(part, EventCodec(problem.journey), policy.name)) as log,
            tracking(console, f"writing {len(records):,} events", len(records)) as tell,
        ):
            for start in range(0, len(records), EVENTS_BETWEEN_REPORTS):
                log.write(records[start : start + EVENTS_BETWEEN_REPORTS])
                tell(start)
    run_folder.write_journey(job.folder, problem.journey)
    run_folder.write_record(job, "simulate", problem, settings.seed, started, time.monotonic() - began)
    print(f"{len(records):,} events of {settings.users:,} users: {path}", file=sys.stdout)


def event_records(
    problem: Problem, policy: Policy, users: int, seed: int, tell: Tell, first_user: int = 0
) -> np.ndarray:
    """All events of `users` users from `first_user` on, EVENT records by time; those of one moment keep their order."""
    kept = []
    for moment in rounds(
        problem.journey, problem.population, policy, users, seed, first_user, keep_log=True, learner=problem.learner
    ):
        kept.append(events_since(moment))
        tell(users - len(moment.rows))
    records = np.concatenate(kept)
    return records[np.argsort(records["time"], kind="stable")]
