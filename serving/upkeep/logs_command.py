"""`handrail logs`: the events and decisions of a store as Parquet files, for pandas and DuckDB, or as JSON Lines."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.status import Status

from serving.stores.opening import open_store
from serving.stores.store import Store, StoreError
from serving.upkeep.identity import ExportError
from serving.upkeep.lines_export import Written, export_lines

MS = 1_000


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where the store or the path is wrong)."""
    options = parser().parse_args(arguments)
    try:
        store = open_store(options.store, must_exist=True)
        try:
            with Console(stderr=True).status("exporting") as status:
                print(options.write(store, options, status))
        finally:
            store.close()
    except (ExportError, StoreError, OSError) as error:
        print(f"handrail logs: {error}", file=sys.stderr)
        return 2
    return 0


def write_parquet(store: Store, options: argparse.Namespace, status: Status) -> str:
    """Export as Parquet files; returns what to say of it."""
    if find_spec("pyarrow") is None:
        raise ExportError("pyarrow is not installed. Mend: pip install '.[parquet]'")
    from serving.upkeep.parquet_export import Filter, Progress, export  # noqa: PLC0415  (needs pyarrow)

    def tell(progress: Progress) -> None:
        status.update(f"exported {progress.events:,} events, {progress.decisions:,} decisions")

    done = export(store, options.out, Filter(options.journey, options.since), tell)
    return f"{options.out}: {done.events} events and {done.decisions} decisions in {done.parts} parts"


def write_lines(store: Store, options: argparse.Namespace, status: Status) -> str:
    """Export as JSON Lines; returns what to say of it."""

    def tell(written: Written) -> None:
        status.update(f"exported {written.events:,} events, {written.decisions:,} decisions")

    done = export_lines(store, options.out, options.journey, tell)
    return f"{options.out}: {done.events} events and {done.decisions} decisions"


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail logs", description=__doc__)
    uses = command.add_subparsers(required=True, metavar="export|lines")
    export = uses.add_parser("export", help="write Parquet files: what is new since the last export")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder, or that of an export")
    export.add_argument(
        "--since", type=moment, metavar="TIME", help="events of this time and later: 2026-11-22[T10:00]"
    )
    export.set_defaults(write=write_parquet)
    lines = uses.add_parser("lines", help="write JSON Lines for `handrail update`: what is new since the last export")
    lines.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file, or that of an export")
    lines.set_defaults(write=write_lines)
    for use in (export, lines):
        use.add_argument("--store", required=True, metavar="URL", help="sqlite:PATH, redis://… or postgresql://…")
        use.add_argument("--journey", help="events of this journey only")
    return command


def moment(text: str) -> int:
    """A time in ms; without a zone it is UTC."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time. Mend: write 2026-11-22 or 2026-11-22T10:00") from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * MS)


if __name__ == "__main__":
    sys.exit(main())
