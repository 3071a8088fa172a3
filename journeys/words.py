"""Sets of steps and of skills as 64-bit words: number `n` is a member where bit `n` is set."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from journeys.compiled import compiled

UNIT = np.uint64(1)
EVERYTHING = np.uint64(2**64 - 1)
ODD_BITS, BIT_PAIRS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
NIBBLES, BYTES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)


def word_of(numbers: Iterable[int]) -> int:
    """The set of `numbers`."""
    return sum(1 << n for n in set(numbers))


@compiled
def count_members(word: np.uint64) -> float:
    """Number of members of a set, as a double (Warren, Hacker's Delight, section 5-1)."""
    word = word - ((word >> np.uint64(1)) & ODD_BITS)
    word = (word & BIT_PAIRS) + ((word >> np.uint64(2)) & BIT_PAIRS)
    word = (word + (word >> np.uint64(4))) & NIBBLES
    return np.float64((word * BYTES) >> np.uint64(56))
