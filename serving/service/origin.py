"""Where settings come from, so that whatever is wrong with what they name is told with its file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from journeys.source import SourceError, read_source
from serving.stores.store import StoreError

OPTIONS = {"bundles": "--bundle", "store": "--store", "http": "--port"}  # by the section that each one fills


class Origin(NamedTuple):
    """A YAML file; None stands for the options of the command line."""

    file: Path | None

    def place(self, path: str) -> str:
        """File, line and key of a value such as `bundles[0].path`, or its option."""
        if self.file is None:
            return OPTIONS.get(path.partition(".")[0].partition("[")[0], "options")
        try:
            return f"{read_source(self.file.read_bytes(), str(self.file)).place(path)}: key {path!r}"
        except (OSError, SourceError):  # taken away or half written since it was read
            return f"{self.file}: key {path!r}"


@contextmanager
def about(path: str) -> Iterator[None]:
    """Errors raised inside are about what `path` of the settings names, unless they say so of another already."""
    try:
        yield
    except Exception as error:
        if not getattr(error, "__notes__", None):
            error.add_note(path)
        raise


def told(error: Exception, origin: Origin) -> str:
    """An error's message, with the place of the settings that it is about in front."""
    notes: list[str] = getattr(error, "__notes__", ["store"] if isinstance(error, StoreError) else [])
    return f"{origin.place(notes[0])}: {error}" if notes else str(error)
