"""What a synthetic user carries around unseen: the MIND record. No policy and no fold ever reads it."""

from __future__ import annotations

from typing import Any

import numpy as np

from journeys.actions import STANDARD
from journeys.compiled import compiled
from journeys.draws import PURPOSE_ARRIVAL, PURPOSE_KNOWN, PURPOSE_PERSONA, nth_key, uniform, user_key
from journeys.knowledge import scale_odds
from journeys.plan import Plan
from journeys.state import NOWHERE
from personas.persona import People
from personas.traits import draw_traits

ARRIVING, AT_BOUNDARY, WORKING, AWAY_NOW = range(4)

MIND = np.dtype(
    [
        ("key", "u8"),  # of all the user's luck
        ("known", "u8"),  # set of skills mastered
        ("user", "i8"),  # the user's number
        ("time", "i8"),  # ms since the Unix epoch: when the last event ended
        ("left_at", "i8"),
        ("returns_at", "i8"),
        ("session_start", "i8"),
        ("session_ms", "i8"),  # planned length of this session
        ("motivation", "f8"),
        ("frustration", "f8"),
        ("exposure", "f8"),  # offers of help, fading
        ("message_exposure", "f8"),
        ("annoyance", "f8"),  # total so far
        ("peers", "f8"),  # share of required steps that the user's peers have done, on average; -1 without peers
        ("n", "i4"),  # number of the user's next event
        ("decisions", "i4"),
        ("humans", "i2"),  # times a human helped
        ("fails", "i2"),  # in this visit
        ("aways", "i2"),
        ("persona", "i2"),
        ("step", "i2"),
        ("phase", "i1"),
        ("variant", "i1"),
        ("taken", "i1"),  # highest rung of help accepted in this visit
        ("asked", "u1"),  # asked for help and not yet answered
        ("interrupted", "u1"),  # the last offer interrupted flow
        ("started", "u1"),  # has begun the current step
    ],
    align=True,
)

ARRIVAL_MS = 1_767_225_600_000  # 2026-01-01 UTC: every simulated user signs up on that day
DAY_MS = 86_400_000
NEVER = 2**62


@compiled
def be_born(plan: Plan, people: People, seed: int, user: int, mind: Any, traits: Any, flat: Any) -> None:
    """Create user number `user`: persona, traits (TRAITS; `flat` `(T,)` is the same memory), skills, arrival."""
    key = user_key(seed, user)
    birth = nth_key(key, -1)
    mind.key, mind.user, mind.n = key, user, 0
    mind.persona = draw_persona(people, uniform(birth, PURPOSE_PERSONA))
    p = mind.persona
    draw_traits(people.distributions[p], people.a[p], people.b[p], birth, flat)
    mind.motivation = traits.motivation
    mind.time = ARRIVAL_MS + np.int64(DAY_MS * uniform(birth, PURPOSE_ARRIVAL))
    mind.phase, mind.step, mind.variant = ARRIVING, NOWHERE, STANDARD
    mind.left_at, mind.returns_at = mind.time, NEVER
    mind.session_start = mind.session_ms = 0
    mind.frustration = mind.exposure = mind.message_exposure = mind.annoyance = 0.0
    mind.peers = -1.0
    mind.decisions = mind.fails = mind.aways = mind.humans = mind.taken = 0
    mind.asked = mind.interrupted = mind.started = 0
    mind.known = np.uint64(0)
    for k in range(len(plan.prior)):
        if uniform(birth, PURPOSE_KNOWN + k) < scale_odds(plan.prior[k], traits.prior_odds):
            mind.known = mind.known | (np.uint64(1) << np.uint64(k))


@compiled
def draw_persona(people: People, u: float) -> int:
    """Index of the persona whose share of (0, 1) holds `u`."""
    last = len(people.cumulative) - 1
    for p in range(last):
        if u < people.cumulative[p]:
            return p
    return last
