"""`handrail replay`: fold a log of events through the runtime and write one decision record per decision moment."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO, get_args

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from journeys.events import LARGEST_EVENT, EventCodec
from journeys.loading import JourneyError, load_journey
from policies.bundle import load_bundle
from policies.bundle_files import BundleError
from serving.answer import DeadLetter
from serving.decision import Mode
from serving.decision import encoder as decision_encoder
from serving.log_lines import holds_decisions, holds_events, lines_of
from serving.replay_files import PARTIAL, ReplayError, check_apart, check_log, check_writable, partial_of, written_whole
from serving.replay_summary import Tally, summary
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import Store, StoreError

BATCH = 100  # events per commit: throughput hardly grows beyond it, and each event waits for its batch
PATIENCE_SECONDS = 2.0  # what loads compiled code is ready before; what compiles it takes some 20 s
COMPILING = "compiling, the first time only; this takes about half a minute"
INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (2 where the log, the bundle or a path is wrong)."""
    options = parser().parse_args(arguments)
    tally = Tally()
    try:
        replay(options, tally)
    except (ReplayError, JourneyError, BundleError, StoreError, OSError) as error:
        print(f"handrail replay: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = "the same command goes on from here" if options.state else "no state was kept, as no --state was given"
        partials = [partial_of(path) for path in (options.out, options.dead_letters) if path is not None]
        left = [str(path) for path in partials if path.exists()]
        again += f"; what was written until now is in {' and '.join(left)}" if left else ""
        print(f"handrail replay: interrupted after {tally.events} events; {again}", file=sys.stderr)
        return INTERRUPTED
    Console().print(summary(tally, options.batch))
    written = {"decisions": options.out, "dead letters": options.dead_letters, "state": options.state}
    for what, path in written.items():
        if path is not None:
            print(f"{what}: {path}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="handrail replay", description=__doc__)
    command.add_argument("log", type=Path, metavar="LOG", help="events as JSON Lines, each user's in order of time")
    command.add_argument("--bundle", type=Path, required=True, help="the bundle that decides (folder or zip)")
    command.add_argument("--journey", type=named, help="a journey's file or name, for a bundle that serves any journey")
    command.add_argument("--out", type=named, help="write decision records here, as JSON Lines")
    command.add_argument("--state", type=named, help="keep states in this SQLite file; a replay goes on where it ended")
    command.add_argument("--mode", choices=("auto", *get_args(Mode)), default="auto", help="see docs/serving.md")
    command.add_argument("--dead-letters", type=named, help="write refused lines and why here, as JSON Lines")
    command.add_argument("--batch", type=positive, default=BATCH, help=f"events per commit (default {BATCH})")
    command.add_argument("--observations", action="store_true", help="put observations into the decision records")
    return command


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of events. Mend: give a whole number above 0")
    return int(text)


def named(text: str) -> Path:
    """A path that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty. Mend: give the path of a file, or leave the option out")
    return Path(text)


def replay(options: argparse.Namespace, tally: Tally) -> None:
    """Replay the log. Raises `ReplayError`, `JourneyError`, `BundleError`, `StoreError` or `OSError`."""
    check_files(options)
    with ExitStack() as stack:
        runtime, mode = runtime_of(options, stack)
        out = stack.enter_context(written_whole(options.out))
        letters = stack.enter_context(written_whole(options.dead_letters))
        runtime.refused = partial(refuse, tally, letters)
        tally.begin(runtime.bundle.manifest, runtime.journey.name, mode)
        for lines in in_batches(options.log, options.batch):
            answer(runtime, lines, tally, out)
        if not tally.events:
            why = f"; the first: {tally.letters[0].detail}" if tally.letters else ""
            raise ReplayError(f"{options.log}: no event could be read{why}. Mend: give a log of events as JSON Lines")


def check_files(options: argparse.Namespace) -> None:
    """Raises `ReplayError` where a path is wrong; nothing is opened or written before this."""
    check_log(options.log)
    outputs = {"--out": options.out, "--dead-letters": options.dead_letters}
    partials = {f"the {PARTIAL} file of {name}": partial_of(path) for name, path in outputs.items() if path}
    given = {"LOG": options.log, "--bundle": options.bundle, "--journey": options.journey}
    check_apart({**given, "--state": options.state, **outputs, **partials})
    for name, path in outputs.items():
        check_writable(name, path)


def runtime_of(options: argparse.Namespace, stack: ExitStack) -> tuple[Runtime, Mode]:
    """The runtime on its store, which `stack` will close. A log without an event leaves no state file behind."""
    waiting = threading.Timer(PATIENCE_SECONDS, print, (COMPILING,), {"file": sys.stderr})
    stack.callback(waiting.cancel)
    waiting.start()
    bundle = load_bundle(options.bundle, options.journey and load_journey(options.journey))
    lasting = options.state and holds_events(options.log, EventCodec(bundle.journey), LARGEST_EVENT)
    store: Store = SqliteStore(options.state) if lasting else MemoryStore()
    stack.callback(store.close)
    mode = mode_of(options, store, bundle.journey.name)
    runtime = Runtime(bundle, store, mode, keep_observations=options.observations)
    waiting.cancel()
    return runtime, mode


def refuse(tally: Tally, letters: BinaryIO | None, letter: DeadLetter) -> None:
    """Count a dead letter and write it."""
    tally.refuse(letter)
    if letters is not None:
        letters.write(msgspec.json.encode(letter) + b"\n")


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
