"""A policy that may fail: where it errs, takes too long or keeps failing, the caller is told why and asks the rules."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from policies.compiled_policy import CompiledPolicy
from policies.protocol import Policy
from serving.workspace import Seen

Told = TypeVar("Told")

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
        self._asked: dict[str, Asked[Any]] = {}  # by what was asked: slow reasons hold no decision up
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
        copies = seen.observations.copy(), seen.masks.copy(), seen.keys.copy()  # it may look at them after the deadline
        asked = self._apart("decide", lambda: self.policy.decide(*copies))
        if asked is None:
            return "the policy is still busy with an earlier decision"
        if asked.is_alive():
            return f"the policy took more than {self.deadline:g} s"
        seen.actions[:], seen.propensities[:] = asked.answer()
        return None

    def explain(self, explain: Callable[[], Told]) -> Told | None:
        """What `explain` makes of the policy within the deadline; None where it fails or takes longer.

        The choice stands without its reasons.
        """
        try:
            if self._decide is not None:
                return explain()
            asked = self._apart("explain", explain)
            return None if asked is None or asked.is_alive() else asked.answer()
        except Exception:
            return None

    def _apart(self, what: str, question: Callable[[], Told]) -> Asked[Told] | None:
        """A question asked in a thread, answered or still alive at the deadline; None while the one before is alive."""
        if what in self._asked and self._asked[what].is_alive():
            return None
        asked = self._asked[what] = Asked(self.policy.name, question)
        asked.start()
        asked.join(self.deadline)
        return asked


class Asked(threading.Thread, Generic[Told]):
    """One question to a policy, in a thread that nobody waits for at exit: a policy that hangs holds nothing up."""

    def __init__(self, policy: str, question: Callable[[], Told]) -> None:
        super().__init__(name=f"policy {policy}", daemon=True)
        self._question, self._told = question, list[Told]()
        self._error: Exception | None = None

    def run(self) -> None:
        """Ask."""
        try:
            self._told.append(self._question())
        except Exception as error:
            self._error = error

    def answer(self) -> Told:
        """What it said. Raises what it raised."""
        if not self._told:
            raise self._error or RuntimeError("the policy said nothing")
        return self._told[0]
