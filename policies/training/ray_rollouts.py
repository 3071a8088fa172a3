"""Rollouts by the workers of a Ray cluster: each plays a slice of the rows, with the numbers that one process finds.

The rows live here, in the process that learns. A worker is told where its rows stand and by which actor to play them,
and sends back what came of it and where they stand then. So nothing is lost with a worker: another one is told the
same, and a checkpoint needs no worker at all.

Users, luck and draws depend on a row alone, as does a product with the actor's weights where slices are of at least
eight rows (`GRAIN`). The critic, which is asked about episodes that were cut, is asked here.
"""

from __future__ import annotations

import pickle
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import ray

from policies.protocol import Policy
from policies.training.actors import DenseActor, StepActor
from policies.training.env_group import EnvGroup
from policies.training.player import Cut, Player, Rollout
from policies.training.rollout import Insider
from policies.training.torch_settings import torch_set_for_training

GRAIN = 32  # rows: slices are multiples of it. Of fewer than 8, bfloat16 products were seen to be rounded otherwise
SLICES_KEPT = 2  # by a worker: any may be given any slice, and commonly there are as many as workers
MOST_LOSSES = 2  # of workers in one rollout of a slice: a third death says that more than chance is at work


class RolloutLost(RuntimeError):
    """A rollout that killed its workers: what is lost with it."""


class Orders(NamedTuple):
    """What a worker is to play: rows that stand at `snapshots` and have brought `returns`, by `actor`."""

    actor: DenseActor | StepActor
    imitated: Policy | None
    snapshots: list[dict[str, np.ndarray]]
    returns: np.ndarray


class Played(NamedTuple):
    """What came of it, and where the rows stand now."""

    room: Rollout
    cut: list[Cut]
    snapshots: list[dict[str, np.ndarray]]
    returns: np.ndarray


@lru_cache(maxsize=SLICES_KEPT)
def player_of(pickled: tuple[Any]) -> Player:
    """The player of a slice, made once in each process that is a worker; `pickled` holds a reference to it.

    Ray's own pickles hold arrays that cannot be written.
    """
    player: Player = pickle.loads(ray.get(pickled[0]))
    return player


def play_slice(pickled: tuple[Any], orders: Orders) -> Played:
    """What a worker does: one rollout of a slice. It remembers nothing that the orders do not say."""
    player = player_of(pickled)
    player.group.take_up(0, player.group.n, orders.snapshots)
    player.returns[:] = orders.returns
    with torch_set_for_training(threads=1):
        player.look_ahead()
        player.play(orders.actor, orders.imitated)
    return Played(player.room, player.cut, player.group.snapshots(0, player.group.n), player.returns)


class RayPlayer(Player):
    """A player whose rows are played by `workers` of the Ray cluster that this process has joined."""

    def __init__(self, group: EnvGroup, n_steps: int, discount_per_day: float, shaping: float, workers: int) -> None:
        if group.recalls:
            raise ValueError("what is recalled of users is not sent to workers. Mend: training.backend=local")
        super().__init__(group, n_steps, discount_per_day, shaping)
        self.slices = list(pairwise(edges_of(group.n, workers)))
        parts = (Player(group.some(low, high), n_steps, discount_per_day, shaping) for low, high in self.slices)
        self._pickled = [ray.put(pickle.dumps(part)) for part in parts]
        self._play_slice = ray.remote(play_slice).options(num_cpus=1, max_retries=0)
        self.lost = 0

    def send(self, i: int, orders: Any) -> Any:
        """Have slice `i` played; `orders` and what is returned are references."""
        return self._play_slice.remote((self._pickled[i],), orders)

    def play(self, actor: DenseActor | StepActor, imitated: Policy | None) -> None:
        """Fill the room with a rollout. Raises `RolloutLost` where workers go on dying."""
        if isinstance(imitated, Insider):
            raise ValueError(f"teacher {imitated.name!r} looks into the rows. Mend: training.backend=local")
        self.begin()
        orders = [
            ray.put(Orders(actor, imitated, self.group.snapshots(low, high), self.returns[low:high]))
            for low, high in self.slices
        ]
        under_way = [self.send(i, order) for i, order in enumerate(orders)]
        played = [self.wait_for(i, reference, orders[i]) for i, reference in enumerate(under_way)]
        for (low, high), part in zip(self.slices, played, strict=True):
            self.take(low, high, part)
        self.cut = joined([(low, part.cut) for (low, _), part in zip(self.slices, played, strict=True)], self.group)

    def wait_for(self, i: int, reference: Any, order: Any) -> Played:
        """What came of slice `i`; where its worker dies, another one is given the same orders."""
        for losses in range(MOST_LOSSES + 1):
            try:
                return ray.get(reference)
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError as death:
                self.lost += 1
                if losses == MOST_LOSSES:
                    low, high = self.slices[i]
                    raise RolloutLost(f"rows {low} to {high - 1} lost {losses + 1} workers: {death}") from None
                reference = self.send(i, order)
        raise AssertionError("unreachable")

    def take(self, low: int, high: int, part: Played) -> None:
        """Write what came of rows `low` to `high - 1` where it belongs."""
        for own, theirs in zip(flat(self.room), flat(part.room), strict=True):
            own[:, low:high] = theirs
        self.group.take_up(low, high, part.snapshots)
        self.returns[low:high] = part.returns


def edges_of(n: int, workers: int) -> list[int]:
    """Where slices of `n` rows begin and end: at multiples of `GRAIN`, as equal as can be, none empty."""
    grains = np.linspace(0, -(-n // GRAIN), workers + 1).astype(int)
    return sorted({min(n, int(grain) * GRAIN) for grain in grains})


def flat(room: Rollout) -> list[np.ndarray]:
    """All arrays of a rollout, each `(T or T + 1, n, ...)`."""
    return [*room.inputs, *room[1:]]


def joined(of_slices: list[tuple[int, list[Cut]]], group: EnvGroup) -> list[Cut]:
    """Cuts of slices that begin at a row each, put together by step and environment, as one process meets them."""
    whole: dict[tuple[int, int], list[Cut]] = {}
    for low, cuts in of_slices:
        for cut in cuts:
            rows = cut.rows + low
            env = next(i for i, part in enumerate(group.slices) if rows[0] < part.stop)
            whole.setdefault((cut.t, env), []).append(cut._replace(rows=rows))
    return [
        Cut(t, np.concatenate([cut.rows for cut in cuts]), np.concatenate([cut.flat for cut in cuts]))
        for (t, _), cuts in sorted(whole.items())
    ]
