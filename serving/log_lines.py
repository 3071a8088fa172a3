"""The lines of an event log on disk, numbered and none read beyond a limit; and whether a log holds decisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from journeys.events import EventCodec, EventError, parse_event

MARK_OF_DECISION = b'"decision"'


def lines_of(log: BinaryIO, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank, without their ends. Of a line beyond `most_bytes` only the beginning."""
    limit = most_bytes + len(b"\r\n")
    number = 0
    while line := log.readline(limit):
        number += 1
        text = line if cut(line, limit) else line.rstrip(b"\r\n")
        while cut(line, limit):
            line = log.readline(limit)
        if text.strip():
            yield number, text


def cut(line: bytes, limit: int) -> bool:
    """Whether reading stopped at the limit, before the line's end."""
    return len(line) == limit and not line.endswith(b"\n")


def holds_decisions(path: Path, most_bytes: int) -> bool:
    """Whether the log holds a decision event."""
    with path.open("rb") as log:
        return any(is_decision(line) for _, line in lines_of(log, most_bytes) if MARK_OF_DECISION in line)


def holds_events(path: Path, codec: EventCodec, most_bytes: int) -> bool:
    """Whether the log holds an event that `codec` can read."""
    with path.open("rb") as log:
        return any(is_readable(line, codec) for _, line in lines_of(log, most_bytes) if len(line) <= most_bytes)


def is_readable(line: bytes, codec: EventCodec) -> bool:
    """Whether a line is an event of the codec's journey."""
    try:
        codec.fields(parse_event(line))
    except EventError:
        return False
    return True


def is_decision(line: bytes) -> bool:
    """Whether a line is a decision event."""
    try:
        return parse_event(line).kind == "decision"
    except EventError:
        return False
