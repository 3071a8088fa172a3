"""`handrail simulate`: the events of synthetic users under a policy, as JSON Lines in order of time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from experiments import hydra_entry, run_folder
from experiments.contestants import contestant
from experiments.hydra_entry import Job
from experiments.log_file import JSON_LINES, log_path, whole_or_nothing
from experiments.progress import Tell, open_console, tracking
from experiments.settings import Problem, Seed, Users, fill, problem_of
from journeys.events import DECISION, Event, EventCodec, write_events
from policies.protocol import Policy
from policies.training.rollout import rounds

EVENTS_FILE = "events.jsonl"
EVENTS_BETWEEN_REPORTS = 5_000


class SimulateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail simulate` beside its problem; conf/simulate.yaml explains each."""

    users: Users
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
    settings = fill(SimulateSettings, {name: job.config[name] for name in SimulateSettings.__struct_fields__}, "")
    policy = contestant(str(job.config["policy"]["name"]), problem.journey)
    path = log_path(settings.out, job.folder / EVENTS_FILE, (JSON_LINES,))
    console = open_console(stderr=True)
    with whole_or_nothing(path) as part:
        run_folder.open_folder(job)
        with tracking(console, f"simulating {settings.users:,} users", settings.users) as tell:
            records = event_records(problem, policy, settings.users, settings.seed, tell)
        if not settings.decisions:
            records = records[records["kind"] != DECISION]
        with tracking(console, f"writing {len(records):,} events", len(records)) as tell:
            write_events(part, counted(events_of(problem, policy, records), tell))
    run_folder.write_journey(job.folder, problem.journey)
    run_folder.write_record(job, "simulate", problem, settings.seed, started, time.monotonic() - began)
    print(f"{len(records):,} events of {settings.users:,} users: {path}", file=sys.stdout)


def event_records(problem: Problem, policy: Policy, users: int, seed: int, tell: Tell) -> np.ndarray:
    """All events of users `0` to `users - 1` as EVENT records, by time; those of one moment keep their order."""
    kept = []
    for moment in rounds(
        problem.journey, problem.population, policy, users, seed, keep_log=True, learner=problem.learner
    ):
        log, counts = moment.world.log, moment.world.n_events
        kept.append(np.array(log[np.arange(log.shape[1]) < counts[:, None]]))
        tell(users - len(moment.rows))
    records = np.concatenate(kept)
    return records[np.argsort(records["time"], kind="stable")]


def events_of(problem: Problem, policy: Policy, records: np.ndarray) -> Iterator[Event]:
    """The JSON form of `records`, whose users are called `u0`, `u1`, ..."""
    codec, names = EventCodec(problem.journey), records.dtype.names
    assert names is not None
    for start in range(0, len(records), EVENTS_BETWEEN_REPORTS):
        for values in records[start : start + EVENTS_BETWEEN_REPORTS].tolist():
            record = dict(zip(names, values, strict=True))
            yield codec.from_record(record, f"u{record['user']}", policy.name)


def counted(events: Iterable[Event], tell: Tell) -> Iterator[Event]:
    """The same events; `tell` hears now and then how many have passed."""
    for number, event in enumerate(events, 1):
        if number % EVENTS_BETWEEN_REPORTS == 0:
            tell(number)
        yield event
