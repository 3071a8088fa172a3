"""Events that differ only in id, user, time and measured numbers share a prototype: made once, by the event codec.

Millions of events have some hundreds of prototypes. What is slow and must be exact, the translation of numbers into
names and the leaving out of what does not apply, is thus done by `EventCodec.from_record`, once for each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.actions import N_RUNGS, N_VARIANTS, n_actions
from journeys.events import EVENT, KINDS, Event, EventCodec
from journeys.state import CONSENTS, DEVICES, EXPERIENCES

# What stands in a prototype where each event has a value of its own.
KEY, USER, TIME = 0xFEDC_BA98_7654_3210, "u0", 1_234_567_890_123
DURATION, PROPENSITY, POSITION = 98_765.4321, 0.98765, 0.56789


class Digit(NamedTuple):
    """A field of EVENT with few values: `lowest` is the least of them, `size` how many there may be."""

    field: str
    lowest: int
    size: int


def digits_of(codec: EventCodec) -> tuple[Digit, ...]:
    """The fields that make a prototype. With at most 64 steps the product of sizes stays far below 2**63."""
    n_steps = len(codec.names)
    return (
        Digit("kind", 0, len(KINDS)),
        Digit("step", -1, n_steps + 1),
        Digit("variant", 0, N_VARIANTS),
        Digit("rung", 0, N_RUNGS),
        Digit("consent", 0, 2 ** len(CONSENTS)),
        Digit("action", -1, n_actions(n_steps) + 1),
        Digit("goal", -1, len(codec.goals) + 1),
        Digit("experience", -1, len(EXPERIENCES) + 1),
        Digit("device", 0, len(DEVICES)),
    )


class Prototypes:
    """The prototypes of one journey's events, numbered as they are met; `events[i]` is number `i`."""

    def __init__(self, codec: EventCodec, policy: str) -> None:
        self.codec, self.policy = codec, policy
        self.digits = digits_of(codec)
        self.events: list[Event] = []
        self._words = np.empty(0, np.int64)  # in ascending order
        self._numbers = np.empty(0, np.int64)

    def number(self, records: np.ndarray) -> np.ndarray:
        """The number of each record's prototype, `(n,)`; `records` `(n,)` EVENT."""
        words = self.words(records)
        at = np.minimum(np.searchsorted(self._words, words), max(0, len(self._words) - 1))
        if not len(self._words) or (self._words[at] != words).any():
            self._learn(records, words)
            at = np.searchsorted(self._words, words)
        return np.asarray(self._numbers[at])

    def words(self, records: np.ndarray) -> np.ndarray:
        """All fields of a prototype as one number, `(n,)` int64."""
        words = (records["duration"] != 0.0).astype(np.int64)
        for field, lowest, size in self.digits:
            words *= size
            words += records[field]
            words -= lowest
        return words

    def _learn(self, records: np.ndarray, words: np.ndarray) -> None:
        """Make the prototypes that are not there yet."""
        found, first = np.unique(words, return_index=True)
        new = ~np.isin(found, self._words)
        self.events += [self._prototype(records[i]) for i in first[new]]
        numbers = np.arange(len(self._words), len(self.events))
        all_words = np.concatenate([self._words, found[new]])
        order = np.argsort(all_words)
        self._words, self._numbers = all_words[order], np.concatenate([self._numbers, numbers])[order]

    def _prototype(self, record: np.void) -> Event:
        """The event of a record whose own values are replaced."""
        blank = np.array([record], EVENT)
        blank["key"], blank["time"] = KEY, TIME
        blank["duration"] = np.where(blank["duration"] == 0.0, 0.0, DURATION)
        blank["propensity"], blank["position"] = PROPENSITY, POSITION
        return self.codec.from_record(blank[0], USER, self.policy)
