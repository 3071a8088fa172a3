"""The prerequisites of a journey as a graph: its layers, and where each step stands in a text or in a picture.

Pure functions of step numbers; `show` writes them as text and `drawing` as a picture. The order within layers follows
Sugiyama, Tagawa and Toda 1981: long edges pass through way-points, and neighbours' means remove crossings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from journeys.spec import Journey

SWEEPS = 8  # there and back over all layers; our choice: at 64 steps nothing moves after five
STEP_GAP, WAY_GAP = 1.0, 0.5  # least distance between two steps of a layer, and to a way-point, in steps' places


class Edge(NamedTuple):
    """`before` has to be done before `after`: numbers of two steps."""

    before: int
    after: int


class Graph(NamedTuple):
    """`layers` `(S,)`: length of the longest chain of steps before each. `edges`: those that no others imply."""

    layers: tuple[int, ...]
    edges: tuple[Edge, ...]

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return max(self.layers, default=-1) + 1


class Stop(NamedTuple):
    """A place in a layer: a step's, or, where `edge` is given, one that an edge passes on its way through."""

    layer: int
    step: int
    edge: Edge | None = None


class Layout(NamedTuple):
    """Where a picture has the steps and the edges. x counts layers, y the places of a layer, downwards from 0."""

    points: dict[int, tuple[float, float]]  # step -> (x, y)
    paths: dict[Edge, list[tuple[float, float]]]  # from step to step, through the edge's way-points
    height: float  # largest y


class Lane(NamedTuple):
    """A row of the text: the step, the column of its mark, and the columns of the steps that it waits for."""

    step: int
    column: int
    sources: tuple[int, ...]  # columns
    ending: tuple[int, ...]  # columns among `sources` that no later row needs
    passing: tuple[int, ...]  # columns that pass by, on their way to later rows


def graph_of(journey: Journey) -> Graph:
    """The graph of a sound journey's `after` keys."""
    number = {name: i for i, name in enumerate(journey.step_names())}
    return graph([[number[name] for name in step.after] for step in journey.steps])


def graph(after: Sequence[Sequence[int]]) -> Graph:
    """Layers and direct edges; `after[i]` are the steps that step `i` waits for. There must be no cycle."""
    before: dict[int, set[int]] = {}  # all steps that come before a step, directly or not
    layers: dict[int, int] = {}

    def visit(step: int) -> None:
        if step in before:
            return
        for other in after[step]:
            visit(other)
        before[step] = set(after[step]).union(*(before[other] for other in after[step]))
        layers[step] = 1 + max((layers[other] for other in after[step]), default=-1)

    for step in range(len(after)):
        visit(step)
    edges = [
        Edge(other, step)
        for step in range(len(after))
        for other in sorted(set(after[step]))
        if not any(other in before[between] for between in after[step])
    ]
    return Graph(tuple(layers[step] for step in range(len(after))), tuple(edges))


def lanes(found: Graph) -> list[Lane]:
    """The rows of the text, layer by layer: each step right of those it waits for, in the first column that is free."""
    order = sorted(range(len(found.layers)), key=lambda step: (found.layers[step], step))
    row = {step: i for i, step in enumerate(order)}
    last = {step: max([row[e.after] for e in found.edges if e.before == step], default=row[step]) for step in order}
    column: dict[int, int] = {}
    rows = []
    for step in order:
        live = [other for other in column if last[other] >= row[step]]
        sources = {column[e.before] for e in found.edges if e.after == step}
        taken = {column[other] for other in live}
        column[step] = next(c for c in range(max(sources, default=-1) + 1, len(order)) if c not in taken)
        ending = {column[other] for other in live if last[other] == row[step]}
        rows.append(Lane(step, column[step], *(tuple(sorted(s)) for s in (sources, ending, taken - sources))))
    return rows


def layout(found: Graph) -> Layout:
    """Places for a picture: few crossings, and edges as straight as the order in each layer allows."""
    stops, links = with_way_points(found)
    ordered = uncrossed(stops, links)
    y = levelled(ordered, links)
    top = min(y.values(), default=0.0)
    at = {stop: (float(stop.layer), place - top) for stop, place in y.items()}
    paths = {}
    for edge in found.edges:
        between = [stop for column in ordered for stop in column if stop.edge == edge]
        ends = [Stop(found.layers[step], step) for step in edge]
        paths[edge] = [at[stop] for stop in (ends[0], *between, ends[1])]
    points = {stop.step: point for stop, point in at.items() if stop.edge is None}
    return Layout(points, paths, max((point[1] for point in at.values()), default=0.0))


