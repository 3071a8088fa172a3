"""Items as tasks of a Ray cluster: one CPU each, done again when their worker dies."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from experiments.scale.cluster import BackendError, import_ray, running
from experiments.scale.report import R, Report, T, Use, measured, nothing_done

MOST_LOSSES = 2  # of one item: a third death says that the item kills its worker


def side_by_side(
    task: Callable[[T], R],
    items: Sequence[T],
    workers: int,
    address: str | None,
    tell: Callable[[Report], None],
) -> Iterator[tuple[int, R]]:
    """`carry_out` on Ray, `workers` items at a time (0: as many as the cluster has CPUs)."""
    ray = import_ray()
    with running(workers, address) as abreast:
        remote = ray.remote(measured_from_pickles).options(num_cpus=1, max_retries=0)
        shared_task = ray.put(pickle.dumps(task))  # sent once, however many items there are
        waiting = list(range(len(items)))[::-1]
        losses = [0] * len(items)
        under_way: dict[Any, int] = {}
        report = nothing_done(len(items), abreast)
        try:
            while waiting or under_way:
                while waiting and len(under_way) < abreast:
                    index = waiting.pop()
                    under_way[remote.remote(shared_task, pickle.dumps(items[index]))] = index
                tell(report._replace(running=len(under_way), finished=None, use=None))
                (reference,), _ = ray.wait(list(under_way))
                index = under_way.pop(reference)
                try:
                    result, use = result_of(ray, reference)
                except WorkerDied as death:
                    losses[index] += 1
                    if losses[index] > MOST_LOSSES:
                        raise BackendError(lost_for_good(index, items[index], str(death))) from None
                    report = report.after_loss()
                    waiting.append(index)
                    continue
                report = report.after(index, use, len(under_way))
                tell(report)
                yield index, result
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)


def measured_from_pickles(task: bytes, item: bytes) -> tuple[Any, Use]:
    """`measured` in a worker. Ray's own pickles hold arrays that cannot be written, for which Numba compiles anew."""
    return measured(pickle.loads(task), pickle.loads(item))


class WorkerDied(Exception):
    """A task did not end, because the process or the machine that it ran on is gone."""


def result_of(ray: Any, reference: Any) -> Any:
    """What a task returned. Raises what the task raised, or `WorkerDied`."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise WorkerDied(" ".join(str(error).split())) from None


def lost_for_good(index: int, item: object, why: str) -> str:
    """The message for an item that kills its workers."""
    return (
        f"item {index} ({item!r:.200}) lost its worker {MOST_LOSSES + 1} times: {why[:300]} "
        "Mend: give it more memory, or run it by itself with backend=local to see what kills it"
    )
