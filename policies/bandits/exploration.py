"""From what actions promise, and how uncertain that is, to the chances with which they are taken: exact propensities.

    highest     the action of the highest mean + scale * width, always: LinUCB (Li et al. 2010); scale 0: greedy
    sampled     each action as often as a draw from its posterior, `scale` * width wide, is the highest (Thompson 1933)
    softened    chances in proportion to exp(mean / scale)

Posteriors of actions are drawn from one by one, independently: as disjoint models are, and as Zhang et al. 2021 draw
in neural Thompson sampling. So P(a is the highest) is an integral over one dimension, of f_a prod_{b != a} F_b, however
many the actions. The choice is drawn from these very chances: the propensity that is logged is that of the draw.

A share `uniform` of the probability is spread over all that is legal, whatever the rule.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from journeys.compiled import compiled, compiled_apart

HIGHEST, SAMPLED, SOFTENED = range(3)
CELLS = 64  # of the integral: chances then are within 0.002 of the integral's, see tests/policies
REACH = 4.0  # standard deviations beyond which a posterior counts as over: 1 in 30,000 lies there
NARROW = 2.0  # cells: a posterior of a smaller deviation has edges of its own, at so many deviations from its mean:
OWN_EDGES = (-2.5, -1.5, -0.75, 0.0, 0.75, 1.5, 2.5)
SQRT_HALF = math.sqrt(0.5)
# erf(x) is 1 - 1 / (1 + a1 x + ... + a6 x^6)^16 within 3e-7 for x >= 0 (Abramowitz and Stegun 1964, 7.1.28)
A1, A2, A3, A4, A5, A6 = 0.0705230784, 0.0422820123, 0.0092705272, 0.0001520143, 0.0002765672, 0.0000430638
SHARPEST = 1e150  # of a posterior of no width: times any distance from its mean a number still, and 0 times 0 is 0


class Rule(NamedTuple):
    """`how` chances are found; `scale`, of widths or of means as the rule says; `uniform`, the share of any action."""

    how: int
    scale: float
    uniform: float


def asks_for_widths(rule: Rule) -> bool:
    """Whether the rule looks at how uncertain means are."""
    return rule.how == SAMPLED or (rule.how == HIGHEST and rule.scale != 0.0)


class Promise(NamedTuple):
    """Of the legal actions, in order: `means` and `widths`, float64. The rest is room for the integral.

    Of the actions that may be the highest: `which` they are, their `centres`, `sharpness` (1 / (sqrt(2) deviation)),
    two columns of probabilities and their `masses`; and the `edges` of cells.
    """

    means: Any
    widths: Any
    which: Any
    centres: Any
    sharpness: Any
    below: Any
    above: Any
    masses: Any
    edges: Any


def promise_of(n_actions: int) -> Promise:
    """Room for so many actions."""
    means, widths, centres, sharpness, below, above, masses = np.zeros((7, n_actions))
    which, edges = np.zeros(n_actions, np.int64), np.zeros(CELLS + 1 + len(OWN_EDGES) * n_actions)
    return Promise(means, widths, which, centres, sharpness, below, above, masses, edges)


@compiled
def explore(rule: Rule, promise: Promise, count: int, chances: Any) -> None:
    """Write the chances of `count` actions into `chances`."""
    if rule.how == SAMPLED:
        chances_of_highest(promise, rule.scale, count, chances)
    elif rule.how == SOFTENED and rule.scale > 0.0:  # at temperature 0 the highest is all that is left
        softened(promise.means, rule.scale, count, chances)
    else:
        one_hot(promise, rule.scale, count, chances)
    for k in range(count):
        chances[k] = (1.0 - rule.uniform) * chances[k] + rule.uniform / count


@compiled
def one_hot(promise: Promise, scale: float, count: int, chances: Any) -> None:
    """Certainty for the highest upper bound; for the first of equals."""
    best, highest = 0, -math.inf
    for k in range(count):
        bound = promise.means[k] + scale * promise.widths[k]
        if bound > highest:
            best, highest = k, bound
        chances[k] = 0.0
    chances[best] = 1.0


@compiled
def softened(means: Any, scale: float, count: int, chances: Any) -> None:
    """Softmax of the means, the highest taken off first so that nothing overflows."""
    top, total = -math.inf, 0.0
    for k in range(count):
        top = max(top, means[k])
    for k in range(count):
        chances[k] = math.exp((means[k] - top) / scale)
        total += chances[k]
    for k in range(count):
        chances[k] /= total


@compiled
def fill_below(edge: float, centres: Any, sharpness: Any, count: int, out: Any) -> None:
    """P(a normal draw is below `edge`) for `count` of them. Without a branch or a call, so by several at once."""
    for k in range(count):
        t = (edge - centres[k]) * sharpness[k]
        x = abs(t)
        root = 1.0 + x * (A1 + x * (A2 + x * (A3 + x * (A4 + x * (A5 + x * A6)))))
        root *= root
        root *= root
        root *= root
        tail = 0.5 / (root * root)
        out[k] = tail if t < 0.0 else 1.0 - tail


@compiled_apart
def chances_of_highest(promise: Promise, scale: float, count: int, chances: Any) -> None:
    """P(each is the highest of `count` independent normal draws), by cells between floor and ceiling.

    The floor is what some action hardly ever falls below, so nothing below it wins, nor an action that hardly ever
    rises above it. In a cell an action has the mass that its distribution has there, and beats another with the mean
    of the probabilities at the cell's two edges.
    """
    means, widths, which, centres, sharpness, below, above, masses, edges = promise
    floor, ceiling = -math.inf, -math.inf
    for k in range(count):
        floor = max(floor, means[k] - REACH * scale * widths[k])
        ceiling = max(ceiling, means[k] + REACH * scale * widths[k])
    if not ceiling > floor:  # certain, all of them, or no numbers at all
        one_hot(promise, 0.0, count, chances)
        return
    rivals = 0
    for k in range(count):
        chances[k] = 0.0
        if means[k] + REACH * scale * widths[k] >= floor:
            which[rivals], centres[rivals], masses[rivals] = k, means[k], 0.0
            sharpness[rivals] = min(SQRT_HALF / (scale * widths[k]), SHARPEST)
            rivals += 1
    if rivals == 1:
        chances[which[0]] = 1.0
        return
    n_edges = find_edges(means, widths, scale, count, floor, ceiling, edges)
    fill_below(floor, centres, sharpness, rivals, below)
    for k in range(rivals):
        if sharpness[k] == SHARPEST:  # known exactly, and it may be the floor itself
            below[k] = 0.0
    for c in range(1, n_edges):
        fill_below(edges[c], centres, sharpness, rivals, above)
        product = 1.0
        for k in range(rivals):
            product *= 0.5 * (below[k] + above[k])
        for k in range(rivals):
            mass, beaten = above[k] - below[k], 0.5 * (below[k] + above[k])
            masses[k] += mass * product / beaten if mass > 0.0 else 0.0  # above 0, and so is `beaten`
            below[k] = above[k]
    for k in range(rivals):
        chances[which[k]] = masses[k]
    share_out(chances, count)


@compiled
def find_edges(means: Any, widths: Any, scale: float, count: int, floor: float, ceiling: float, edges: Any) -> int:
    """Write the edges of cells from `floor` to `ceiling` in order; returns how many there are."""
    n, step = CELLS + 1, (ceiling - floor) / CELLS
    for c in range(n):
        edges[c] = floor + c * step
    for k in range(count):
        if scale * widths[k] < NARROW * step:
            for deviations in OWN_EDGES:
                edge = means[k] + deviations * scale * widths[k]
                if floor < edge < ceiling:
                    at = n
                    while edges[at - 1] > edge:
                        edges[at] = edges[at - 1]
                        at -= 1
                    edges[at] = edge
                    n += 1
    return n


@compiled
def share_out(chances: Any, count: int) -> None:
    """Let the chances sum to 1."""
    total = 0.0
    for k in range(count):
        total += chances[k]
    for k in range(count):
        chances[k] /= total
