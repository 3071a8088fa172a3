"""The decision record: what was offered to whom, with all that a service, an auditor and off-policy evaluation need.

docs/serving.md documents its JSON form.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from journeys.actions import decode, n_actions

Mode = Literal["live", "shadow"]


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An action spelled out: `reads` for people, the other fields (those that apply) for programs."""

    reads: str
    step: str | None = None
    difficulty: str | None = None
    rung: str | None = None
    channel: str | None = None


class Because(msgspec.Struct, frozen=True):
    """One entry of the observation, its value, and its contribution: above 0 it spoke for the action."""

    entry: str
    value: float
    contribution: float


class NextBest(msgspec.Struct, frozen=True):
    """The action that would have been chosen were the one that was chosen not legal."""

    action: int
    offer: Offer


class Likely(msgspec.Struct, frozen=True):
    """The simulated persona that a user's behaviour is most like, and its probability among all personas."""

    name: str
    probability: float


class Decision(msgspec.Struct, frozen=True):
    """One decision. `time` is that of the event it answers, in ms since the Unix epoch.

    `propensity` is P(action) under the policy, `legal` the flat actions that the mask allowed, `observation` the
    float32 vector that the policy read (little-endian bytes, base64 in JSON) where the runtime keeps it.
    """

    id: str
    event: str
    user: str
    journey: str
    time: int
    moment: str
    action: int
    offer: Offer
    propensity: float
    legal: tuple[int, ...]
    policy: str
    bundle: str
    version: str
    mode: Mode
    latency_us: float
    reasons: tuple[Because, ...] = ()
    next_best: NextBest | None = None
    predicted_success: float | None = None
    predicted_persona: Likely | None = None
    fallback: str | None = None
    observation: bytes | None = None


def offers(step_names: tuple[str, ...]) -> list[Offer]:
    """The offer of every flat action of a journey, in order."""
    actions = [decode(action, step_names) for action in range(n_actions(len(step_names)))]
    return [Offer(str(a), a.step, a.difficulty, a.rung, a.channel) for a in actions]


encoder = msgspec.json.Encoder()
decoder = msgspec.json.Decoder(Decision)
