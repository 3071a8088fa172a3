"""From the tutorial's tables to a folder that Handrail can work with: journeys, events and what was odd on the way.

journey.yaml         the journey with the default knowledge-tracing parameters (version 1)
journey-fitted.yaml  the same with parameters fitted to the training half of the students (version 2)
events.jsonl         every student's events
import.json          `Imported`: counts, oddities, the two halves, the fitted parameters
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from experiments.tutorial.data import Oddities, read_tutorial
from experiments.tutorial.events import events_of
from experiments.tutorial.fit import PARAMETERS, fit, log_likelihood, log_of
from experiments.tutorial.forecasts import halves
from experiments.tutorial.journey import journey_of, write_journey
from journeys.events import write_events

JOURNEY, FITTED_JOURNEY, EVENTS, IMPORT = "journey.yaml", "journey-fitted.yaml", "events.jsonl", "import.json"
SEED = 0  # of the halving that the fitted journey and the report's main tables rest on


class Imported(msgspec.Struct, frozen=True):
    """What an import found and did. `oddities` maps what is odd to the ids of the visits concerned."""

    students: int
    tried: int
    visits: int
    attempts: int
    tasks: int
    skills: int
    events: dict[str, int]
    oddities: Oddities
    training: list[str]
    held_out: list[str]
    default: dict[str, float]
    fitted: dict[str, float]
    default_log_likelihood: float
    fitted_log_likelihood: float


def import_tutorial(data: Path, out: Path) -> Imported:
    """Read the tables in `data`, write the files into `out`. Raises `DataError`."""
    tutorial = read_tutorial(data)
    journey = journey_of(tutorial)
    events, oddities = events_of(tutorial, journey)
    log = log_of(journey, events)
    training, held_out = halves(log, SEED)
    fitted = fit(journey, log.of(training))
    imported = Imported(
        students=len(log.students),
        tried=len(training) + len(held_out),
        visits=len(tutorial.visits),
        attempts=len(log.attempts),
        tasks=len(journey.steps),
        skills=len(journey.skills),
        events=dict(sorted(Counter(event.kind for event in events).items())),
        oddities={**tutorial.oddities, **oddities},
        training=[log.students[row] for row in training],
        held_out=[log.students[row] for row in held_out],
        default={name: getattr(journey.skills[0], name) for name in PARAMETERS},
        fitted=fitted.values,
        default_log_likelihood=log_likelihood(journey, log.of(training)),
        fitted_log_likelihood=fitted.log_likelihood,
    )
    out.mkdir(parents=True, exist_ok=True)
    write_journey(out / JOURNEY, journey)
    write_journey(out / FITTED_JOURNEY, fitted.journey)
    write_events(out / EVENTS, events)
    (out / IMPORT).write_bytes(msgspec.json.format(msgspec.json.encode(imported), indent=1) + b"\n")
    return imported


def read_import(folder: Path) -> Imported:
    """What an earlier import wrote down. Raises `FileNotFoundError` that says how to mend it."""
    path = folder / IMPORT
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Mend: run 'handrail tutorial import DATA --out {folder}' first")
    return msgspec.json.decode(path.read_bytes(), type=Imported)


def describe(imported: Imported) -> str:
    """The import in words, Markdown."""
    lines = [
        f"{imported.students} students ({imported.tried} made an attempt), {imported.visits} visits, "
        f"{imported.attempts} attempts; {imported.tasks} steps, {imported.skills} skills.",
        "",
        "Events: " + ", ".join(f"{count} {kind}" for kind, count in imported.events.items()) + ".",
        "",
        "Odd, and what was done:",
        "",
        *(f"- {len(ids)} visits: {what}" for what, ids in sorted(imported.oddities.items())),
        "",
        f"Knowledge tracing, fitted to the {len(imported.training)} students of the training half "
        f"(log-likelihood {imported.fitted_log_likelihood:.1f}, by default {imported.default_log_likelihood:.1f}): "
        + ", ".join(f"{name} {imported.default[name]:g} -> {value:.3f}" for name, value in imported.fitted.items()),
    ]  # fmt: skip
    return "\n".join(lines)
