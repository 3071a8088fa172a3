"""Events from JSON Lines files that may grow: each file is one partition, a position is a place in it.

A position carries a check of what stands before it: a file that was replaced or shortened is refused, as nobody
could say what of it was read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO
from zlib import crc32

import msgspec

from serving.stores.store import Ack
from serving.streams.partitions import partition_of
from serving.streams.settings import StreamSettings
from serving.streams.stream import Message, Outgoing, Partition, StreamDown, StreamError

SUFFIX = ".jsonl"  # of the files that count in a folder
LONGEST_LINE = 4 << 20  # bytes of a line that are kept: what is longer is no event, nor an array of them
MOST_BYTES = 8 << 20  # that one reading takes, unless its first line alone is longer: bounds the memory
CHUNK = 1 << 16  # bytes read at once
CHECKED = 256  # bytes before a position that have to be the same when it is opened
PAUSE = 0.02  # seconds between two looks at a file that does not grow


class Place(msgspec.Struct, frozen=True):
    """A place in a file: its offset in bytes, and the CRC-32 of up to `CHECKED` bytes before it."""

    offset: int
    before: int


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What the system reports, in words that say what to do."""
    try:
        yield
    except OSError as error:
        raise StreamDown(f"{path}: {error.strerror}. Mend: check the path and its rights") from None


def place_at(file: BinaryIO, offset: int) -> Place:
    """The place at `offset` of an open file."""
    start = max(0, offset - CHECKED)
    return Place(offset, crc32(os.pread(file.fileno(), offset - start, start)))


class FilePartition:
    """One file. A message is a line that has its line end; the id is the offset behind it."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self._path = name, path
        self._file: BinaryIO | None = None
        self._rest = b""  # an unfinished line, or the beginning of one that is too long
        self._offset = 0  # behind the last line that was read
        self._settled, self._counted, self._ends = 0, 0, 0  # lines end `_ends` times from `_settled` to `_counted`

    def open(self, position: bytes | None) -> None:
        """Begin behind `position`, or at the beginning. Raises `StreamError` where the file is another by now."""
        self.close()
        with told(self._path):
            self._file = self._path.open("rb")
            place = Place(0, 0) if position is None else msgspec.json.decode(position, type=Place)
            if place_at(self._file, place.offset) != place:
                mend = "Mend: files only grow; put the old one back, or give the new one another name"
                raise StreamError(f"{self._path}: was replaced or shortened since byte {place.offset} was read. {mend}")
            self._file.seek(place.offset)
        self._rest = b""
        self._offset = self._settled = self._counted = place.offset
        self._ends = 0

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Up to `limit` whole lines, waiting up to `seconds` for the first."""
        until = monotonic() + seconds
        with told(self._path):
            found = self._lines(limit)
            while not found and monotonic() < until:
                sleep(min(PAUSE, seconds))
                found = self._lines(limit)
            return found

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise StreamError(f"{self._path}: is not open. Mend: open the partition first")
        return self._file

    def _lines(self, limit: int) -> list[Message]:
        found: list[Message] = []
        file, start = self._opened(), self._offset
        while len(found) < limit and self._offset - start < MOST_BYTES:
            line = file.readline(CHUNK)
            if not line:
                break
            self._offset += len(line)
            self._rest = (self._rest + line)[:LONGEST_LINE]
            if line.endswith(b"\n"):
                body, self._rest = self._rest.rstrip(b"\r\n"), b""
                if body.strip():
                    found.append(Message(str(self._offset), body, {}))
        if not found and os.fstat(file.fileno()).st_size < self._offset:
            raise StreamError(f"{self._path}: was shortened while it was read. Mend: files only grow; use a new name")
        return found

    def position(self, messages: Sequence[Message]) -> bytes | None:
        """The place behind the last of `messages`."""
        if not messages:
            return None
        with told(self._path):
            return msgspec.json.encode(place_at(self._opened(), int(messages[-1].id)))

    def ack(self, messages: Sequence[Message]) -> Ack | None:
        """None: a position is committed."""
        return None

    def settle(self, messages: Sequence[Message]) -> None:
        """Count them as done."""
        if messages:
            self._ends -= self._line_ends(self._settled, min(int(messages[-1].id), self._counted))
            self._settled = int(messages[-1].id)
            self._counted = max(self._counted, self._settled)

    def lag(self) -> int:
        """Whole lines behind the last settled one. Only what the file grew by since the last call is looked at."""
        with told(self._path):
            size = os.fstat(self._opened().fileno()).st_size
            self._ends += self._line_ends(self._counted, size)
            self._counted = size
            return self._ends

    def _line_ends(self, start: int, stop: int) -> int:
        ends = 0
        for offset in range(start, stop, CHUNK):
            ends += os.pread(self._opened().fileno(), min(CHUNK, stop - offset), offset).count(b"\n")
        return ends

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class FileStream:
    """One JSON Lines file, or all of a folder at the moment of asking."""

    def __init__(self, settings: StreamSettings) -> None:
        self.name, self._path = settings.name, path_of(settings)

    def partitions(self) -> list[Partition]:
        """A partition per file, closed, in the order of their names."""
        with told(self._path):
            files = sorted(self._path.glob(f"*{SUFFIX}")) if self._path.is_dir() else [self._path]
        return [FilePartition(f"{self.name}:{file.name}", file) for file in files]

    def ping(self) -> None:
        """Raises `StreamDown` where the file or folder is not there."""
        with told(self._path):
            self._path.stat()

    def close(self) -> None:
        """Nothing is kept."""


class FilePublisher:
    """Appends a line per message to a file, or in a folder to `0.jsonl` and so on by the key's partition.

    They are on the disk when `send` returns. A line that a killed process wrote in part is ended before the next, and
    so stands out as malformed.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._path, self._partitions = path_of(settings), settings.partitions

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Append all. Headers have no place in a file."""
        lines: dict[Path, list[bytes]] = {}
        folder = self._path.is_dir()
        for message in messages:
            name = f"{partition_of(message.key, self._partitions)}{SUFFIX}"
            lines.setdefault(self._path / name if folder else self._path, []).append(message.body)
        for path, bodies in lines.items():
            append(path, b"".join(body + b"\n" for body in bodies))

    def close(self) -> None:
        """Nothing is kept."""


def append(path: Path, lines: bytes) -> None:
    """Append whole lines to a file, on the disk."""
    with told(path), path.open("ab+") as file:
        if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def path_of(settings: StreamSettings) -> Path:
    """The path of a `file:` url."""
    path = settings.url.removeprefix("file:")
    return Path(path.removeprefix("//") or ".")
