"""`handrail world`: a scenario of arrivals and a support desk, played on the wall clock; its events as a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from agents.mind import REASONS
from experiments import hydra_entry, run_folder
from experiments.contestants import contestant
from experiments.hydra_entry import Job
from experiments.log_file import JSON_LINES, PARQUET, log_path, whole_or_nothing
from experiments.progress import open_console, tracking
from experiments.settings import own_settings, problem_of
from journeys.events import KINDS, EventCodec
from journeys.state import COMPLETED, LAPSED, OUT_OF_TIME
from simulator.desk import Account
from simulator.json_lines import JsonLinesSink
from simulator.parquet import ParquetSink
from simulator.scenario import Scenario, load_scenario, scenario_from
from simulator.sinks import Sink, WithoutDecisions
from simulator.world import Summary, play

EVENTS_FILE, SUMMARY_FILE = "events.jsonl", "summary.json"
SINKS: dict[str, Callable[[Path, EventCodec, str], Sink]] = {JSON_LINES: JsonLinesSink, PARQUET: ParquetSink}
REASON_IN_WORDS = dict(
    zip(REASONS, ("for no special reason", "tired", "frustrated", "called away", "not served their goal"), strict=True)
)
HOURS_A_DAY = 24
SECONDS, HOURS = 1_000, 3_600_000  # in ms


class WorldSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of `handrail world` beside its problem and scenario; conf/world.yaml explains each."""

    decisions: bool
    out: str | None


class DeskFigures(msgspec.Struct, frozen=True):
    """How the desk fared. `busy` is the share of the staff's time on duty that went into answers.

    Every request is answered at once, queued because all staff were busy, or asked outside hours, when nobody was in.
    """

    requests: int
    answered: int
    gave_up: int
    still_waiting: int
    answered_at_once: int
    queued: int
    outside_hours: int
    mean_wait_seconds: float
    longest_wait_seconds: float
    staff_hours: float
    busy: float


class Figures(msgspec.Struct, frozen=True):
    """What a world came to, as summary.json holds it. `lapsed_by_reason`: why those who lapsed had left last."""

    scenario: str
    days: float
    users: int
    completed: int
    lapsed: int
    lapsed_by_reason: dict[str, int]
    out_of_time: int
    still_there: int
    events: int
    events_by_kind: dict[str, int]
    desk: DeskFigures | None


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return hydra_entry.run("world", world, arguments)


def world(job: Job) -> None:
    """One world, from its configuration to its log."""
    started, began = run_folder.now(), time.monotonic()
    problem, scenario = problem_of(job.config), scenario_in(job.config)
    settings = own_settings(WorldSettings, job.config)
    policy = contestant(str(job.config["policy"]["name"]), problem.journey)
    path = log_path(settings.out, job.folder / EVENTS_FILE, tuple(SINKS))
    hours = round(HOURS_A_DAY * scenario.days)
    with whole_or_nothing(path) as part:
        run_folder.open_folder(job)
        codec = EventCodec(problem.journey)
        with (
            closing(SINKS[path.suffix](part, codec, policy.name)) as log,
            tracking(open_console(stderr=True), f"playing {scenario.days:g} days", hours) as tell,
        ):
            summary = play(
                scenario, problem.journey, problem.population, policy,
                log if settings.decisions else WithoutDecisions(log), problem.learner,
                on_time=lambda days: tell(round(HOURS_A_DAY * days)),
            )  # fmt: skip
    figures = figures_of(scenario, summary)
    run_folder.write_journey(job.folder, problem.journey)
    run_folder.write_json(job.folder / SUMMARY_FILE, figures)
    run_folder.write_record(job, "world", problem, scenario.seed, started, time.monotonic() - began)
    print("\n".join(lines_of(figures, time.monotonic() - began)), f"Written: {path}", sep="\n", file=sys.stdout)


def scenario_in(config: dict[str, Any]) -> Scenario:
    """The scenario of `scenario_file` where that is set, otherwise of the group. Raises `ScenarioError`."""
    if config["scenario_file"] is not None:
        return load_scenario(str(config["scenario_file"]))
    return scenario_from(config["scenario"], "scenario")


def figures_of(scenario: Scenario, summary: Summary) -> Figures:
    """The summary in the units of people."""
    counts = {kind: int(count) for kind, count in zip(KINDS, summary.events, strict=True) if count}
    return Figures(
        scenario=scenario.name,
        days=scenario.days,
        users=summary.users,
        completed=int(summary.endings[COMPLETED]),
        lapsed=int(summary.endings[LAPSED]),
        lapsed_by_reason=dict(zip(REASONS, summary.reasons.tolist(), strict=True)),
        out_of_time=int(summary.endings[OUT_OF_TIME]),
        still_there=summary.still_there,
        events=sum(counts.values()),
        events_by_kind=counts,
        desk=desk_figures(summary.desk, summary.waiting) if summary.desk else None,
    )


def desk_figures(account: Account, waiting: int) -> DeskFigures:
    """The desk's account in seconds, hours and shares."""
    return DeskFigures(
        requests=account.asked,
        answered=account.answered,
        gave_up=account.abandoned,
        still_waiting=waiting,
        answered_at_once=account.answered_at_once,
        queued=account.queued,
        outside_hours=account.outside_hours,
        mean_wait_seconds=account.waited / SECONDS / max(1, account.answered),
        longest_wait_seconds=account.longest / SECONDS,
        staff_hours=account.on_duty / HOURS,
        busy=account.busy / max(1, account.on_duty),
    )


def lines_of(figures: Figures, seconds: float) -> list[str]:
    """The figures as a few lines to read."""
    lines = [
        f"{figures.scenario}: {figures.users:,} users in {figures.days:g} days, {figures.events:,} events "
        f"({figures.events / seconds:,.0f} a second, compilation included)",
        f"{figures.completed:,} completed, {figures.lapsed:,} lapsed, {figures.out_of_time:,} ran out of time, "
        f"{figures.still_there:,} are still there",
    ]
    if figures.lapsed:
        by_number = sorted(figures.lapsed_by_reason.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{REASON_IN_WORDS[reason]} {number / figures.lapsed:.0%}" for reason, number in by_number)
        lines.append(f"those who lapsed had left last: {shares}")
    desk = figures.desk
    if desk is not None:
        lines.append(
            f"desk: {desk.requests:,} requests: {desk.answered_at_once:,} met somebody free, {desk.queued:,} queued, "
            f"{desk.outside_hours:,} came outside hours; "
            f"{desk.answered:,} answered, {desk.gave_up:,} gave up waiting, {desk.still_waiting:,} wait; "
            f"mean wait {desk.mean_wait_seconds:,.0f} s, longest {desk.longest_wait_seconds:,.0f} s; "
            f"staff {desk.staff_hours:,.0f} h, {desk.busy:.0%} busy"
        )
    return lines