def with_way_points(found: Graph) -> tuple[list[list[Stop]], list[tuple[Stop, Stop]]]:
    """The stops of each layer, and the links between stops of neighbouring layers that the edges are made of."""
    stops: list[list[Stop]] = [[] for _ in range(found.depth)]
    for step, layer in enumerate(found.layers):
        stops[layer].append(Stop(layer, step))
    links = []
    for edge in found.edges:
        first, last = found.layers[edge.before], found.layers[edge.after]
        way = [Stop(layer, edge.before, edge) for layer in range(first + 1, last)]
        for stop in way:
            stops[stop.layer].append(stop)
        chain = [Stop(first, edge.before), *way, Stop(last, edge.after)]
        links += list(pairwise(chain))
    return stops, links


def neighbours(links: Sequence[tuple[Stop, Stop]]) -> tuple[dict[Stop, list[Stop]], dict[Stop, list[Stop]]]:
    """For each stop, those that it is linked to in the layer before and in the layer after."""
    left: dict[Stop, list[Stop]] = {}
    right: dict[Stop, list[Stop]] = {}
    for one, other in links:
        left.setdefault(other, []).append(one)
        right.setdefault(one, []).append(other)
    return left, right


def crossings(ordered: Sequence[Sequence[Stop]], links: Sequence[tuple[Stop, Stop]]) -> int:
    """How many pairs of links cross."""
    place = {stop: i for column in ordered for i, stop in enumerate(column)}
    by_layer: dict[int, list[tuple[int, int]]] = {}
    for one, other in links:
        by_layer.setdefault(one.layer, []).append((place[one], place[other]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0 for pairs in by_layer.values() for i, a in enumerate(pairs) for b in pairs[:i]
    )


def uncrossed(stops: Sequence[Sequence[Stop]], links: Sequence[tuple[Stop, Stop]]) -> list[list[Stop]]:
    """The stops of each layer in the order with the fewest crossings that sweeping by neighbours' means comes upon."""
    left, right = neighbours(links)
    best = [list(column) for column in stops]
    fewest, order = crossings(best, links), [list(column) for column in stops]
    for _ in range(SWEEPS):
        for toward, columns in ((left, order), (right, order[::-1])):
            place = {stop: float(i) for column in order for i, stop in enumerate(column)}
            for column in columns:
                column.sort(key=mean_place(toward, place))
                place |= {stop: float(i) for i, stop in enumerate(column)}
            if (found := crossings(order, links)) < fewest:
                best, fewest = [list(column) for column in order], found
    return best


def mean_place(toward: dict[Stop, list[Stop]], place: dict[Stop, float]) -> Callable[[Stop], float]:
    """A stop's key in sorting: the mean of its neighbours' places; its own where it has none."""
    return lambda stop: fmean([place[other] for other in toward.get(stop, [])] or [place[stop]])


def levelled(ordered: Sequence[Sequence[Stop]], links: Sequence[tuple[Stop, Stop]]) -> dict[Stop, float]:
    """A y for each stop: near its neighbours' mean, in the layer's order, no closer than the gaps allow."""
    left, right = neighbours(links)
    y: dict[Stop, float] = {}
    for column in ordered:
        offsets = places_apart(column)
        y |= {stop: offset - offsets[-1] / 2.0 for stop, offset in zip(column, offsets, strict=True)}
    for sweep in range(SWEEPS):
        for toward, columns in ((left, ordered), (right, ordered[::-1])):
            for column in columns:
                # Later sweeps look at both sides, so that a step between two others stands between them.
                sides = (toward,) if sweep < SWEEPS // 2 else (left, right)
                near = [[y[other] for side in sides for other in side.get(stop, [])] or [y[stop]] for stop in column]
                y |= dict(zip(column, kept_apart([fmean(ys) for ys in near], places_apart(column)), strict=True))
    return y


def places_apart(column: Sequence[Stop]) -> list[float]:
    """The closest that the stops of a layer can stand, from 0."""
    places: list[float] = []
    for i, stop in enumerate(column):
        gap = STEP_GAP if stop.edge is None and column[i - 1].edge is None else WAY_GAP
        places.append(places[-1] + gap if places else 0.0)
    return places


def kept_apart(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, in least squares, that keep order and distances (pooling of violators)."""
    pools: list[list[float]] = []
    for place, offset in zip(wanted, apart, strict=True):
        pools.append([place - offset])
        while len(pools) > 1 and fmean(pools[-2]) >= fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    free = [fmean(pool) for pool in pools for _ in pool]
    return [place + offset for place, offset in zip(free, apart, strict=True)]
