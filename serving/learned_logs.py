"""Which logs a bundle has learned from, as its manifest says; and how much of those at hand they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from policies.bundle_files import BundleError
from policies.manifest import Manifest, sha256
from serving.decided_log import LogError, Part

LEARNED_FROM = "learned_from"  # in a manifest's provenance: the updates that made it, the first first


class LogOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log that was learned from: its SHA-256, and how many bytes it had. It may have grown since."""

    sha256: str
    bytes: int


class Learned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One update: `version` and `digest` of the bundle before, the logs, and how many of their decisions it was."""

    version: str
    digest: str
    logs: tuple[LogOf, ...]
    decisions: int
    waiting: int


def updates_of(manifest: Manifest) -> list[Learned]:
    """All updates that made a bundle. Raises `BundleError`."""
    try:
        return msgspec.convert(manifest.provenance.get(LEARNED_FROM, []), list[Learned])
    except msgspec.ValidationError as error:
        raise BundleError(
            f"manifest.json, provenance.{LEARNED_FROM}: {error}. Mend: take the bundle as it was written"
        ) from None


def with_update(manifest: Manifest, made: Learned) -> dict[str, Any]:
    """The provenance of the bundle that an update makes."""
    return {**manifest.provenance, LEARNED_FROM: msgspec.to_builtins([*updates_of(manifest), made])}


def known_parts(updates: Sequence[Learned], contents: Mapping[Path, bytes]) -> list[Part]:
    """What of the logs at hand was learned from before: a log known as it is, or by its beginning if it has grown.

    Raises `LogError` where an update would have to be known again in part: its other logs are needed as well.
    """
    known = dict[Path, int]()
    for update in updates:
        found = {log: path for log in update.logs for path in contents if begins_with(contents[path], log)}
        if found and len(found) < len(set(update.logs)):
            raise LogError(
                f"{next(iter(found.values()))}: the bundle learned from it together with another log, which is not "
                f"given. Mend: give all logs again that it learned from at version {update.version}, or none of them"
            )
        for log, path in found.items():
            known[path] = max(log.bytes, known.get(path, 0))
    return [Part(path, contents[path][:size]) for path, size in known.items()]


def begins_with(content: bytes, log: LogOf) -> bool:
    """Whether a log is at hand, as it was or grown."""
    return len(content) >= log.bytes and sha256(content[: log.bytes]) == log.sha256


def log_of(content: bytes) -> LogOf:
    """What is remembered of a log."""
    return LogOf(sha256(content), len(content))
