"""`handrail logs export`: the events and decisions of a store as Parquet files, for pandas and DuckDB."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from serving.stores.opening import open_store
from serving.stores.store import StoreError

MS = 1_000


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where the store or the folder is wrong)."""
    options = parser().parse_args(arguments)
    if find_spec("pyarrow") is None:
        print("handrail logs: pyarrow is not installed. Mend: pip install '.[parquet]'", file=sys.stderr)
        return 2
    from serving.upkeep.parquet_export import ExportError, Filter, Progress, export  # noqa: PLC0415  (needs pyarrow)

    console = Console(stderr=True)
    try:
        store = open_store(options.store)
        try:
            with console.status("exporting") as status:

                def tell(progress: Progress) -> None:
                    status.update(f"exported {progress.events:,} events, {progress.decisions:,} decisions")

                done = export(store, options.out, Filter(options.journey, options.since), tell)
        finally:
            store.close()
    except (ExportError, StoreError, OSError) as error:
        print(f"handrail logs: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {done.events} events and {done.decisions} decisions in {done.parts} parts")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail logs", description=__doc__)
    uses = command.add_subparsers(required=True, metavar="export")
    export = uses.add_parser("export", help="write what is new since the last export")
    export.add_argument("--store", required=True, metavar="URL", help="sqlite:PATH, redis://… or postgresql://…")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder, or that of an export")
    export.add_argument("--journey", help="events of this journey only")
    export.add_argument(
        "--since", type=moment, metavar="TIME", help="events of this time and later: 2026-11-22[T10:00]"
    )
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
