"""API keys: a file of `name:sha256` lines, and whoever shows a key whose hash is there is let in by that name.

Keys are random and long, so that a plain hash is enough: there is nothing to guess at.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path

KEY_BYTES = 32  # of randomness: 256 bits
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HASH = re.compile(r"[0-9a-f]{64}")
PREFIX = "hr_"  # so that scanners for leaked secrets can find them


class KeysError(ValueError):
    """A keys file that cannot be used: where it is wrong and how to mend it."""


class Keyring:
    """The keys that are let in."""

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = [(name, bytes.fromhex(digest)) for name, digest in hashes.items()]

    def name_of(self, key: bytes) -> str | None:
        """Whose key it is; None for a strange one. Takes as long for every key."""
        shown, found = hashlib.sha256(key).digest(), None
        for name, digest in self._hashes:
            if hmac.compare_digest(shown, digest):
                found = name
        return found


def read_keys(path: Path) -> Keyring:
    """The keys of a file. Raises `KeysError`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except PermissionError:
        raise KeysError(f"{path}: {unreadable(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(f"{path}: cannot be read: {error}. Mend: make a key with `handrail keys new NAME`") from None
    hashes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, digest = line.strip().partition(":")
        if not NAME.fullmatch(name) or not HASH.fullmatch(digest):
            raise KeysError(
                f"{path}, line {number}: not name:sha256. Mend: write the line that `handrail keys new` made"
            )
        if name in hashes:
            raise KeysError(f"{path}, line {number}: {name!r} has a key already. Mend: give this one another name")
        hashes[name] = digest
    if not hashes:
        raise KeysError(f"{path}: holds no key. Mend: make one with `handrail keys new NAME --file {path}`")
    return Keyring(hashes)


def unreadable(path: Path) -> str:
    """Why this user cannot read a file, and what to do: whose it is, and its rights."""
    try:
        found = path.stat()
    except OSError:
        return f"user {os.getuid()} may not look into its folder. Mend: chmod a+x {path.parent}"
    rights = f"it belongs to user {found.st_uid}, with rights {stat.filemode(found.st_mode)}"
    return f"user {os.getuid()} may not read it: {rights}. Mend: chmod a+r {path}; it holds hashes of keys, no keys"


def new_key() -> str:
    """A key that was never there before."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def line_of(name: str, key: str) -> str:
    """The line of a keys file for a key."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"
