"""Mean and width of an action as one product: inputs times a table of the covariance's root and the mean.

Of the `W` columns the last `LANES` begin with the mean, those before are the root's. Where nobody asks how uncertain a
mean is, there are no others. float32; what is not 0 of the inputs is all that is looked at.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from journeys.compiled import compiled
from policies.bandits.regression import Posterior
from policies.vector import add_products, aligned, dot
from policies.vector_code import LANES


def table_of(posterior: Posterior, by_width: bool) -> np.ndarray:
    """The table `(K, d, W)` of a posterior."""
    n_heads, d = posterior.means.shape
    width = d + (-d % LANES) if by_width else 0
    table = aligned(np.zeros((n_heads, d, width + LANES), np.float32))
    enter(table, posterior, np.arange(n_heads))
    return table


def enter(table: np.ndarray, posterior: Posterior, heads: np.ndarray) -> None:
    """Write the `heads` `(m,)` of a posterior into their table."""
    d, width = table.shape[1], table.shape[2] - LANES
    if width:
        table[heads, :, :d] = posterior.roots[heads]
    table[heads, :, width] = posterior.means[heads]


@compiled
def rated(table: Any, begun: Any, which: Any, values: Any, n: int, out: Any) -> tuple[float, float]:
    """Mean and width for `n` inputs other than 0, on top of what was `begun` `(W,)`; `out` `(W,)` is room."""
    add_products(begun, which, values, n, table, out)
    width = len(out) - LANES
    return out[width], math.sqrt(dot(out[:width], out[:width])) if width else 0.0
