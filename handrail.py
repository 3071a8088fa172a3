"""The `handrail` command: a table of commands, each loaded only when it is called.

Commands of the bare install (serving) need nothing else; the others name the extra that they need.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NamedTuple

from serving.service.signals import hold_reloads

INTERRUPTED = 130  # what shells say of a command that Ctrl-C (signal 2) ended: 128 + 2


class Command(NamedTuple):
    """Where a command lives, which extra it needs, and what it does."""

    module: str
    extra: str
    summary: str


COMMANDS = {
    "train": Command("experiments.train", "train", "train a policy in simulation and compare it with the baselines"),
    "simulate": Command("experiments.simulate", "sim", "write the events of synthetic users as JSON Lines"),
    "world": Command("experiments.world", "sim", "play a scenario of arrivals and a support desk on the wall clock"),
    "cohort": Command("experiments.cohort", "sim", "let cohorts see each other's progress, and say what that changes"),
    "compare": Command("experiments.compare", "sim", "play policies on the same users and print paired intervals"),
    "paths": Command("experiments.paths.command", "train", "search the best path of a cohort that a team can read"),
    "matrix": Command(
        "experiments.matrix.command", "train", "train and compare all policies on journeys and learner models: a page"
    ),
    "sensitivity": Command("experiments.sensitivity.command", "sim", "which traits move completion and return most"),
    "export": Command("experiments.export", "train", "turn a run folder into a bundle that production can serve"),
    "journey": Command("journeys.command", "", "check a journey file, or print and draw what is in one"),
    "persona": Command("experiments.persona.command", "sim", "list, check and show personas: traits, and what they do"),
    "serve": Command("serving.service.serve", "", "serve decisions over HTTP, WebSocket and streams"),
    "keys": Command("serving.service.keys_command", "", "make API keys for the service"),
    "replay": Command("serving.replay", "", "fold events from a file through the runtime and write its decisions"),
    "update": Command("serving.update", "", "let a bandit go on learning from logged decisions, as a new bundle"),
    "logs": Command("serving.upkeep.logs_command", "", "export events and decisions of a store: Parquet, JSON Lines"),
    "reconcile": Command("serving.upkeep.reconcile_command", "", "fold logs again; compare states and decisions"),
    "letters": Command(
        "serving.upkeep.letters_command", "", "list, replay, deliver or drop the dead letters of a store"
    ),
    "tutorial": Command("experiments.tutorial.command", "sim", "the real programming tutorial: import, replay, report"),
    "realism": Command(
        "experiments.realism.command", "sim", "simulated users beside real ones, without fitting: a page"
    ),
    "demo": Command("experiments.demo", "train", "train, export and serve in two minutes"),
}

OURS = {"journeys", "personas", "agents", "simulator", "envs", "policies", "experiments", "serving", "conf"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code (2 for a wrong call, 130 after Ctrl-C)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in {"-h", "--help"}:
        print("usage: handrail COMMAND [...]\n")
        for name, command in COMMANDS.items():
            print(f"  {name:11s} {command.summary}")
        print("\n'handrail COMMAND --help' tells more.")
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        print(f"handrail: no command {arguments[0]!r}. Mend: use one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return call(arguments[0], command, arguments[1:])
    except KeyboardInterrupt:
        print(f"handrail {arguments[0]}: interrupted", file=sys.stderr)
        return INTERRUPTED


def call(name: str, command: Command, arguments: list[str]) -> int:
    """Load and run a command; returns its exit code, 2 where its extra is not installed."""
    if name == "serve":
        hold_reloads()  # before the second that loading takes: a service that starts may be told to reload
    try:
        module = import_module(command.module)
    except ModuleNotFoundError as error:
        if not command.extra or (error.name or "").split(".")[0] in OURS:
            raise
        print(
            f"handrail {name}: {error.name} is not installed. "
            f"Mend: pip install '.[{command.extra}]' in a clone of the repository",
            file=sys.stderr,
        )
        return 2
    return int(module.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
