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
    with running(workers, address) as abreast:
        work, report = Work(task, items), nothing_done(len(items), abreast)
        try:
            while work.waiting or work.under_way:
                work.fill_up(abreast)
                tell(report._replace(running=len(work.under_way), finished=None, use=None))
                index, outcome = work.next()
                if outcome is None:
                    report = report.after_loss()
                    continue
                result, use = outcome
                report = report.after(index, use, len(work.under_way))
                tell(report)
                yield index, result
        finally:
            work.cancel()


class Work:
    """Items that wait, and those under way by the reference to what will come of them."""

    def __init__(self, task: Callable[[T], R], items: Sequence[T]) -> None:
        self.ray, self.items = import_ray(), items
        self.remote = self.ray.remote(measured_from_pickles).options(num_cpus=1, max_retries=0)
        self.task = self.ray.put(pickle.dumps(task))  # sent once, however many items there are
        self.waiting = list(range(len(items)))[::-1]
        self.losses = [0] * len(items)
        self.under_way: dict[Any, int] = {}

    def fill_up(self, abreast: int) -> None:
        """Start items until so many are under way."""
        while self.waiting and len(self.under_way) < abreast:
            index = self.waiting.pop()
            self.under_way[self.remote.remote(self.task, pickle.dumps(self.items[index]))] = index

    def next(self) -> tuple[int, tuple[Any, Use] | None]:
        """Wait for an item; what came of it, or None where it lost its worker and waits again.

        Raises what the task raised, and `BackendError` where the item was lost too often.
        """
        (reference,), _ = self.ray.wait(list(self.under_way))
        index = self.under_way.pop(reference)
        try:
            return index, self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self.ray.exceptions.RayError as death:  # the process or the machine is gone
            self.losses[index] += 1
            if self.losses[index] > MOST_LOSSES:
                raise BackendError(lost_for_good(index, self.items[index], death)) from None
        self.waiting.append(index)
        return index, None

    def cancel(self) -> None:
        """Stop what is under way."""
        for reference in self.under_way:
            self.ray.cancel(reference, force=True)


def measured_from_pickles(task: bytes, item: bytes) -> tuple[Any, Use]:
    """`measured` in a worker. Ray's own pickles hold arrays that cannot be written, for which Numba compiles anew."""
    return measured(pickle.loads(task), pickle.loads(item))


def lost_for_good(index: int, item: object, death: Exception) -> str:
    """The message for an item that kills its workers."""
    why = " ".join(str(death).split())
    return (
        f"item {index} ({item!r:.200}) lost its worker {MOST_LOSSES + 1} times: {why:.300} "
        "Mend: give it more memory, or run it by itself with backend=local to see what kills it"
    )
