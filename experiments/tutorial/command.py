"""`handrail tutorial`: the real programming tutorial as a journey and events, and its students replayed.

import  reads the tutorial's tables and writes a journey, events and an account of what was odd
report  folds the students' events: how well the belief foretells, what policies would have offered
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import msgspec

from experiments.tutorial.data import DataError
from experiments.tutorial.findings import Findings, choosing, foretell, halve_again, helping
from experiments.tutorial.fit import log_of
from experiments.tutorial.importing import EVENTS, FITTED_JOURNEY, JOURNEY, describe, import_tutorial, read_import
from experiments.tutorial.page import draw_calibration, page
from journeys.events import EventError, read_events
from journeys.loading import JourneyError, load_journey
from journeys.spec import Journey
from policies.bundle import load_bundle
from policies.bundle_files import BundleError
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.greedy_belief import greedy_belief
from policies.protocol import Policy

WRONG_CALL = 2
REPORT, FINDINGS, CALIBRATION = "report.md", "findings.json", "calibration.png"


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code (2 for a wrong call, wrong data or a wrong file)."""
    parser = argparse.ArgumentParser(prog="handrail tutorial", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    importer = commands.add_parser("import", help="write a journey, events and an account of the import")
    importer.add_argument("data", type=Path, help="folder with the tutorial's tables")
    importer.add_argument("--out", type=Path, required=True, help="folder to write into")
    importer.set_defaults(run=run_import)
    reporter = commands.add_parser("report", help="replay the students of an import and report")
    reporter.add_argument("folder", type=Path, help="folder that 'import' wrote")
    reporter.add_argument(
        "--bundle", type=Path, action="append", default=[], help="also replay this policy; repeatable"
    )
    reporter.add_argument("--halvings", type=int, default=10, help="further random halvings to fit and test on")
    reporter.set_defaults(run=run_report)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has said what is wrong, or given the help that was asked for
        return int(stop.code or 0)
    try:
        options.run(options)
    except (DataError, JourneyError, EventError, BundleError, OSError) as error:
        print(f"handrail tutorial: {error}", file=sys.stderr)
        return WRONG_CALL
    return 0


def run_import(options: argparse.Namespace) -> None:
    """`handrail tutorial import DATA --out FOLDER`."""
    print(describe(import_tutorial(options.data, options.out)))
    print(f"\nWritten to {options.out}. Next: handrail tutorial report {options.out}")


def run_report(options: argparse.Namespace) -> None:
    """`handrail tutorial report FOLDER [--bundle B] [--halvings N]`."""
    folder: Path = options.folder
    imported = read_import(folder)
    default, fitted = load_journey(folder / JOURNEY), load_journey(folder / FITTED_JOURNEY)
    log = log_of(default, list(read_events(folder / EVENTS)))
    number = {student: row for row, student in enumerate(log.students)}
    training, held_out = ([number[name] for name in names] for names in (imported.training, imported.held_out))
    policies = [fixed_path(), expert_rules(), greedy_belief(), *(policy_of(path, fitted) for path in options.bundle)]
    findings = Findings(
        foretelling=[foretell(default, fitted, log, training, held_out, first_only) for first_only in (False, True)],
        halvings=halve_again(default, log, range(1, options.halvings + 1), Progress(options.halvings)),
        choosing=[choosing(fitted, log, policy) for policy in policies],
        helping=[found for policy in policies for found in helping(fitted, log, policy)],
    )
    text = f"# The programming tutorial, replayed\n\n{describe(imported)}\n\n{page(findings)}"
    (folder / REPORT).write_text(text, encoding="utf-8")
    (folder / FINDINGS).write_bytes(msgspec.json.format(msgspec.json.encode(findings), indent=1) + b"\n")
    draw_calibration(folder / CALIBRATION, findings.foretelling)
    print(text)
    print(f"Written: {folder / REPORT}, {folder / FINDINGS}, {folder / CALIBRATION}")


def policy_of(path: Path, journey: Journey) -> Policy:
    """The policy of a bundle that was made for the fitted journey, under the bundle's name. Raises `BundleError`."""
    bundle = load_bundle(path)
    if bundle.journey.hash() != journey.hash():
        raise BundleError(
            f"{path}: was trained on journey {bundle.journey.name!r} version {bundle.journey.version}, not on this "
            f"folder's {FITTED_JOURNEY}. Mend: train with journey_file=FOLDER/{FITTED_JOURNEY} and export again"
        )
    bundle.policy.name = bundle.manifest.name
    return bundle.policy


class Progress:
    """Tells on stderr how many halvings are done and how long the others will take."""

    def __init__(self, total: int) -> None:
        self.total, self.began = total, time.perf_counter()

    def __call__(self, done: int) -> None:
        """Tell of the `done` first halvings."""
        left = (time.perf_counter() - self.began) / done * (self.total - done)
        print(f"halving {done} of {self.total}, about {left:.0f} s left", file=sys.stderr)
