"""`handrail journey check FILE`: whether a journey file is sound, in one line, or its faults, each with its mend."""

from __future__ import annotations

import argparse
import sys

from journeys.checks import counts
from journeys.loading import JourneyError, load_journey
from journeys.spec import Journey


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where a file is wrong)."""
    options = parser().parse_args(arguments)
    return max(check(name_or_path) for name_or_path in options.journeys)


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail journey", description=__doc__)
    verbs = command.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("check", help="say whether journey files are sound, and what is wrong where they are not")
    verb.add_argument("journeys", nargs="+", metavar="FILE", help="a journey's YAML file, or a shipped journey's name")
    return command


def check(name_or_path: str) -> int:
    """Print a line on a sound journey and return 0, or its faults, one a line, to the error stream and return 2."""
    try:
        journey = load_journey(name_or_path)
    except JourneyError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{name_or_path}: sound. {summary(journey)}")
    return 0


def summary(journey: Journey) -> str:
    """What a journey comes to, in one line."""
    n_steps, n_needed, n_skills = len(journey.steps), sum(counts(journey)), len(journey.skills)
    minutes = sum(step.minutes for step in journey.steps)
    return (
        f"{journey.name!r}, version {journey.version}: {n_steps} {'step' if n_steps == 1 else 'steps'} "
        f"({n_needed} required), {n_skills} {'skill' if n_skills == 1 else 'skills'}, "
        f"{minutes:g} minutes at standard difficulty, hash {journey.hash()[:12]}"
    )
