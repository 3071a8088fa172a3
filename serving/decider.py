"""From what a policy sees to what it decides and why, for the decisions due in one batch."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from journeys.actions import MOMENTS
from journeys.draws import decision_key, id_of_key
from journeys.events import Event
from journeys.observation import entry_names
from policies.bundle import Bundle
from policies.expert_rules import expert_rules
from policies.persona_head import PersonaHead
from policies.protocol import Choices
from policies.reasons import contributions, next_best, top_reasons
from serving.decision import Because, Decision, Likely, Mode, NextBest, Offer, offers

ILLEGAL = "the policy chose an action that is not legal"
UNUSABLE = "the policy gave no usable probabilities"
NS_PER_US = 1_000.0


class Due(NamedTuple):
    """`n` decisions that are due: the events they answer, the moments `(n,)`, and what the policy sees.

    `observations` `(n, D)` float32, `masks` `(n, A)` bool, `keys` `(n,)` uint64 event keys. Views of the workspace.
    """

    events: list[Event]
    moments: np.ndarray
    observations: np.ndarray
    masks: np.ndarray
    keys: np.ndarray


class Chosen(NamedTuple):
    """What was chosen, and `fallback` `(n,)`: why the rules answered instead of the policy, None where it did."""

    choices: Choices
    fallback: list[str | None]


class Why(NamedTuple):
    """Why one decision was made as it was, and what is to be expected."""

    reasons: tuple[Because, ...]
    next_best: NextBest | None
    predicted_success: float | None
    predicted_persona: Likely | None


class Decider:
    """A bundle's policy, checked against the mask once more, with its explanations and its records."""

    def __init__(self, bundle: Bundle, mode: Mode, n_reasons: int, keep_observations: bool) -> None:
        self.bundle, self.mode, self.n_reasons, self.keep_observations = bundle, mode, n_reasons, keep_observations
        journey = bundle.journey
        self.offers: list[Offer] = offers(journey.step_names())
        self.entries = entry_names(journey.step_names(), tuple(skill.name for skill in journey.skills))
        self._rules = expert_rules()

    def choose(self, due: Due) -> Chosen:
        """The policy's choices; the rules answer where its choice is not legal or no probability."""
        seen = due.observations, due.masks, due.keys
        actions, propensities = self.bundle.policy.decide(*seen)
        inside = (actions >= 0) & (actions < due.masks.shape[1])
        legal = due.masks[np.arange(len(actions)), np.where(inside, actions, 0)]
        usable = (propensities > 0.0) & (propensities <= 1.0)
        sound = inside & legal & usable
        if sound.all():
            return Chosen(Choices(actions, propensities), [None] * len(actions))
        rules = self._rules.decide(*seen)
        mended = (np.where(sound, mine, theirs) for mine, theirs in zip((actions, propensities), rules, strict=True))
        why = [(None if fine else ILLEGAL) if is_one else UNUSABLE for fine, is_one in zip(sound, usable, strict=True)]
        return Chosen(Choices(*mended), why)

    def records(self, due: Due, chosen: Chosen, started: int) -> list[Decision]:
        """The decision records; `started` is `time.perf_counter_ns()` when the batch was taken in hand."""
        whys = self.explain(due, chosen)
        legal = legal_actions(due.masks)
        latency = (time.perf_counter_ns() - started) / NS_PER_US
        actions, propensities = (column.tolist() for column in chosen.choices)
        return [
            Decision(
                id=decision_id(key),
                event=event.id,
                user=event.user,
                journey=event.journey,
                time=event.time,
                moment=MOMENTS[moment],
                action=actions[i],
                offer=self.offers[actions[i]],
                propensity=propensities[i],
                legal=legal[i],
                policy=self._rules.name if chosen.fallback[i] else self.bundle.policy.name,
                bundle=self.bundle.manifest.name,
                version=self.bundle.manifest.version,
                mode=self.mode,
                latency_us=latency,
                reasons=whys[i].reasons,
                next_best=whys[i].next_best,
                predicted_success=whys[i].predicted_success,
                predicted_persona=whys[i].predicted_persona,
                fallback=chosen.fallback[i],
                observation=due.observations[i].astype("<f4").tobytes() if self.keep_observations else None,
            )
            for i, (event, moment, key) in enumerate(zip(due.events, due.moments.tolist(), due.keys, strict=True))
        ]

    def explain(self, due: Due, chosen: Chosen) -> list[Why]:
        """Reasons, next best action, predicted success and persona of each decision."""
        success, nothing = self.bundle.success, [None] * len(chosen.choices.actions)
        predicted = success.predict(due.observations).tolist() if success else nothing
        likely = likeliest(self.bundle.persona, due.observations) if self.bundle.persona else nothing
        if not self.n_reasons:
            return [Why((), None, chance, kind) for chance, kind in zip(predicted, likely, strict=True)]
        others = self._others(due, chosen)
        return [
            Why(self._because(due, chosen, i), self._next(other), predicted[i], likely[i])
            for i, other in enumerate(others.tolist())
        ]

    def _others(self, due: Due, chosen: Chosen) -> np.ndarray:
        """The next best actions `(n,)`, each by the policy that chose; -1 for none."""
        fell = np.array([why is not None for why in chosen.fallback], bool)
        others = np.full(len(fell), -1)
        for policy, rows in ((self.bundle.policy, ~fell), (self._rules, fell)):
            if rows.any():
                others[rows] = next_best(policy, due.observations[rows], due.masks[rows], chosen.choices.actions[rows])
        return others

    def _because(self, due: Due, chosen: Chosen, row: int) -> tuple[Because, ...]:
        observation, mask, action = due.observations[row], due.masks[row], int(chosen.choices.actions[row])
        if mask.sum() == 1:  # nothing was weighed: it was the only legal action
            return ()
        policy = self._rules if chosen.fallback[row] else self.bundle.policy
        weights = contributions(policy, observation, mask, action, self.bundle.usual)
        top = top_reasons(weights, observation, self.n_reasons)
        return tuple(Because(self.entries[reason.entry], reason.value, reason.contribution) for reason in top)

    def _next(self, action: int) -> NextBest | None:
        return None if action < 0 else NextBest(action, self.offers[action])


def likeliest(head: PersonaHead, observations: np.ndarray) -> list[Likely]:
    """The likeliest persona of each row of `observations` `(n, D)`; of equals the first."""
    chances = head.predict(observations)
    best = chances.argmax(axis=1)
    tops = chances[np.arange(len(best)), best].tolist()
    return [Likely(head.names[p], chance) for p, chance in zip(best.tolist(), tops, strict=True)]


def legal_actions(masks: np.ndarray) -> list[tuple[int, ...]]:
    """The legal flat actions of each row of `masks` `(n, A)`."""
    rows, actions = np.nonzero(masks)
    edges = np.searchsorted(rows, np.arange(len(masks) + 1)).tolist()
    numbers = actions.tolist()
    return [tuple(numbers[low:high]) for low, high in pairwise(edges)]


def decision_id(key: np.uint64) -> str:
    """Id of the decision that answers the event of this key: the same at every delivery."""
    return id_of_key(int(decision_key(key)))
