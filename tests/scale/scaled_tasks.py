"""What the tests of `experiments/scale` have workers do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from experiments.hydra_entry import Job
from experiments.run_folder import RUN_FILE, open_folder


def square(number: int) -> int:
    return number * number


def refuse_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is refused")
    return number


def die_at_first(folder_and_deaths: tuple[Path, int]) -> str:
    """Kill this very process as often as told, counting the deaths in a folder; then return."""
    folder, deaths = folder_and_deaths
    folder.mkdir(exist_ok=True)
    died = len(list(folder.iterdir()))
    if died < deaths:
        (folder / str(died)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"alive after {died}"


def threads_here(_: int) -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def die_once(job: Job) -> list[str]:
    """Begin a run and die, or if that was done before, finish it."""
    open_folder(job)
    if not list(job.folder.parent.glob(f"{job.folder.name}.lost*")):
        (job.folder / "half.txt").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (job.folder / RUN_FILE).touch()
    return sorted(path.name for path in job.folder.iterdir())
