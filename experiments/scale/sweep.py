"""The jobs of a sweep side by side on Ray: Hydra composes them all, then workers run them.

No launcher plugin: the published one, hydra-ray-launcher 1.2.2, hands results over only when all are there, keeps none
where a worker dies for good, and depends on a cloud provider's library and an old cloudpickle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from functools import partial
from pathlib import Path

from experiments.hydra_entry import Job
from experiments.run_folder import RUN_FILE
from experiments.scale.backend import BackendSettings, Tell, carry_out
from experiments.scale.report import R
from experiments.settings import SettingsError

LOST = "lost"  # ends the name of a folder whose run was lost with its worker


def run_jobs(
    command: Callable[[Job], R], jobs: Sequence[Job], backend: BackendSettings, tell: Tell
) -> Iterator[tuple[int, R]]:
    """Yield the number of each job and what `command` makes of it, as they finish.

    `command` is a function of a module. Workers see the files of the folder that this process works in. Raises what
    `command` raises, `SettingsError` where a folder holds a run already, and `BackendError`.
    """
    for job in jobs:
        if (job.folder / RUN_FILE).exists():
            raise SettingsError(f"{job.folder} holds a run already. Mend: choose another with folder=PATH")
    return carry_out(partial(run_job, command, Path.cwd()), jobs, backend, tell)


def run_job(command: Callable[[Job], R], working_folder: Path, job: Job) -> R:
    """What a worker does. What a lost worker left of the same job is put aside."""
    with chdir(working_folder):
        if job.folder.exists():
            job.folder.rename(first_free(job.folder))
        return command(job)


def first_free(folder: Path) -> Path:
    """A name beside `folder` that nothing has yet: `0.lost1`, or `0.lost2`, and so on."""
    number = 1
    while (path := folder.with_name(f"{folder.name}.{LOST}{number}")).exists():
        number += 1
    return path
