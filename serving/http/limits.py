"""How often whoever may ask: a bucket of tokens for each name, filled at a steady rate."""

from __future__ import annotations

import math
from collections import OrderedDict

MOST_NAMES = 10_000  # buckets kept; beyond, those longest unused are forgotten, which only means that they are full


class RateLimit:
    """`rate` requests a second, and up to `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._buckets = OrderedDict[str, tuple[float, float]]()  # name -> tokens, and when that was

    def wait(self, name: str, now: float) -> int:
        """Take a token; 0 where there was one, else the whole seconds after which there will be. `now` in seconds."""
        tokens, since = self._buckets.pop(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        lacking = 1.0 - tokens
        self._buckets[name] = (tokens - 1.0 if lacking <= 0.0 else tokens, now)
        if len(self._buckets) > MOST_NAMES:
            self._buckets.popitem(last=False)
        return 0 if lacking <= 0.0 else math.ceil(lacking / self._rate)
