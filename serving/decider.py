"""From what a policy sees to what it decides and why, for the decisions due in one batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from journeys.actions import MOMENTS
from journeys.compiled import entry_point
from journeys.draws import id_of_key
from journeys.events import Event
from journeys.observation import entry_names
from policies.bundle import Bundle
from policies.expert_rules import expert_rules
from policies.network import NetworkPolicy
from policies.network_reasons import NetworkReasons
from policies.persona_head import PersonaHead
from policies.reasons import contributions, next_best, top_reasons
from serving.decision import Because, Decision, Likely, Mode, NextBest, Offer, offers
from serving.fold_batch import check_on
from serving.guarded_policy import DEADLINE_SECONDS, GuardedPolicy
from serving.workspace import Seen, Workspace

ILLEGAL = "the policy chose an action that is not legal"
UNUSABLE = "the policy gave no usable probabilities"
NS_PER_TENTH_US = 100  # a latency is told to a tenth of a microsecond: more is noise and takes room in every record

# For each decision why the rules answered it; None where the policy answered all.
Fallback = list[str | None] | None


class Why(NamedTuple):
    """Why one decision was made as it was, and what is to be expected."""

    reasons: tuple[Because, ...]
    next_best: NextBest | None
    predicted_success: float | None
    predicted_persona: Likely | None


UNTOLD: tuple[tuple[Because, ...], NextBest | None] = ((), None)
UNEXPLAINED = Why((), None, None, None)


class Decider:
    """A bundle's policy, guarded and checked against the mask once more, with its explanations and its records."""

    def __init__(
        self, bundle: Bundle, mode: Mode, n_reasons: int, keep_observations: bool, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self.bundle, self.mode, self.n_reasons, self.keep_observations = bundle, mode, n_reasons, keep_observations
        journey, manifest = bundle.journey, bundle.manifest
        self.offers: list[Offer] = offers(journey.step_names())
        self.entries = entry_names(journey.step_names(), tuple(skill.name for skill in journey.skills))
        self._policy, self._rules = GuardedPolicy(bundle.policy, deadline), expert_rules()
        self._network: NetworkReasons | None = None
        if n_reasons and isinstance(bundle.policy, NetworkPolicy):
            self._network = NetworkReasons(bundle.policy, bundle.usual, n_reasons)
        self._explains = bool(n_reasons or bundle.success or bundle.persona)
        self._signed = bundle.policy.name, manifest.name, manifest.version
        self._by_rules = self._rules.name, manifest.name, manifest.version

    def choose(self, work: Workspace, m: int) -> Fallback:
        """Fill the choices of the first `m` decisions of `work`: the policy's, the rules' where those do not hold."""
        seen = work.due(m)
        why = self._policy.choose(seen)
        if why is not None:
            seen.actions[:], seen.propensities[:] = self._rules.decide(seen.observations, seen.masks, seen.keys)
        check_code()(seen.masks, seen.actions, seen.propensities, work.legal, work.edges, seen.sound, work.count)
        if why is not None:
            return [why] * m
        return None if work.count[0] == 0 else self._mend(seen)

    def ask(self, seen: Seen) -> str | None:
        """Fill the policy's choices, unchecked; or say why there are none."""
        return self._policy.choose(seen)

    def ask_rules(self, seen: Seen, why: str | None) -> str:
        """Fill the rules' choice of one decision; returns why: what is given, or what was wrong with the choice."""
        usable = 0.0 < seen.propensities[0] <= 1.0
        seen.actions[:], seen.propensities[:] = self._rules.decide(seen.observations, seen.masks, seen.keys)
        return why or (ILLEGAL if usable else UNUSABLE)

    def record(
        self, seen: Seen, event: Event, moment: int, action: int, legal: tuple[int, ...], fell: str | None, started: int
    ) -> Decision:
        """The record of one decision."""
        why = self.explain(seen, [fell])[0] if self._explains else UNEXPLAINED
        answered, propensity = seen.answered.item(0), seen.propensities.item(0)
        return self._made(seen, 0, event, answered, moment, action, propensity, legal, why, fell, tenths_since(started))

    def _made(
        self, seen: Seen, row: int, event: Event, answered: int, moment: int, action: int, propensity: float,
        legal: tuple[int, ...], why: Why, fell: str | None, latency: float,
    ) -> Decision:  # fmt: skip
        """The record of the decision in `row`; plain numbers are handed in, as a batch has them by the column."""
        policy, bundle, version = self._by_rules if fell else self._signed
        return Decision(
            id_of_key(answered), event.id, event.user, event.journey, event.time, MOMENTS[moment],
            action, self.offers[action], propensity, legal,
            policy, bundle, version, self.mode, latency, *why, fell,
            seen.observations[row].astype("<f4").tobytes() if self.keep_observations else None,
        )  # fmt: skip

    def _mend(self, seen: Seen) -> Fallback:
        usable = (seen.propensities > 0.0) & (seen.propensities <= 1.0)
        rules = self._rules.decide(seen.observations, seen.masks, seen.keys)
        for mine, theirs in zip((seen.actions, seen.propensities), rules, strict=True):
            mine[~seen.sound] = theirs[~seen.sound]
        kinds = zip(seen.sound.tolist(), usable.tolist(), strict=True)
        return [None if fine else (ILLEGAL if is_one else UNUSABLE) for fine, is_one in kinds]

    def records(
        self, work: Workspace, m: int, events: Sequence[Event], fallback: Fallback, started: int
    ) -> list[Decision]:
        """The records of the first `m` decisions. `events` are those of the batch.

        `started` is `time.perf_counter_ns()` when the batch was taken in hand.
        """
        seen = work.due(m)
        whys = self.explain(seen, fallback)
        edges = work.edges[: m + 1].tolist()
        legal, due = work.legal[: edges[-1]].tolist(), seen.due.tolist()
        actions, propensities, moments, answered = (
            column.tolist() for column in (seen.actions, seen.propensities, seen.moments, seen.answered)
        )
        latency = tenths_since(started)
        return [
            self._made(
                seen, i, events[number], answered[i], moments[i], actions[i], propensities[i],
                tuple(legal[edges[i] : edges[i + 1]]), whys[i], fallback[i] if fallback else None, latency,
            )
            for i, number in enumerate(due)
        ]  # fmt: skip

    def explain(self, seen: Seen, fallback: Fallback) -> list[Why]:
        """Reasons, next best action, predicted success and persona of each decision."""
        success, nothing = self.bundle.success, [None] * len(seen.due)
        predicted = success.predict(seen.observations).tolist() if success else nothing
        likely = likeliest(self.bundle.persona, seen.observations) if self.bundle.persona else nothing
        if not self.n_reasons:
            return [Why((), None, chance, kind) for chance, kind in zip(predicted, likely, strict=True)]
        because = self._policy.explain(lambda: self._reasons_of(seen, fallback)) or [UNTOLD] * len(seen.due)
        return [Why(*one, chance, kind) for one, chance, kind in zip(because, predicted, likely, strict=True)]

    def _reasons_of(self, seen: Seen, fallback: Fallback) -> list[tuple[tuple[Because, ...], NextBest | None]]:
        """Reasons and next best action of each decision: a network's are compiled, what explains others is general."""
        if self._network is None or (fallback and any(fallback)):
            others = self._others(seen, fallback).tolist()
            return [(self._because(seen, fallback, i), self._next(other)) for i, other in enumerate(others)]
        told = self._network.explain(seen.observations, seen.masks, seen.actions)
        names = self.entries
        return [
            (tuple([Because(names[d], v, w) for d, v, w in zip(*row, strict=True) if d >= 0]), self._next(other))
            for *row, other in zip(*(column.tolist() for column in told), strict=True)
        ]

    def _others(self, seen: Seen, fallback: Fallback) -> np.ndarray:
        """The next best actions `(m,)`, each by the policy that chose; -1 for none."""
        fell = np.array([why is not None for why in fallback or [None] * len(seen.due)], bool)
        others = np.full(len(fell), -1)
        for policy, rows in ((self.bundle.policy, ~fell), (self._rules, fell)):
            if rows.any():
                others[rows] = next_best(policy, seen.observations[rows], seen.masks[rows], seen.actions[rows])
        return others

    def _because(self, seen: Seen, fallback: Fallback, row: int) -> tuple[Because, ...]:
        observation, mask, action = seen.observations[row], seen.masks[row], int(seen.actions[row])
        if mask.sum() == 1:  # nothing was weighed: it was the only legal action
            return ()
        policy = self._rules if fallback and fallback[row] else self.bundle.policy
        weights = contributions(policy, observation, mask, action, self.bundle.usual)
        top = top_reasons(weights, observation, self.n_reasons)
        return tuple(Because(self.entries[reason.entry], reason.value, reason.contribution) for reason in top)

    def _next(self, action: int) -> NextBest | None:
        return None if action < 0 else NextBest(action, self.offers[action])


def tenths_since(started: int) -> float:
    """Microseconds since `started` (of `time.perf_counter_ns()`), to a tenth."""
    return (time.perf_counter_ns() - started) // NS_PER_TENTH_US / 10.0


def likeliest(head: PersonaHead, observations: np.ndarray) -> list[Likely]:
    """The likeliest persona of each row of `observations` `(n, D)`; of equals the first."""
    chances = head.predict(observations)
    best = chances.argmax(axis=1)
    tops = chances[np.arange(len(best)), best].tolist()
    return [Likely(head.names[p], chance) for p, chance in zip(best.tolist(), tops, strict=True)]


@cache
def check_code() -> Callable[..., Any]:
    """The machine code of `check_on`."""
    numbers, some = np.zeros(1, np.int64), np.zeros(1, bool)
    return entry_point(check_on, np.zeros((1, 1), bool), numbers, np.zeros(1), numbers, numbers, some, numbers)
