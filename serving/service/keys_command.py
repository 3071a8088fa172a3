"""`handrail keys new NAME`: make an API key, show it once, and add its hash to the keys file."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from pathlib import Path

from serving.http.keys import NAME, KeysError, line_of, new_key, read_keys

RIGHTS = 0o644  # hashes of 256 random bits, from which no key can be guessed


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where the name or the file is wrong)."""
    command = argparse.ArgumentParser(prog="handrail keys", description=__doc__)
    command.add_argument("what", choices=("new",))
    command.add_argument("name", metavar="NAME", help="whose key it is: it is named in logs")
    command.add_argument("--file", type=Path, default=Path("keys.txt"), help="the keys file (default keys.txt)")
    options = command.parse_args(arguments)
    try:
        key = add_key(options.file, options.name)
    except (KeysError, OSError) as error:
        print(f"handrail keys: {error}", file=sys.stderr)
        return 2
    print(f"{options.file}: added {options.name}. The key, shown this once:", file=sys.stderr)
    print(key)
    return 0


def add_key(file: Path, name: str) -> str:
    """A new key, whose hash is added to `file`. Raises `KeysError` where the name is wrong or taken, or `OSError`."""
    if not NAME.fullmatch(name):
        raise KeysError(f"{name!r} is no name. Mend: use letters, digits, '.', '_' and '-', at most 64")
    key = new_key()
    before = file.read_text("utf-8") if file.exists() else ""
    if any(line.partition(":")[0] == name for line in before.splitlines()):
        raise KeysError(f"{file}: {name!r} has a key. Mend: use another name, or remove that line to end the key")
    part = file.with_name(file.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as out:
            out.write(before + ("" if not before or before.endswith("\n") else "\n") + line_of(name, key) + "\n")
            give_rights(out.fileno(), file)
        read_keys(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return key


def give_rights(descriptor: int, file: Path) -> None:
    """The owner and rights that `file` has; where it is new, all may read it, whatever the caller's umask is.

    The service runs as another user than who makes keys. Raises `PermissionError` where the owner cannot be kept.
    """
    if not file.exists():
        os.fchmod(descriptor, RIGHTS)
        return
    found, mine = file.stat(), os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (mine.st_uid, mine.st_gid):
        os.fchown(descriptor, found.st_uid, found.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


if __name__ == "__main__":
    sys.exit(main())
