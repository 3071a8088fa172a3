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
from policies.protocol import Choices
from policies.reasons import contributions, next_best, top_reasons
from serving.decision import Because, Decision, Mode, NextBest, Offer, offers

ILLEGAL = "the policy chose an action that is not legal"
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
    """What was chosen, `(n,)` each; `fallback` where the rules answered because the policy's choice was not legal."""

    choices: Choices
    fallback: np.ndarray


class Why(NamedTuple):
    """Why one decision was made as it was, and what is to be expected."""

    reasons: tuple[Because, ...]
    next_best: NextBest | None
    predicted_success: float | None


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
        sound = inside & legal & (propensities > 0.0) & (propensities <= 1.0)
        if sound.all():
            return Chosen(Choices(actions, propensities), ~sound)
        rules = self._rules.decide(*seen)
        mended = (np.where(sound, mine, theirs) for mine, theirs in zip((actions, propensities), rules, strict=True))
        return Chosen(Choices(*mended), ~sound)

    def records(self, due: Due, chosen: Chosen, started: int) -> list[Decision]:
        """The decision records; `started` is `time.perf_counter_ns()` when the batch was taken in hand."""
        whys = self.explain(due, chosen.choices.actions)
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
                fallback=ILLEGAL if chosen.fallback[i] else None,
                observation=due.observations[i].astype("<f4").tobytes() if self.keep_observations else None,
            )
            for i, (event, moment, key) in enumerate(zip(due.events, due.moments.tolist(), due.keys, strict=True))
        ]

    def explain(self, due: Due, actions: np.ndarray) -> list[Why]:
        """Reasons, next best action and predicted success of each decision."""
        success, n = self.bundle.success, len(actions)
        predicted = success.predict(due.observations).tolist() if success else [None] * n
        if not self.n_reasons:
            return [Why((), None, chance) for chance in predicted]
        others = next_best(self.bundle.policy, due.observations, due.masks, actions).tolist()
        return [
            Why(self._because(due.observations[i], due.masks[i], int(actions[i])), self._next(others[i]), predicted[i])
            for i in range(n)
        ]

    def _because(self, observation: np.ndarray, mask: np.ndarray, action: int) -> tuple[Because, ...]:
        if mask.sum() == 1:  # nothing was weighed: it was the only legal action
            return ()
        weights = contributions(self.bundle.policy, observation, mask, action, self.bundle.usual)
        top = top_reasons(weights, observation, self.n_reasons)
        return tuple(Because(self.entries[reason.entry], reason.value, reason.contribution) for reason in top)

    def _next(self, action: int) -> NextBest | None:
        return None if action < 0 else NextBest(action, self.offers[action])


def legal_actions(masks: np.ndarray) -> list[tuple[int, ...]]:
    """The legal flat actions of each row of `masks` `(n, A)`."""
    rows, actions = np.nonzero(masks)
    edges = np.searchsorted(rows, np.arange(len(masks) + 1)).tolist()
    numbers = actions.tolist()
    return [tuple(numbers[low:high]) for low, high in pairwise(edges)]


def decision_id(key: np.uint64) -> str:
    """Id of the decision that answers the event of this key: the same at every delivery."""
    return id_of_key(int(decision_key(key)))
