"""The log that a command leaves: its name tells its form, and it stands there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from experiments.settings import SettingsError

JSON_LINES, PARQUET = ".jsonl", ".parquet"
UNFINISHED = ".part"  # behind the name of a log that is still being written


def log_path(out: str | None, default: Path, forms: Sequence[str]) -> Path:
    """`out`, or `default` where it is not given. Raises `SettingsError` unless it ends in one of `forms`."""
    path = Path(out) if out else default
    if path.suffix not in forms:
        ends = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise SettingsError(f"out: {path} {ends}. Mend: a name that ends in {' or '.join(forms)}")
    return path


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` at the end, and goes where the writing fails.

    That both can be written is seen to at once, before anything is waited for. Raises `SettingsError`.
    """
    part = path.with_name(path.name + UNFINISHED)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.open("ab").close()
        part.touch()
    except OSError as error:
        raise SettingsError(f"out: {path} cannot be written: {error.strerror}. Mend: give another path") from None
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
