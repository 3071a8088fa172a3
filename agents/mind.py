"""What a synthetic user carries around unseen: the MIND record. No policy and no fold ever reads it."""

from __future__ import annotations

import numpy as np

ARRIVING, AT_BOUNDARY, WORKING, AWAY_NOW = range(4)

REASONS = ("casual", "tired", "frustrated", "distracted", "off goal")  # why a user left last
CASUAL, TIRED, FRUSTRATED, DISTRACTED, OFF_GOAL = range(len(REASONS))
STAYING = -1

MIND = np.dtype(
    [
        ("key", "u8"),  # of all the user's luck
        ("known", "u8"),  # set of skills mastered (binary mastery)
        ("done", "u8"),  # set of steps
        ("user", "i8"),  # the user's number
        ("time", "i8"),  # ms since the Unix epoch: when the last event ended
        ("left_at", "i8"),
        ("returns_at", "i8"),
        ("entered", "i8"),  # when the user last came in
        ("session_start", "i8"),  # the same, a short distraction apart: since when the user has been getting tired
        ("session_ms", "i8"),  # planned length of this session
        ("motivation", "f8"),
        ("frustration", "f8"),
        ("exposure", "f8"),  # offers of help, fading
        ("message_exposure", "f8"),
        ("annoyance", "f8"),  # total so far
        ("mastery", "f8"),  # of what the current step exercises, 0 to 1
        ("skill", "f8"),  # share of the journey's skills that the user knows and recalls
        ("position", "f8"),  # share watched of the video begun last
        ("peers", "f8"),  # progress of the peers whom the user sees, 0 to 1; -1 for none
        ("wait", "f8"),  # seconds in the queue before the human who was accepted; set by a support desk
        ("n", "i4"),  # number of the user's next event
        ("decisions", "i4"),
        ("humans", "i2"),  # times a human helped
        ("aways", "i2"),
        ("persona", "i2"),
        ("step", "i2"),
        ("video", "i2"),  # the video begun last
        ("phase", "i1"),
        ("variant", "i1"),
        ("taken", "i1"),  # highest rung of help accepted in this visit
        ("goal", "i1"),  # what the user came for, declared or not; -1 in a journey without goals
        ("reason", "i1"),  # of the last leaving
        ("device", "u1"),  # of this session
        ("asked", "u1"),  # asked for help and not yet answered
        ("interrupted", "u1"),  # the last offer interrupted flow
        ("started", "u1"),  # has begun the current step
        ("reneges", "u1"),  # will not wait for the human any longer; set by a support desk
    ],
    align=True,
)

# What a user remembers of one skill. Not used where knowledge is binary and nothing is forgotten.
MEMORY = np.dtype(
    [
        ("prior", "f8"),  # strength at sign-up, logits
        ("practised", "f8"),  # strength gained by practice, logits
        ("retained", "f8"),  # P(recall), as of the last entering, or of being lost
        ("mastered", "f8"),  # logistic in the strength as it is now (continuous models)
        ("stability", "f8"),  # days, for a memory like the typical learner's; 0 before the first practice
        ("time", "i8"),  # of the last review
    ],
    align=True,
)

NEVER = 2**62


def blank_minds(n: int) -> np.ndarray:
    """Minds of `n` users not yet born, who see no peers."""
    minds = np.zeros(n, MIND).view(np.recarray)
    minds.peers = -1.0
    return minds
