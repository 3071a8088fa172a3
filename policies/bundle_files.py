"""The files of a bundle, as a folder or as one zip: read whole and with limits, written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

MOST_FILES = 16  # a bundle has five
MOST_BYTES = 256 * 2**20  # of all files together, unpacked
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can write: the same bundle gives the same zip


class BundleError(ValueError):
    """A bundle that cannot be used: what is wrong with it and how to mend it."""


def read_files(path: Path) -> dict[str, bytes]:
    """Content of every file of the bundle at `path`. Raises `BundleError`."""
    try:
        if path.is_dir():
            return read_folder(path)
        if path.is_file():
            return read_zip(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error}. Mend: check the path and its permissions") from None
    raise BundleError(f"{path}: no such bundle. Mend: give the folder or zip that 'handrail export' wrote")


def read_folder(path: Path) -> dict[str, bytes]:
    """Content of the files in a folder."""
    entries = sorted(path.iterdir())
    for entry in entries:
        if entry.is_symlink() or not entry.is_file():
            raise BundleError(f"{path}: {entry.name!r} is not a plain file. Mend: give the bundle itself, it is flat")
    check_size(path, {entry.name: entry.stat().st_size for entry in entries})
    return {entry.name: entry.read_bytes() for entry in entries}


def read_zip(path: Path) -> dict[str, bytes]:
    """Content of the files in a zip. Nothing is unpacked to disk, and no name may lead out of the bundle."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            for name in names:
                if "/" in name or "\\" in name or name in {"", ".", ".."} or names.count(name) > 1:
                    raise BundleError(f"{path}: the zip has an entry {name!r}. Mend: a bundle is flat, export it again")
            check_size(path, {member.filename: member.file_size for member in members})
            return {member.filename: archive.read(member) for member in members}
    except BundleError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise BundleError(f"{path}: not a readable zip: {error}. Mend: copy or export the bundle again") from None


def check_size(path: Path, sizes: Mapping[str, int]) -> None:
    """Limits that no bundle of ours comes near; they keep a wrong or hostile file from filling the memory."""
    if len(sizes) > MOST_FILES or sum(sizes.values()) > MOST_BYTES:
        raise BundleError(
            f"{path}: {len(sizes)} files of {sum(sizes.values())} bytes, at most {MOST_FILES} files of "
            f"{MOST_BYTES} bytes are read. Mend: this is not a bundle, export it again"
        )


def write_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder, or a zip where `path` ends in .zip, beside its place and then rename it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        if path.suffix == ".zip":
            write_zip(work / path.name, files)
            os.replace(work / path.name, path)
        else:
            inner = work / path.name
            inner.mkdir()
            for name, content in files.items():
                (inner / name).write_bytes(content)
            os.rename(inner, path)
    finally:
        shutil.rmtree(work)


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """A zip without times: equal files give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), files[name], zipfile.ZIP_DEFLATED)
