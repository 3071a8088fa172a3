"""A found path as a table: on the terminal, as CSV and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple
from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments.comparison import Comparison
from experiments.evaluation import MEASURES
from experiments.paths.walk import Walk
from experiments.run_folder import write_json, write_table
from experiments.tables import interval_text
from journeys.actions import DIFFICULTIES
from journeys.spec import Journey
from policies.path import LearningPath
from policies.training.paths.diversity import Diversity

PATH_FILE, PATH_TABLE, SEARCH_TABLE = "path.json", "path.csv", "search.csv"


class Stop(msgspec.Struct, frozen=True):
    """One step of a journey, on the path or left out of it (`place` and `difficulty` None).

    `reached`, `finished`: shares of users on the path, be it of their own accord; `minutes`: mean active time of those
    who reached it. `agree`: share of the final population that has the step at this difficulty, or leaves it out as
    well; `entropy`: of its difficulty there, from 0 (all agree) to 1. `usual_place` (median) and `usual_difficulty`
    (the most frequent) are those of the policy beside; None where nobody was led there.
    """

    place: int | None
    step: str
    title: str
    required: bool
    difficulty: str | None
    reached: float
    finished: float
    minutes: float
    agree: float
    entropy: float
    usual_place: float | None
    usual_difficulty: str | None


def stops_of(journey: Journey, path: LearningPath, own: Walk, beside: Walk, diversity: Diversity) -> list[Stop]:
    """Every step of the journey: those of the path in order, then those left out."""
    difficulty = dict(zip(path.steps.tolist(), path.difficulties.tolist(), strict=True))
    left_out = [s for s in range(len(journey.steps)) if s not in difficulty]
    return [
        stop_of(journey, s, place, difficulty.get(s), own, beside, diversity)
        for place, s in enumerate([*difficulty, *left_out], start=1)
    ]


def stop_of(
    journey: Journey, s: int, place: int, difficulty: int | None, own: Walk, beside: Walk, diversity: Diversity
) -> Stop:
    """One of them."""
    step, usual, included = journey.steps[s], beside.usual_place(s), float(diversity.included[s])
    return Stop(
        place=None if difficulty is None else place,
        step=step.name,
        title=step.title or step.name,
        required=step.required,
        difficulty=None if difficulty is None else DIFFICULTIES[difficulty],
        reached=float(own.reached[s]),
        finished=float(own.finished[s]),
        minutes=float(own.minutes[s]),
        agree=1.0 - included if difficulty is None else included * float(diversity.shares[s, difficulty]),
        entropy=float(diversity.entropy[s]),
        usual_place=usual,
        usual_difficulty=None if usual is None else DIFFICULTIES[int(beside.led[s].argmax())],
    )


def path_table(stops: list[Stop], cohort: str, beside: str) -> Table:
    """The path to read, beside what is usual under the policy `beside`."""
    table = Table(title=f"Path of {cohort}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("step", no_wrap=True)
    table.add_column("difficulty", no_wrap=True)
    for column in ("reach it\n%", "finish it\n%", "minutes", "agree\n%"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column(f"{beside}:\nplace", justify="right")
    table.add_column(f"{beside}:\ndifficulty")
    for stop in stops:
        if stop.place is None and stops[stops.index(stop) - 1].place is not None:
            table.add_section()
        table.add_row(
            "" if stop.place is None else str(stop.place),
            stop.step,
            stop.difficulty or "left out",
            f"{100.0 * stop.reached:.0f}",
            f"{100.0 * stop.finished:.0f}",
            f"{stop.minutes:.1f}",
            f"{100.0 * stop.agree:.0f}",
            "" if stop.usual_place is None else f"{stop.usual_place:g}",
            stop.usual_difficulty or "",
        )
    return table


def standing_table(comparison: Comparison, policy: str) -> Table:
    """Return and completion of every policy, and what `policy` has more or less than each on the same users."""
    users = comparison.levels[0].users
    table = Table(
        title=f"{users:,} held-out users, the same for all, with 95% intervals",
        title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False,
    )  # fmt: skip
    table.add_column("policy", overflow="fold")
    for column in ("return", "completion %", f"return of {policy}\nless its", "completion,\n% points"):
        table.add_column(column, justify="right")
    measures = [measure for measure in MEASURES if measure.name in ("return", "completion")]
    for other in comparison.policies:
        levels = [interval_text(comparison.level(other, m.name), m, signed=False) for m in measures]
        if other in comparison.references:
            levels += [interval_text(comparison.difference(policy, other, m.name), m, signed=True) for m in measures]
        table.add_row(other, *levels)
    return table


def diversity_text(diversity: Diversity) -> str:
    """How much the final population differs, in a line."""
    met = diversity.included > 0.0
    return (
        f"final population: {diversity.paths} paths in {diversity.orders} orders; mean Kendall distance of two orders "
        f"{diversity.distance:.2f}, mean entropy of a step's difficulty {diversity.entropy[met].mean():.2f} "
        "(0: all agree, 1: as different as can be)"
    )


def write_path(folder: Path, stops: list[Stop], diversity: Diversity, about: dict[str, Any]) -> None:
    """Write the path as JSON, with what it is `about` and how different the others were, and its table as CSV."""
    others = {
        "paths": diversity.paths,
        "orders": diversity.orders,
        "kendall_distance": diversity.distance,
    }
    write_json(folder / PATH_FILE, {**about, "stops": [asdict(stop) for stop in stops], "population": others})
    write_table(folder / PATH_TABLE, Stop.__struct_fields__, map(astuple, stops))
