"""The log of a store as one file of JSON Lines that grows: events, each with its decision record behind it.

`handrail update` learns from such a file, `handrail replay` replays it. Beside it `FILE.export.json` says how far it
has come: what an export that broke off has written is cut off by the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from serving.stores.store import BEGINNING, Logged, Store
from serving.upkeep.identity import ExportError, identity_of

PAGE = 5_000  # events read from the store at once
STATE = ".export.json"


class Written(msgspec.Struct, frozen=True):
    """How far a file has come: `cursor` is behind the last event in its first `bytes` bytes."""

    store: str
    journey: str | None
    cursor: str = BEGINNING
    bytes: int = 0
    events: int = 0
    decisions: int = 0


def export_lines(
    store: Store, out: Path, journey: str | None, told: Callable[[Written], None] = lambda _: None
) -> Written:
    """Add to `out` what the log holds beyond the last export; returns how far it has come by now.

    Raises `ExportError` where `out` is something else, and `StoreError`.
    """
    written = begun(store, out, journey)
    out.parent.mkdir(parents=True, exist_ok=True)
    save(out, written)
    with out.open("ab") as file:
        file.truncate(written.bytes)
        while page := store.read_log(written.cursor, PAGE):
            mine = [logged for logged in page if journey is None or logged.journey == journey]
            for logged in mine:
                file.write(lines_of(logged))
            file.flush()
            os.fsync(file.fileno())
            written = msgspec.structs.replace(
                written,
                cursor=page[-1].cursor,
                bytes=file.tell(),
                events=written.events + len(mine),
                decisions=written.decisions + sum(logged.decision is not None for logged in mine),
            )
            save(out, written)
            told(written)
    return written


def lines_of(logged: Logged) -> bytes:
    """The line of an event, and of the decision that answered it."""
    return logged.event + b"\n" + (b"" if logged.decision is None else logged.decision + b"\n")


def begun(store: Store, out: Path, journey: str | None) -> Written:
    """How far `out` has come. Raises `ExportError`."""
    identity, state = identity_of(store), state_of(out)
    if not state.exists():
        if out.exists():
            raise ExportError(f"{out}: is not the file of an export. Mend: give a new path")
        return Written(identity, journey)
    try:
        written = msgspec.json.decode(state.read_bytes(), type=Written)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{state}: cannot be read: {error}. Mend: export to a new path") from None
    if written.store != identity:
        raise ExportError(f"{out}: holds the export of another store. Mend: export to a new path")
    if written.journey != journey:
        raise ExportError(f"{out}: was begun with another --journey. Mend: give the same, or a new path")
    if written.bytes and (not out.exists() or out.stat().st_size < written.bytes):
        raise ExportError(f"{out}: is shorter than it was left. Mend: remove {state.name}, and export to a new path")
    return written


def state_of(out: Path) -> Path:
    """Where it is said how far a file has come."""
    return out.with_name(out.name + STATE)


def save(out: Path, written: Written) -> None:
    """Put the state in the place of the one before."""
    state = state_of(out)
    beside = state.with_name(state.name + ".partial")
    beside.write_bytes(msgspec.json.encode(written))
    beside.replace(state)
