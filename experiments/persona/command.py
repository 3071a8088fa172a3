"""`handrail persona`: who the synthetic users are, and what such a user does on a journey.

list   names the personas and populations that ship
check  says whether persona or population files are sound, or what is wrong and how to mend it
show   prints a persona's traits and what its users come to, and draws both beside the newcomer
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from agents.learners import LearnerError, journey_under, load_learner
from experiments.contestants import contestant
from experiments.persona.account import account
from experiments.persona.lives import Lives, live
from experiments.persona.pictures import compared_picture, traits_picture
from experiments.persona.tables import account_table, people_table, traits_table
from experiments.persona.timeline import timeline_picture
from experiments.plots import save
from experiments.progress import open_console
from experiments.settings import HELD_OUT, SettingsError
from journeys.loading import JourneyError, load_journey
from journeys.spec import Journey
from personas.persona import (
    PersonaError,
    PopulationSpec,
    convert,
    load_persona,
    persona_of,
    population_of,
    read,
    shipped,
)
from policies.bundle_files import BundleError

WRONG_CALL = 2
REFERENCE = "newcomer"  # the middle of every scale
USERS, MOST_USERS = 1_000, 100_000  # shares are then known to within three points; the most are a matter of memory
FOLDER = Path("runs/persona")
TRAITS, TIMELINE, COMPARED = "traits.png", "users.png", "compared.png"


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code (2 for a wrong call or a wrong file)."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has said what is wrong, or given the help that was asked for
        return int(stop.code or 0)
    try:
        return int(options.run(options))
    except (PersonaError, JourneyError, LearnerError, SettingsError, BundleError) as error:
        print(f"handrail persona: {error}", file=sys.stderr)
    except OSError as error:
        print(f"handrail persona: {error.filename}: {error.strerror}. Mend: give another --out", file=sys.stderr)
    return WRONG_CALL


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(
        prog="handrail persona", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = command.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("list", help="name the personas and populations that ship")
    verb.set_defaults(run=run_list)
    verb = verbs.add_parser("check", help="say whether files are sound, and what is wrong where they are not")
    verb.add_argument("files", nargs="+", metavar="FILE", help="a persona's or population's YAML file, or its name")
    verb.set_defaults(run=run_check)
    verb = verbs.add_parser("show", help="print and draw a persona: its traits, and what its users do")
    verb.add_argument("persona", metavar="NAME|FILE", help="a shipped persona's name, or a YAML file")
    verb.add_argument("--out", type=Path, help=f"folder for the pictures (default: {FOLDER}/NAME)")
    verb.add_argument("--journey", default="saas", help="a journey's name or file (default: saas)")
    verb.add_argument("--policy", default="rules", help="a baseline's name, a run folder or a bundle (default: rules)")
    verb.add_argument("--learner", default="bkt", help="how users learn: a name in conf/learner (default: bkt)")
    verb.add_argument("--users", type=users, default=USERS, help=f"how many to play (default: {USERS:,})")
    verb.add_argument("--seed", type=seed, default=0, help="which of all such users (default: 0)")
    verb.set_defaults(run=run_show)
    return command


def users(text: str) -> int:
    """A number of users that can be played and held in memory."""
    if not text.isdigit() or not 1 <= int(text) <= MOST_USERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of users. Mend: give 1 to {MOST_USERS:,}")
    return int(text)


def seed(text: str) -> int:
    """A seed below those that only evaluations have."""
    if not text.isdigit() or int(text) >= HELD_OUT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed. Mend: give 0 to {HELD_OUT - 1:,}")
    return int(text)


def run_list(_options: argparse.Namespace) -> int:
    """`handrail persona list`."""
    console = open_console()
    console.print(people_table("Personas", [(name, load_persona(name).summary) for name in shipped("persona")]))
    console.print()
    specs = [convert(read("population", name), PopulationSpec) for name in shipped("population")]
    console.print(people_table("Populations", [(spec.name, f"{spec.summary} {mix(spec)}") for spec in specs]))
    return 0


def mix(spec: PopulationSpec) -> str:
    """The shares of a population in per cent."""
    total = sum(spec.weights.values())
    return "(" + ", ".join(f"{name} {100.0 * weight / total:.0f}%" for name, weight in spec.weights.items()) + ")"


def run_check(options: argparse.Namespace) -> int:
    """`handrail persona check FILE...`: a line each."""
    return max(check(name_or_path) for name_or_path in options.files)


def check(name_or_path: str) -> int:
    """Print a line on a sound file and return 0, or its fault to the error stream and return 2."""
    group = "population" if name_or_path in shipped("population") else "persona"
    try:
        source = read(group, name_or_path)
        if isinstance(source.data, dict) and "weights" in source.data:
            population = population_of(source)
            print(f"{name_or_path}: sound. Population {population.name!r} of {', '.join(population.personas)}")
        else:
            persona = persona_of(source)
            print(f"{name_or_path}: sound. Persona {persona.name!r}, {len(persona.traits)} traits with their sources")
    except PersonaError as error:
        print(error, file=sys.stderr)
        return WRONG_CALL
    return 0


def run_show(options: argparse.Namespace) -> int:
    """`handrail persona show NAME|FILE`."""
    persona, journey = load_persona(options.persona), load_journey(options.journey)
    folder: Path = options.out or FOLDER / persona.name
    folder.mkdir(parents=True, exist_ok=True)
    console = open_console()
    console.print(f"{persona.name}: {persona.summary}\n", soft_wrap=True)
    console.print(traits_table(persona))
    shown = [(options.persona, persona.name)]
    if persona.name != REFERENCE:
        shown.append((REFERENCE, REFERENCE))
    lives = [play(options, journey, *one) for one in shown]
    tell(console, lives, options.policy)
    save(traits_picture([load_persona(name) for name, _ in shown]), folder / TRAITS)
    save(timeline_picture(lives[0]), folder / TIMELINE)
    save(compared_picture(lives), folder / COMPARED)
    console.print(f"\nDrawn: {', '.join(str(folder / name) for name in (TRAITS, TIMELINE, COMPARED))}", soft_wrap=True)
    return 0


def play(options: argparse.Namespace, journey: Journey, name_or_path: str, name: str) -> Lives:
    """Users of one persona, whom no training meets."""
    learner = load_learner(options.learner)
    policy = contestant(options.policy, journey_under(journey, learner))
    return live(name_or_path, name, journey, policy, options.users, HELD_OUT + options.seed, learner)


def tell(console: Console, lives: list[Lives], policy: str) -> None:
    """Print what the users come to."""
    title = f"What {lives[0].users:,} users do on {lives[0].journey.name!r} under {policy!r}"
    console.print()
    console.print(account_table({one.persona: account(one) for one in lives}, title))
