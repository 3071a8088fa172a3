"""The files of a replay: refused before any is opened where one would destroy another, or where one cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"  # ends the name of a file that is still being written, or was left when a replay broke off
DEVICES = Path("/dev")


class ReplayError(ValueError):
    """A replay that cannot be done: why, and how to mend it."""


def check_log(path: Path) -> None:
    """Raises `ReplayError` where `path` is no log that can be read twice, once for its mode and once for its events."""
    if path.is_file():
        return
    if str(path) == "-" or (path.exists() and not path.is_dir()):
        raise ReplayError(f"{path}: a log is a regular file, as it is read twice. Mend: save the stream to a file")
    raise ReplayError(f"{path}: no such file. Mend: give a log of events as JSON Lines")


def check_apart(named: Mapping[str, Path | None]) -> None:
    """Raises `ReplayError` where two of a replay's files are one: writing the one would destroy the other.

    `named` are the paths by the arguments that gave them.
    """
    given = [(name, path) for name, path in named.items() if path is not None]
    for (one, first), (two, second) in combinations(given, 2):
        if is_same_file(first, second):
            raise ReplayError(f"{second}: {one} and {two} are one file. Mend: give them different paths")


def check_writable(name: str, path: Path | None) -> None:
    """Raises `ReplayError` where the file that argument `name` gave cannot be written."""
    if path is None or is_device(path):
        return
    folder = path.resolve().parent
    if path.is_dir():
        raise ReplayError(f"{name} {path}: is a folder. Mend: give the path of a file")
    if not folder.is_dir():
        raise ReplayError(f"{name} {path}: there is no folder {folder}. Mend: make it first, or give another path")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise ReplayError(f"{name} {path}: cannot be written. Mend: check the rights, or give another path")


@contextmanager
def written_whole(path: Path | None) -> Iterator[BinaryIO | None]:
    """A file to write that takes the place of `path` in the end; None for None.

    Until then it is `path` with `.partial` behind its name. Where writing broke off it stays so, if it holds anything.
    """
    if path is None:
        yield None
        return
    if is_device(path) or DEVICES in path.absolute().parents:  # nothing to replace: /dev/null, a terminal, a pipe
        with path.open("wb") as stream:
            yield stream
        return
    partial = partial_of(path)
    try:
        with partial.open("wb") as file:
            yield file
    except BaseException:
        if partial.exists() and not partial.stat().st_size:
            partial.unlink()
        raise
    partial.replace(path.resolve())


def partial_of(path: Path) -> Path:
    """Where what belongs to `path` is written until it is whole."""
    whole = path.resolve()
    return whole.with_name(whole.name + PARTIAL)


def is_same_file(one: Path, two: Path) -> bool:
    """Whether two paths lead to one regular file, or would once it is written."""
    if one.resolve() == two.resolve():
        return not is_device(one)
    return one.is_file() and two.is_file() and one.samefile(two)


def is_device(path: Path) -> bool:
    """Whether `path` is there and neither a file nor a folder: /dev/null, a terminal, a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()
