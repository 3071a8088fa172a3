"""A policy that may fail: where it errs, takes too long or keeps failing, the caller is told why and asks the rules."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from policies.compiled_policy import CompiledPolicy
from policies.protocol import Choices, Policy
from serving.workspace import Seen

DEADLINE_SECONDS = 0.05  # half of what an event may take in all (100 ms, docs/service.md)
FAILURES_IN_A_ROW = 5  # until the policy is set aside: one hiccup is none, a broken policy is found within five
SECONDS_ASIDE = 5.0  # then it is tried again, with one batch


class GuardedPolicy:
    """A policy's choices within `deadline` seconds, or the reason why there are none.

    A compiled policy is a bounded number of additions and multiplications: it is called here and now, and only
    clocked. Any other is asked in a thread of its own, so that the caller can go on without it.
    """

    def __init__(
        self, policy: Policy, deadline: float = DEADLINE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.policy, self.deadline, self._clock = policy, deadline, clock
        self._failures, self._aside_until = 0, 0.0
        self._asked: Asked | None = None
        self._decide = policy.bound() if isinstance(policy, CompiledPolicy) else None

    def choose(self, seen: Seen) -> str | None:
        """Fill `seen.actions` and `seen.propensities`; else say why the rules are to answer."""
        begun = self._clock()
        if begun < self._aside_until:
            return f"the policy is set aside after {FAILURES_IN_A_ROW} failures in a row"
        why = self._ask(seen)
        if why is None and self._clock() - begun <= self.deadline:
            self._failures = 0
            return None
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self._failures, self._aside_until = FAILURES_IN_A_ROW - 1, self._clock() + SECONDS_ASIDE
        return why

    def _ask(self, seen: Seen) -> str | None:
        try:
            if self._decide is not None:
                self._decide(seen.observations, seen.masks, seen.keys, seen.actions, seen.propensities)
                return None
            return self._ask_apart(seen)
        except Exception as error:
            return f"the policy failed: {type(error).__name__}: {error}"

    def _ask_apart(self, seen: Seen) -> str | None:
        if self._asked is not None and self._asked.is_alive():
            return "the policy is still busy with an earlier decision"
        copies = seen.observations.copy(), seen.masks.copy(), seen.keys.copy()  # it may look at them after the deadline
        self._asked = Asked(self.policy, copies)
        self._asked.start()
        self._asked.join(self.deadline)
        if self._asked.is_alive():
            return f"the policy took more than {self.deadline:g} s"
        actions, propensities = self._asked.answer()
        seen.actions[:], seen.propensities[:] = actions, propensities
        return None


class Asked(threading.Thread):
    """One question to a policy, in a thread that nobody waits for at exit: a policy that hangs holds nothing up."""

    def __init__(self, policy: Policy, seen: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        super().__init__(name=f"policy {policy.name}", daemon=True)
        self._policy, self._seen = policy, seen
        self._choices: Choices | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        """Ask."""
        try:
            self._choices = self._policy.decide(*self._seen)
        except Exception as error:
            self._error = error

    def answer(self) -> Choices:
        """What it said. Raises what it raised."""
        if self._choices is None:
            raise self._error or RuntimeError("the policy said nothing")
        return self._choices
