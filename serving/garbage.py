"""Python's garbage collector in a service: what is served makes no cycles, so looking for them is mostly in vain."""

from __future__ import annotations

import gc

SELDOM = (50_000, 20, 50)  # allocations until a look at the young, then at the middle-aged, then at all (700, 10, 10)


def collect_seldom() -> None:
    """Leave alone what was made until now, and look at the rest seldom: a full look takes tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
