"""`handrail realism`: simulated users beside real ones; writes docs/realism.md and its pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console

from envs.reward import RewardWeights
from experiments.contestants import contestant
from experiments.progress import open_console, tracking
from experiments.realism.comparisons import COMPARISONS, Compared, carry_out
from experiments.realism.page import Setting, page, verdict_in_words
from experiments.realism.pictures import write_picture
from experiments.settings import Problem
from experiments.simulate import event_records
from experiments.tutorial.data import DataError
from journeys.loading import load_journey
from personas.persona import load_population

WRONG_CALL = 2
REREAD = "its reason was written for {!r}. Mend: read it again, correct it and `judged`"
PAGE, PICTURES = "realism.md", "pictures"


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code (2 for a wrong call or wrong data)."""
    parser = argparse.ArgumentParser(prog="handrail realism", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA_FOLDER", help="folder that holds a folder per data set")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the page (default: docs)")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has said what is wrong, or given the help that was asked for
        return int(stop.code or 0)
    console = open_console()
    try:
        compared = write(options.data, options.out, console=console)
    except (DataError, OSError) as error:
        print(f"handrail realism: {error}", file=sys.stderr)
        return WRONG_CALL
    for one in compared:
        console.print(f"\n[bold]{one.comparison.title}[/bold]")
        for measure, finding in zip(one.comparison.measures, one.findings, strict=True):
            console.print(f"  {verdict_in_words(finding).replace('*', ''):27s} {measure.title}", soft_wrap=True)
            if finding.verdict != measure.judged:
                console.print(f"    {measure.name}: {REREAD.format(measure.judged)}", soft_wrap=True)
    console.print(f"\nWritten: {options.out / PAGE} and its pictures", soft_wrap=True)
    return 0


def write(data: Path, out: Path, setting: Setting | None = None, console: Console | None = None) -> list[Compared]:
    """Compare, and write the page and its pictures into `out`. Raises `DataError` before anything is simulated."""
    setting, console = setting or Setting(), console or open_console(stderr=True)
    real = [comparison.real(data / comparison.file) for comparison in COMPARISONS]
    logs = {name: simulate(name, setting, console) for name in dict.fromkeys(c.journey for c in COMPARISONS)}
    with tracking(console, "comparing", len(COMPARISONS)) as tell:
        compared = []
        for comparison, samples in zip(COMPARISONS, real, strict=True):
            compared.append(carry_out(comparison, samples, logs[comparison.journey]))
            tell(len(compared))
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    for one in compared:
        write_picture(one, out / PICTURES)
    (out / PAGE).write_text(page(compared, setting), encoding="utf-8")
    return compared


def simulate(journey_name: str, setting: Setting, console: Console) -> np.ndarray:
    """EVENT records `(n,)` of all users of one journey, by time."""
    journey = load_journey(journey_name)
    problem = Problem(journey, load_population(setting.population), RewardWeights())
    policy = contestant(setting.policy, journey)
    with tracking(console, f"simulating {setting.users:,} users of {journey_name}", setting.users) as tell:
        return event_records(problem, policy, setting.users, setting.seed, tell)
