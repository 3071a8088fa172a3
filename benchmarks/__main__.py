"""`python -m benchmarks [--quick] [--full] [--only env] [--json PATH]`: all benchmarks, on one core."""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path

PARTS = {
    "env": "benchmarks.vector_env",
    "training": "benchmarks.training",
    "time_to_return": "benchmarks.time_to_return",
    "deciding": "benchmarks.deciding",
    "bandits": "benchmarks.bandits",
    "runtime": "benchmarks.runtime",
    "http": "benchmarks.http_decide",
    "streams": "benchmarks.streams",
    "startup": "benchmarks.startup",
    "world": "benchmarks.world",
    "cohort": "benchmarks.cohort",
    "paths": "benchmarks.paths",
    "scale": "benchmarks.scale",
}
LONG = {"time_to_return"}  # some ten minutes: only where it is named, or with --full
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    command = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    command.add_argument("--quick", action="store_true", help="fewer and shorter samples: under a minute, rougher")
    command.add_argument("--full", action="store_true", help="also what takes long, and millions of users (2 GiB)")
    command.add_argument("--only", choices=PARTS, action="append", help="this part; may be given more than once")
    command.add_argument("--json", type=Path, metavar="PATH", help="write the figures here as well")
    return command


def main() -> None:
    """Measure, print, write."""
    options = parser().parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy and torch are loaded, which read them once
    settings = import_module("benchmarks.settings").settings(options.quick, options.full)
    parts = options.only or [part for part in PARTS if options.full or part not in LONG]
    rows = [row for part in parts for row in import_module(PARTS[part]).measure(settings)]
    import_module("benchmarks.report").publish(rows, options.quick, options.json)


if __name__ == "__main__":
    main()
