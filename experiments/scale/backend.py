"""Where the items of a piece of work are carried out: one after the other in this process, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from experiments.scale.report import R, Report, T, measured, nothing_done

Tell = Callable[[Report], None]


class BackendSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to work: `workers` items side by side (0: as many as there are CPUs), on the Ray cluster at `address`.

    Without an address a local cluster is started, and stopped at the end. `local` is this process alone.
    """

    backend: Literal["local", "ray"] = "local"
    workers: Annotated[int, Meta(ge=0)] = 0
    address: str | None = None


HERE = BackendSettings()  # in this process


@contextmanager
def ready(settings: BackendSettings) -> Iterator[None]:
    """Keep the backend's cluster, if it has one, for all that is carried out in the block. Raises `BackendError`."""
    if settings.backend == HERE.backend:
        yield
        return
    from experiments.scale.cluster import running  # noqa: PLC0415  (Ray comes with the extra `scale`)

    with running(settings.workers, settings.address):
        yield


def carry_out(
    task: Callable[[T], R], items: Sequence[T], settings: BackendSettings, tell: Tell
) -> Iterator[tuple[int, R]]:
    """Yield `(index, task(items[index]))` as items finish, in any order; `tell` hears of each, and of each loss.

    `task` is a function of a module, or a `functools.partial` of one, and items and results can be pickled. Arrays in
    results may be read-only. An item whose worker dies is done again, a bounded number of times. Raises what `task`
    raises, and `BackendError` where Ray is missing or cannot be reached, or where an item is lost too often.
    """
    if settings.backend == HERE.backend:
        return one_by_one(task, items, tell)
    from experiments.scale.ray_tasks import side_by_side  # noqa: PLC0415  (Ray comes with the extra `scale`)

    return side_by_side(task, items, settings.workers, settings.address, tell)


def one_by_one(task: Callable[[T], R], items: Sequence[T], tell: Tell) -> Iterator[tuple[int, R]]:
    """`carry_out` in this process."""
    report = nothing_done(len(items), workers=1)
    for index, item in enumerate(items):
        tell(report._replace(running=1, finished=None, use=None))
        result, use = measured(task, item)
        report = report.after(index, use, running=0)
        tell(report)
        yield index, result
