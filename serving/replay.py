"""`handrail replay`: fold a log of events through the runtime and write one decision record per decision moment."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, get_args

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from journeys.events import LARGEST_EVENT
from policies.bundle import load_bundle
from policies.bundle_files import BundleError
from serving.answer import DeadLetter
from serving.decision import Mode
from serving.decision import encoder as decision_encoder
from serving.log_lines import holds_decisions, lines_of
from serving.memory_store import MemoryStore
from serving.replay_files import ReplayError, check_apart, check_log
from serving.replay_summary import Tally, summary
from serving.runtime import Runtime
from serving.sqlite_store import SqliteStore
from serving.store import Store, StoreError

BATCH = 100  # events per commit: throughput hardly grows beyond it, and each event waits for its batch
INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where the log, the bundle or a path is wrong)."""
    options = parser().parse_args(arguments)
    tally = Tally()
    try:
        replay(options, tally)
    except (ReplayError, BundleError, StoreError, OSError) as error:
        print(f"handrail replay: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = "the same command goes on from here" if options.state else "nothing was kept, as no --state was given"
        print(f"handrail replay: interrupted after {tally.events} events; {again}", file=sys.stderr)
        return INTERRUPTED
    Console().print(summary(tally, options.batch))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail replay", description=__doc__)
    command.add_argument("log", type=Path, metavar="LOG", help="events as JSON Lines, each user's in order of time")
    command.add_argument("--bundle", type=Path, required=True, help="the bundle that decides (folder or zip)")
    command.add_argument("--out", type=Path, help="write decision records here, as JSON Lines")
    command.add_argument("--state", type=Path, help="keep states in this SQLite file; a replay goes on where it ended")
    command.add_argument("--mode", choices=("auto", *get_args(Mode)), default="auto", help="see docs/serving.md")
    command.add_argument("--dead-letters", type=Path, help="write refused lines and why here, as JSON Lines")
    command.add_argument("--batch", type=positive, default=BATCH, help=f"events per commit (default {BATCH})")
    command.add_argument("--observations", action="store_true", help="put observations into the decision records")
    return command


def positive(text: str) -> int:
    """A whole number above 0."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def replay(options: argparse.Namespace, tally: Tally) -> None:
    """Replay the log. Raises `ReplayError`, `BundleError`, `StoreError` or `OSError`."""
    check_log(options.log)
    check_apart(options.log, options.state, options.out, options.dead_letters)
    bundle = load_bundle(options.bundle)
    with ExitStack() as stack:
        store: Store = SqliteStore(options.state) if options.state else MemoryStore()
        stack.callback(store.close)
        letters = stack.enter_context(options.dead_letters.open("wb")) if options.dead_letters else None
        out = stack.enter_context(options.out.open("wb")) if options.out else None

        def refused(letter: DeadLetter) -> None:
            tally.refuse(letter)
            if letters is not None:
                letters.write(msgspec.json.encode(letter) + b"\n")

        mode = mode_of(options, store, bundle.journey.name)
        runtime = Runtime(bundle, store, mode, refused, keep_observations=options.observations)
        tally.begin(bundle.manifest, mode)
        for lines in in_batches(options.log, options.batch):
            answer(runtime, lines, tally, out)
    if not tally.events:
        why = f"; the first: {tally.letters[0].detail}" if tally.letters else ""
        raise ReplayError(f"{options.log}: no event could be read{why}. Mend: give a log of events as JSON Lines")


def mode_of(options: argparse.Namespace, store: Store, journey: str) -> Mode:
    """The mode asked for; `auto` goes on as the store was begun, and else follows the log."""
    begun = store.recall(f"mode/{journey}")
    if options.mode != "auto":
        return options.mode
    if begun is not None:
        return "live" if begun == b"live" else "shadow"
    return "shadow" if holds_decisions(options.log, LARGEST_EVENT) else "live"


def answer(runtime: Runtime, lines: Sequence[tuple[int, bytes]], tally: Tally, out: BinaryIO | None) -> None:
    """Send one batch through the runtime and write its decisions."""
    started = time.perf_counter()
    answers = runtime.process_lines(lines)
    tally.count(answers, time.perf_counter() - started)
    if out is not None:
        out.writelines(decision_encoder.encode(a.decision) + b"\n" for a in answers if a.decision is not None)


def in_batches(path: Path, size: int) -> Iterator[list[tuple[int, bytes]]]:
    """The log's lines in batches, with a bar on the terminal that shows the time left."""
    columns = TextColumn("replaying"), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    console = Console(stderr=True)
    with path.open("rb") as log, Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("replay", total=path.stat().st_size)
        batch: list[tuple[int, bytes]] = []
        for line in lines_of(log, LARGEST_EVENT):
            batch.append(line)
            if len(batch) == size:
                yield batch
                batch = []
                progress.update(task, completed=log.tell())
        if batch:
            yield batch
        progress.update(task, completed=log.tell())


if __name__ == "__main__":
    sys.exit(main())
