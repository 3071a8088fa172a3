"""Who sees whose progress in a cohort: a graph in compressed sparse rows, and the mean of what is seen through it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from journeys.compiled import compiled
from journeys.draws import PURPOSE_PEERS, nth_key, uniform, user_key

Influence = Literal["nobody", "groups", "graph"]
NO_PEERS = -1.0  # what a user sees who has no peers


class Peers(NamedTuple):
    """User `u` sees `members[starts[u]:starts[u + 1]]`: `starts` `(n + 1,)` int64, `members` `(m,)` int64."""

    starts: np.ndarray
    members: np.ndarray


def peers_of(influence: Influence, users: int, k: int, seed: int) -> Peers:
    """The peers of users `0` to `users - 1` under `seed`.

    `nobody` sees anybody; in `groups` of `k` all see each other (a class, a team); in a `graph` everyone sees `k`
    others drawn uniformly, who need not look back (a feed). Raises `ValueError` where `k` does not fit.
    """
    if influence == "nobody":
        return Peers(np.zeros(users + 1, np.int64), np.zeros(0, np.int64))
    if influence == "groups":
        if k < 2:
            raise ValueError(f"peers: a group of {k} has no peers. Mend: groups of 2 or more, or influence=nobody")
        return groups(users, k, seed)
    if influence == "graph":
        if not 1 <= k < users:
            raise ValueError(f"peers: {users} users cannot see {k} others each. Mend: 1 to {users - 1}")
        members = np.zeros((users, k), np.int64)
        draw_peers(seed, members)
        return Peers(np.arange(users + 1, dtype=np.int64) * k, members.ravel())
    raise ValueError(f"influence: {influence!r} is unknown. Mend: use nobody, groups or graph")


def groups(users: int, k: int, seed: int) -> Peers:
    """Groups of `k` in an order that the users' own luck gives; what is left over makes a smaller group."""
    places = np.zeros(users)
    draw_places(seed, places)
    order = np.argsort(places, kind="stable")
    seen: list[np.ndarray] = [np.zeros(0, np.int64)] * users
    for first in range(0, users, k):
        group = order[first : first + k]
        for user in group.tolist():
            seen[user] = group[group != user]
    starts = np.concatenate([[0], np.cumsum([len(others) for others in seen])]).astype(np.int64)
    return Peers(starts, np.concatenate(seen).astype(np.int64))


@compiled
def draw_places(seed: int, places: Any) -> None:
    """A uniform number per user, `(n,)`: the order of it sorts users into groups."""
    for user in range(len(places)):
        places[user] = uniform(user_key(seed, user), PURPOSE_PEERS)


@compiled
def draw_peers(seed: int, members: Any) -> None:
    """For each user `k` different others, `(n, k)`, drawn again where one comes twice."""
    n, k = members.shape
    for user in range(n):
        key = user_key(seed, user)
        found, draws = 0, 0
        while found < k:
            other = min(n - 1, np.int64(n * uniform(nth_key(key, draws), PURPOSE_PEERS)))
            draws += 1
            fresh = other != user
            for i in range(found):
                fresh = fresh and members[user, i] != other
            if fresh:
                members[user, found] = other
                found += 1


@compiled
def see_peers(peers: Peers, progress: Any, minds: Any) -> None:
    """Let every user see the mean of `progress` `(n,)` over their peers, in `minds` `(n,)` MIND."""
    for row in range(len(minds)):
        first, last = peers.starts[row], peers.starts[row + 1]
        total = 0.0
        for i in range(first, last):
            total += progress[peers.members[i]]
        minds[row].peers = total / (last - first) if last > first else NO_PEERS
