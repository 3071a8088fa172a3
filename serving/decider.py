"""From what a policy sees to what it decides and why, for the decisions due in one batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.observation import entry_names
from policies.bundle import Bundle
from policies.expert_rules import expert_rules
from policies.protocol import Choices
from policies.reasons import contributions, next_best, top_reasons
from serving.decision import Because, NextBest, Offer, offers

ILLEGAL = "the policy chose an action that is not legal"


class Why(NamedTuple):
    """Why one decision was made as it was, and what is to be expected."""

    reasons: tuple[Because, ...]
    next_best: NextBest | None
    predicted_success: float | None


class Decider:
    """A bundle's policy, checked against the mask once more, and its explanations."""

    def __init__(self, bundle: Bundle, n_reasons: int) -> None:
        self.bundle, self.n_reasons = bundle, n_reasons
        journey = bundle.journey
        self.offers: list[Offer] = offers(journey.step_names())
        self.entries = entry_names(journey.step_names(), tuple(skill.name for skill in journey.skills))
        self._rules = expert_rules()

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> tuple[Choices, np.ndarray]:
        """The policy's choices, and `(n,)` bool where the rules had to answer because its choice was not legal."""
        actions, propensities = self.bundle.policy.decide(observations, masks, keys)
        rows = np.arange(len(actions))
        inside = (actions >= 0) & (actions < masks.shape[1])
        sound = inside & masks[rows, np.where(inside, actions, 0)] & (propensities > 0.0) & (propensities <= 1.0)
        if sound.all():
            return Choices(actions, propensities), ~sound
        rules = self._rules.decide(observations, masks, keys)
        return Choices(
            np.where(sound, actions, rules.actions), np.where(sound, propensities, rules.propensities)
        ), ~sound

    def explain(self, observations: np.ndarray, masks: np.ndarray, actions: np.ndarray) -> list[Why]:
        """Reasons, next best action and predicted success of each decision."""
        success = self.bundle.success
        predicted = success.predict(observations).tolist() if success else [None] * len(actions)
        if not self.n_reasons:
            return [Why((), None, chance) for chance in predicted]
        others = next_best(self.bundle.policy, observations, masks, actions).tolist()
        return [
            Why(self._because(observation, mask, action), self._next(other), chance)
            for observation, mask, action, other, chance in zip(
                observations, masks, actions.tolist(), others, predicted, strict=True
            )
        ]

    def _because(self, observation: np.ndarray, mask: np.ndarray, action: int) -> tuple[Because, ...]:
        weights = contributions(self.bundle.policy, observation, mask, action, self.bundle.usual)
        top = top_reasons(weights, observation, self.n_reasons)
        return tuple(Because(self.entries[reason.entry], reason.value, reason.contribution) for reason in top)

    def _next(self, action: int) -> NextBest | None:
        return None if action < 0 else NextBest(action, self.offers[action])
