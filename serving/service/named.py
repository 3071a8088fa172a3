"""What the settings name beside bundles, looked at without opening anything that serves or connecting to anything."""

from __future__ import annotations

from pathlib import Path

from serving.http.keys import read_keys
from serving.service.origin import about
from serving.service.settings import Settings
from serving.stores.opening import check_place
from serving.streams.file_stream import path_of
from serving.streams.opening import FILES, Kind, kind_of, loaded
from serving.streams.settings import StreamSettings
from serving.streams.stream import StreamError


def check_named(settings: Settings) -> None:
    """Raises what is wrong with the first thing that is, with a note of the key that names it."""
    if settings.http.keys is not None:
        with about("http.keys"):
            read_keys(Path(settings.http.keys))
    with about("store"):
        check_place(settings.store)
    for i, source in enumerate(settings.streams):
        with about(f"streams[{i}].url"):
            kind = installed(source)
            if kind is FILES:
                check_readable(source)
    for i, way in enumerate(settings.decisions):
        with about(f"decisions[{i}]"):
            if way.webhook is not None:
                way.webhook.check()
            if way.stream is not None and installed(way.stream) is FILES:
                check_folder(way.stream)


def installed(stream: StreamSettings) -> Kind:
    """The kind of a stream, whose client can be loaded. Raises `StreamError`."""
    kind = kind_of(stream)
    loaded(kind, kind.stream)
    return kind


def check_readable(stream: StreamSettings) -> None:
    """The file or folder to read is there. Raises `StreamError`."""
    path = path_of(stream)
    if not path.exists():
        raise StreamError(f"{path}: is not there. Mend: correct the path, or make the file or folder")


def check_folder(stream: StreamSettings) -> None:
    """The file to write has a folder to lie in. Raises `StreamError`."""
    path = path_of(stream)
    if not path.parent.is_dir():
        raise StreamError(f"{path.parent}: is no folder. Mend: correct the path, or make the folder")
