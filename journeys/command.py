"""`handrail journey check FILE` says whether a journey is sound; `handrail journey show NAME` shows what is in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from journeys.checks import counts
from journeys.drawing import write_picture
from journeys.loading import JourneyError, load_journey
from journeys.show import open_console, show
from journeys.spec import Journey

PICTURES = (".png", ".svg")


class PictureError(ValueError):
    """A picture that cannot be made, and the mend."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where a file is wrong or a picture cannot be made)."""
    options = parser().parse_args(arguments)
    if options.verb == "check":
        return max(check(name_or_path) for name_or_path in options.journeys)
    return show_one(options.journey, options.out)


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail journey", description=__doc__)
    verbs = command.add_subparsers(required=True, metavar="VERB", dest="verb")
    verb = verbs.add_parser("check", help="say whether journey files are sound, and what is wrong where they are not")
    verb.add_argument("journeys", nargs="+", metavar="FILE", help="a journey's YAML file, or a shipped journey's name")
    verb = verbs.add_parser("show", help="print a journey's steps, skills and goals, and draw what waits for what")
    verb.add_argument("journey", metavar="NAME", help="a shipped journey's name, or a journey's YAML file")
    verb.add_argument("--out", type=Path, metavar="PICTURE", help="draw the graph into this .png or .svg file as well")
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


def show_one(name_or_path: str, picture: Path | None) -> int:
    """Print a journey, make its picture where one is asked for, and return 0; or tell what is wrong and return 2."""
    try:
        journey = load_journey(name_or_path)
        if picture is not None:  # first: tables above an error would push it out of sight
            draw(journey, picture)
    except (JourneyError, PictureError) as error:
        print(error, file=sys.stderr)
        return 2
    show(journey, open_console())
    if picture is not None:
        print(f"\npicture: {picture}")
    return 0


def draw(journey: Journey, picture: Path) -> None:
    """Write the picture; raises `PictureError`."""
    if picture.suffix.lower() not in PICTURES:
        raise PictureError(f"{picture}: not a kind of picture made here. Mend: end its name in .png or .svg")
    try:
        write_picture(journey, picture)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        mend = "Mend: pip install '.[sim]' in a clone of the repository, or leave --out away"
        raise PictureError(f"handrail journey show --out: matplotlib is not installed. {mend}") from None
    except OSError as error:
        complaint = f"{picture}: cannot be written: {error.strerror}. Mend: give a path in a folder that exists"
        raise PictureError(complaint) from None
