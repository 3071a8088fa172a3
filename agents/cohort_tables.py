"""What is collected of a cohort in every tick: series of the whole, and tables by persona, step and rung of help.

All counts are by the time of the event: a tick's row counts what ended in that tick. The columns are described here,
once; docs/cohort.md shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from mesa.datacollection import DataCollector  # type: ignore[import-untyped]

from agents.cohort_clock import ACCEPTED, ACTIVE, MESSAGES, OFFERED, Book
from journeys.actions import HINT, HUMAN, PUSH, RUNGS
from journeys.events import DECISION, KINDS
from journeys.plan import Plan
from journeys.spec import Journey
from journeys.state import COMPLETED, LAPSED, OUT_OF_TIME


class Counted(Protocol):
    """What is read of a cohort to collect a tick: `hours` is the tick's end since the cohort began."""

    book: Book
    journey: Journey
    personas: tuple[str, ...]
    plan: Plan
    steps: int
    n_users: int

    @property
    def hours(self) -> float: ...  # noqa: D102


TIME_COLUMNS = {
    "tick": "number of the tick, from 1",
    "hours": "the tick's end, hours since the cohort began",
}
PERSONA_COLUMNS = TIME_COLUMNS | {
    "persona": "name of the persona",
    "users": "members of the cohort of this persona",
    "active": "users who did something in the tick",
    "events": "events of the tick, those that the timer wrote included, decisions not",
    "decisions": "decisions of the tick",
    "progress": "mean share of the required steps done, at the tick's end",
    "completed": "users who have completed the journey by the tick's end",
    "lapsed": "users who have been given up as lost by the tick's end",
    "out_of_time": "users whose time was over by the tick's end",
}
FUNNEL_COLUMNS = TIME_COLUMNS | {
    "persona": "name of the persona",
    "step": "name of the step",
    "done": "users who have done the step by the tick's end",
}
HELP_COLUMNS = TIME_COLUMNS | {
    "persona": "name of the persona",
    "rung": "hint, guidance, full or human",
    "offered": "offers in the tick, asked for or not",
    "accepted": "offers taken up in the tick",
}
TABLES = {"personas": PERSONA_COLUMNS, "funnel": FUNNEL_COLUMNS, "help": HELP_COLUMNS}


def hours(model: Counted) -> float:
    """The tick's end, hours since the cohort began."""
    return model.hours


def completion(model: Counted) -> float:
    """Share of users who have completed the journey."""
    return float(model.book.endings[:, COMPLETED].sum() / model.n_users)


def lapsed(model: Counted) -> float:
    """Share of users who have been given up as lost."""
    return float(model.book.endings[:, LAPSED].sum() / model.n_users)


def progress(model: Counted) -> float:
    """Mean share of the required steps done."""
    return float(model.book.progress.mean())


def active(model: Counted) -> int:
    """Users who did something in the tick."""
    return int(model.book.counts[:, ACTIVE].sum())


def events(model: Counted) -> int:
    """Events of the tick, decisions not counted."""
    return int(model.book.counts[:, : len(KINDS)].sum() - model.book.counts[:, DECISION].sum())


def decisions(model: Counted) -> int:
    """Decisions of the tick."""
    return int(model.book.counts[:, DECISION].sum())


def help_offered(model: Counted) -> int:
    """Offers of help in the tick, of any rung."""
    return int(model.book.counts[:, OFFERED + HINT : OFFERED + HUMAN + 1].sum())


def messages(model: Counted) -> int:
    """Pushes and e-mails of the tick."""
    return int(model.book.counts[:, MESSAGES + PUSH : ACTIVE].sum())


SERIES: dict[str, Callable[[Counted], float]] = {
    reporter.__name__: reporter
    for reporter in (hours, completion, lapsed, progress, active, events, decisions, help_offered, messages)
}


def completion_of(persona: int, model: Counted) -> float:
    """Share of the users of a persona who have completed the journey; not a number where there are none."""
    users = int(model.book.users[persona])
    return float(model.book.endings[persona, COMPLETED]) / users if users else float("nan")


def column_of(persona: str) -> str:
    """Name of the series of a persona's completion."""
    return f"completion_{persona}"


def make_collector(personas: Sequence[str]) -> DataCollector:
    """A collector with TABLES, and as model variables, which `mesa.batch_run` returns, SERIES and each persona's."""
    each = {column_of(persona): partial(completion_of, p) for p, persona in enumerate(personas)}
    return DataCollector(
        model_reporters={**SERIES, **each}, tables={name: list(columns) for name, columns in TABLES.items()}
    )


def collect(model: Counted, collector: DataCollector) -> None:
    """Add the tick that has just ended."""
    collector.collect(model)
    for name, rows in (("personas", persona_rows), ("funnel", funnel_rows), ("help", help_rows)):
        for row in rows(model):
            collector.add_table_row(name, row)


def persona_rows(model: Counted) -> Iterator[dict[str, Any]]:
    """A row per persona."""
    book, at = model.book, {"tick": model.steps, "hours": model.hours}
    required = [s for s, step in enumerate(model.plan.steps) if step["required"]]
    for p, persona in enumerate(model.personas):
        counts, endings = book.counts[p].tolist(), book.endings[p].tolist()
        yield at | {
            "persona": persona,
            "users": int(book.users[p]),
            "active": counts[ACTIVE],
            "events": sum(counts[: len(KINDS)]) - counts[DECISION],
            "decisions": counts[DECISION],
            "progress": float(book.finished[p, required].sum() / max(1, book.users[p]) / len(required)),
            "completed": endings[COMPLETED],
            "lapsed": endings[LAPSED],
            "out_of_time": endings[OUT_OF_TIME],
        }


def funnel_rows(model: Counted) -> Iterator[dict[str, Any]]:
    """A row per persona and step."""
    at, names = {"tick": model.steps, "hours": model.hours}, model.journey.step_names()
    for persona, finished in zip(model.personas, model.book.finished.tolist(), strict=True):
        for step, done in zip(names, finished, strict=True):
            yield at | {"persona": persona, "step": step, "done": done}


def help_rows(model: Counted) -> Iterator[dict[str, Any]]:
    """A row per persona and rung."""
    at = {"tick": model.steps, "hours": model.hours}
    for persona, counts in zip(model.personas, model.book.counts.tolist(), strict=True):
        for rung in range(HINT, HUMAN + 1):
            yield at | {
                "persona": persona,
                "rung": RUNGS[rung],
                "offered": counts[OFFERED + rung],
                "accepted": counts[ACCEPTED + rung],
            }
