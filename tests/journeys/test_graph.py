"""Layers, edges, rows of the text and places of the picture: properties over random graphs without cycles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.graph import (
    STEP_GAP,
    Edge,
    Graph,
    crossings,
    graph,
    kept_apart,
    lanes,
    layout,
    uncrossed,
    with_way_points,
)

CLOSE = 1e-9


@st.composite
def prerequisites(draw: st.DrawFn) -> list[list[int]]:
    """For each of 1 to 12 steps, those it waits for; numbers are shuffled, so that a later one may come first."""
    n = draw(st.integers(1, 12))
    order = draw(st.permutations(range(n)))
    after: list[list[int]] = [[] for _ in range(n)]
    for i, step in enumerate(order):
        if i:
            after[step] = draw(st.lists(st.sampled_from(order[:i]), unique=True, max_size=4))
    return after


def ancestors(after: list[list[int]]) -> list[set[int]]:
    """All steps before each step, by repeating until nothing is added."""
    found = [set(names) for names in after]
    for _ in after:
        found = [mine.union(*(found[other] for other in mine)) for mine in found]
    return found


@given(prerequisites())
def test_a_layer_is_one_more_than_the_highest_below(after: list[list[int]]) -> None:
    found = graph(after)
    for step, names in enumerate(after):
        assert found.layers[step] == max((found.layers[other] + 1 for other in names), default=0)
    assert set(found.layers) == set(range(found.depth))


@given(prerequisites())
def test_edges_are_the_fewest_that_imply_every_prerequisite(after: list[list[int]]) -> None:
    found, before = graph(after), ancestors(after)
    direct: list[list[int]] = [[] for _ in after]
    for edge in found.edges:
        assert edge.before in after[edge.after]
        direct[edge.after].append(edge.before)
    assert ancestors(direct) == before
    for edge in found.edges:
        without = [[o for o in names if Edge(o, step) != edge] for step, names in enumerate(direct)]
        assert ancestors(without) != before


@given(prerequisites())
def test_the_rows_of_the_text_tell_the_edges_and_nothing_else(after: list[list[int]]) -> None:
    """Read as a person reads: follow each column from its mark downwards until the row at which it ends."""
    found = graph(after)
    owner: dict[int, int] = {}
    told = set()
    order = []
    for row in lanes(found):
        assert set(row.passing) | set(row.sources) == set(owner)
        assert not set(row.passing) & set(row.sources)
        assert all(column < row.column for column in row.sources)
        assert row.column not in owner
        told |= {Edge(owner[column], row.step) for column in row.sources}
        for column in row.ending:
            del owner[column]
        if any(edge.before == row.step for edge in found.edges):
            owner[row.column] = row.step
        order.append(row.step)
    assert told == set(found.edges)
    assert not owner
    assert sorted(order) == list(range(len(after)))
    assert all(found.layers[one] <= found.layers[other] for one, other in pairwise(order))


@given(prerequisites())
def test_no_two_steps_of_the_picture_overlap_and_no_edge_passes_through_one(after: list[list[int]]) -> None:
    found = graph(after)
    placed = layout(found)
    assert set(placed.points) == set(range(len(after)))
    assert set(placed.paths) == set(found.edges)
    for step, (x, y) in placed.points.items():
        assert x == found.layers[step]
        assert -CLOSE <= y <= placed.height + CLOSE
        assert all(abs(y - v) > STEP_GAP - CLOSE for o, (u, v) in placed.points.items() if o != step and u == x)
    for edge, path in placed.paths.items():
        assert path[0] == placed.points[edge.before]
        assert path[-1] == placed.points[edge.after]
        assert [x for x, _ in path] == list(range(found.layers[edge.before], found.layers[edge.after] + 1))
        for x, y in path[1:-1]:
            # Half the height of a step is 0.38 of the pitch between two places.
            assert all(abs(y - v) > 0.38 for u, v in placed.points.values() if u == x)


@given(prerequisites())
def test_sorting_never_adds_a_crossing(after: list[list[int]]) -> None:
    stops, links = with_way_points(graph(after))
    sorted_stops = uncrossed(stops, links)
    assert crossings(sorted_stops, links) <= crossings(stops, links)
    assert [set(column) for column in sorted_stops] == [set(column) for column in stops]


def test_a_crossing_that_need_not_be_is_removed() -> None:
    """Steps 0 and 1 lead to 3 and 2: in the order of their numbers the edges cross."""
    found = graph([[], [], [1], [0]])
    stops, links = with_way_points(found)
    assert crossings(stops, links) == 1
    assert crossings(uncrossed(stops, links), links) == 0


def test_what_is_implied_gets_no_edge() -> None:
    assert graph([[], [0], [0, 1]]) == Graph((0, 1, 2), (Edge(0, 1), Edge(1, 2)))


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 3)), min_size=1, max_size=8))
def test_places_are_kept_apart_and_moved_no_further_than_needed(pairs: list[tuple[float, float]]) -> None:
    """Least squares: their mean stays, distances hold, and what is far enough apart is not moved."""
    wanted, gaps = [place for place, _ in pairs], [gap for _, gap in pairs[1:]]
    apart = [sum(gaps[:i]) for i in range(len(wanted))]
    got = kept_apart(wanted, apart)
    assert all(b - a > gap - 1e-6 for (a, b), gap in zip(pairwise(got), gaps, strict=True))
    assert sum(got) == pytest.approx(sum(wanted), abs=1e-6)
    assert kept_apart(got, apart) == pytest.approx(got, abs=1e-6)
