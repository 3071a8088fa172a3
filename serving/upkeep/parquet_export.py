"""The log of a store as Parquet files, which grow with every export and are never written twice.

    OUT/events/journey=NAME/day=YYYY-MM-DD/part-NUMBER.parquet       the same under OUT/decisions
    OUT/export.json                                                  how far the export has come

One part is some ten thousand events. Its files are written beside their places, put there, and only then does
export.json say so: what an export that broke off has put there is taken away by the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from serving.stores.store import BEGINNING, Logged, Store
from serving.upkeep.identity import ExportError, identity_of
from serving.upkeep.tables import DECISIONS, EVENTS, Row, row_of, table_of

STATE, PARTIAL = "export.json", ".partial"
PART = 50_000  # events: some 30 MB of decisions in memory
PAGE = 5_000  # events read from the store at once
MS = 1_000


class Filter(NamedTuple):
    """What is exported: events of one journey (None: all), of `since` (ms) and later."""

    journey: str | None = None
    since: int | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far an export has come: `parts` are whole, `cursor` is behind their last event."""

    store: str
    journey: str | None
    since: int | None
    cursor: str = BEGINNING
    parts: int = 0
    events: int = 0
    decisions: int = 0


def export(store: Store, out: Path, chosen: Filter, told: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Add to `out` what the log holds beyond the last export; returns how far it has come by now.

    Raises `ExportError` where `out` is something else, and `StoreError`.
    """
    progress = begin(store, out, chosen)
    told(progress)
    for page_end, rows in parts(store, progress, chosen):
        if rows:
            write_part(out, progress.parts + 1, rows)
        progress = msgspec.structs.replace(
            progress,
            cursor=page_end,
            parts=progress.parts + bool(rows),
            events=progress.events + len(rows),
            decisions=progress.decisions + sum(row.decision is not None for row in rows),
        )
        save(out, progress)
        told(progress)
    return progress


def begin(store: Store, out: Path, chosen: Filter) -> Progress:
    """How far `out` has come, with what an export left unfinished taken away."""
    identity = identity_of(store)
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out}: is a file. Mend: give the path of a folder")
    if not (out / STATE).exists():
        if out.exists() and any(path.name != PARTIAL for path in out.iterdir()):
            raise ExportError(f"{out}: holds other files. Mend: give a new folder, or that of an earlier export")
        out.mkdir(parents=True, exist_ok=True)
        save(out, Progress(identity, *chosen))
    try:
        progress = msgspec.json.decode((out / STATE).read_bytes(), type=Progress)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{out / STATE}: cannot be read: {error}. Mend: export into a new folder") from None
    if progress.store != identity:
        raise ExportError(f"{out}: holds the export of another store. Mend: export into a new folder")
    if (progress.journey, progress.since) != chosen:
        raise ExportError(f"{out}: was begun with another --journey or --since. Mend: give the same, or a new folder")
    shutil.rmtree(out / PARTIAL, ignore_errors=True)
    for path in out.glob("*/*/*/part-*.parquet"):
        if int(path.stem.removeprefix("part-")) > progress.parts:
            path.unlink()
    return progress


def parts(store: Store, progress: Progress, chosen: Filter) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each part that is to be written, and the cursor behind it. The last part may be empty."""
    cursor, rows, number = progress.cursor, list[Row](), progress.events
    while page := store.read_log(cursor, PAGE):
        cursor = page[-1].cursor
        for logged in page:
            row = chosen_row(logged, number + 1, chosen)
            if row is not None:
                number += 1
                rows.append(row)
        if len(rows) >= PART:
            yield cursor, rows
            rows = []
        if len(page) < PAGE:
            break
    if cursor != progress.cursor:
        yield cursor, rows


def chosen_row(logged: Logged, number: int, chosen: Filter) -> Row | None:
    """The row of an event, if it is to be exported."""
    if chosen.journey is not None and logged.journey != chosen.journey:
        return None
    row = row_of(logged, number)
    return row if chosen.since is None or row.time >= chosen.since else None


def write_part(out: Path, number: int, rows: list[Row]) -> None:
    """Write the files of one part beside their places, then put them there."""
    waiting = out / PARTIAL
    groups: dict[Path, tuple[pa.Schema, list[Mapping[str, Any]]]] = {}
    for row in rows:
        folder = Path(f"journey={quote(row.journey, safe='')}") / f"day={day_of(row.time)}"
        groups.setdefault(Path("events") / folder, (EVENTS, []))[1].append(row.event)
        if row.decision is not None:
            groups.setdefault(Path("decisions") / folder, (DECISIONS, []))[1].append(row.decision)
    try:
        for folder, (schema, mine) in groups.items():
            (waiting / folder).mkdir(parents=True, exist_ok=True)
            pq.write_table(table_of(mine, schema), waiting / folder / name_of(number), compression="zstd")
        for folder in groups:
            (out / folder).mkdir(parents=True, exist_ok=True)
            (waiting / folder / name_of(number)).replace(out / folder / name_of(number))
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def name_of(number: int) -> str:
    """File name of a part."""
    return f"part-{number:08d}.parquet"


def day_of(time: int) -> str:
    """The day (UTC) of a time in ms."""
    return datetime.fromtimestamp(time // MS, UTC).date().isoformat()


def save(out: Path, progress: Progress) -> None:
    """Put export.json in the place of the one before."""
    beside = out / (STATE + PARTIAL)
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(progress)))
    beside.replace(out / STATE)
