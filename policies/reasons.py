"""Why a policy decided as it did: the entries of the observation that moved it most, and the next best action.

A network is asked for gradients times (entry - usual entry). Any other policy is explained by occlusion (Zeiler and
Fergus 2014): each entry in turn is put back to its usual value, and the change of P(action) is its contribution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.network import NetworkPolicy
from policies.protocol import Policy


class Reason(NamedTuple):
    """One entry of the observation: its number, its value, and how much it spoke for the action (below 0: against)."""

    entry: int
    value: float
    contribution: float


def contributions(
    policy: Policy, observation: np.ndarray, mask: np.ndarray, action: int, usual: np.ndarray
) -> np.ndarray:
    """What each entry of `observation` `(D,)` contributed to `action`, `(D,)`, against the `usual` `(D,)` user.

    In logits for a network, in probability for other policies. Not finite where a network's gradient overflows.
    """
    if isinstance(policy, NetworkPolicy):
        with np.errstate(over="ignore", invalid="ignore"):  # the choice stands without its reasons
            return policy.attributions(observation, mask, action, usual)
    return occlusion(policy, observation, mask, action, usual)


def occlusion(policy: Policy, observation: np.ndarray, mask: np.ndarray, action: int, usual: np.ndarray) -> np.ndarray:
    """P(action) less P(action) with one entry at its usual value, for every entry `(D,)`, in one batch."""
    changed = np.flatnonzero(observation != usual)
    rows = np.repeat(observation[None, :], len(changed) + 1, axis=0)
    rows[np.arange(len(changed)), changed] = usual[changed]
    probability = policy.probabilities(rows, np.repeat(mask[None, :], len(rows), axis=0))[:, action]
    out = np.zeros(len(observation))
    out[changed] = probability[-1] - probability[:-1]
    return out


def top_reasons(contribution: np.ndarray, observation: np.ndarray, k: int) -> list[Reason]:
    """The `k` entries of largest absolute contribution, largest first; those of 0 or not finite are left out."""
    size = np.where(np.isfinite(contribution), np.abs(contribution), 0.0)
    order = np.argsort(-size, kind="stable")[:k]
    return [Reason(int(d), float(observation[d]), float(contribution[d])) for d in order if size[d] != 0.0]


def next_best(policy: Policy, observations: np.ndarray, masks: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """What would be chosen were each row's action not legal, `(n,)`; -1 where nothing else is legal or named.

    For a policy of graded probabilities that is the most probable other action; a policy that plays one action for
    certain is asked again without it, and may have no answer (waiting is what rules do when they have nothing to say).
    """
    rows = np.arange(len(actions))
    others = masks.copy()
    others[rows, actions] = False
    best = np.full(len(actions), -1)
    rows = np.flatnonzero(others.any(axis=1))
    if len(rows):
        asked = policy.probabilities(observations[rows], others[rows]).argmax(axis=1)
        best[rows] = np.where(others[rows, asked], asked, -1)
    return best
