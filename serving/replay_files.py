"""The files of a replay: refused before any is opened where one would destroy another, or where one cannot be used."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path


class ReplayError(ValueError):
    """A replay that cannot be done: why, and how to mend it."""


def check_log(path: Path) -> None:
    """Raises `ReplayError` where `path` is no log that can be read twice, once for its mode and once for its events."""
    if path.is_file():
        return
    if str(path) == "-" or (path.exists() and not path.is_dir()):
        raise ReplayError(f"{path}: a log is a regular file, as it is read twice. Mend: save the stream to a file")
    raise ReplayError(f"{path}: no such file. Mend: give a log of events as JSON Lines")


def check_apart(log: Path, state: Path | None, out: Path | None, letters: Path | None) -> None:
    """Raises `ReplayError` where two of a replay's files are one: writing the one would destroy the other."""
    named = {"LOG": log, "--state": state, "--out": out, "--dead-letters": letters}
    given = [(name, path) for name, path in named.items() if path is not None]
    for (one, first), (two, second) in combinations(given, 2):
        if is_same_file(first, second):
            raise ReplayError(f"{second}: {one} and {two} are one file. Mend: give {two} another path")


def is_same_file(one: Path, two: Path) -> bool:
    """Whether two paths lead to one regular file, or would once it is written."""
    if one.resolve() == two.resolve():
        return not is_device(one)
    return one.is_file() and two.is_file() and one.samefile(two)


def is_device(path: Path) -> bool:
    """Whether `path` is there and neither a file nor a folder: /dev/null, a terminal, a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()
