"""Everything the fold knows of one user: a USER record, a STEP record per step and a SKILL record per skill.

Real numbers are doubles and counts are small integers, so that the compiled fold and the same functions run as
plain Python give the same bits. Times are milliseconds since the Unix epoch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ONGOING, COMPLETED, LAPSED, OUT_OF_TIME = range(4)
ENDINGS = ("ongoing", "completed", "lapsed", "out of time")

PERSONALISE, PUSH_CONSENT, EMAIL_CONSENT = 1, 2, 4  # bits of the consent word
CONSENTS = ("personalise", "push", "email")

UNKNOWN_DEVICE, DESKTOP, MOBILE = range(3)
DEVICES = ("unknown", "desktop", "mobile")
EXPERIENCES = ("none", "some", "much")

TODO, STARTED, GIVEN_UP, DONE = range(4)
NOWHERE = -1
UNDECLARED = -1  # a question at sign-up that was not answered

USER = np.dtype(
    [
        ("first_time", "i8"),
        ("last_time", "i8"),
        ("left_time", "i8"),
        ("session_start", "i8"),
        ("last_help_time", "i8"),  # last offer of help, asked for or not
        ("done", "u8"),  # set of steps
        ("due", "u8"),  # set of steps done whose skills are fading: they may be selected again
        ("active_seconds", "f8"),
        ("budget_seconds", "f8"),
        ("visit_seconds", "f8"),  # active time in the current visit of the current step
        ("gap_seconds", "f8"),  # last absence
        ("success_rate", "f8"),  # moving averages, see `signals`
        ("hesitation", "f8"),
        ("backtracking", "f8"),
        ("giving_up", "f8"),
        ("acceptance", "f8"),
        ("pace", "f8"),
        ("position", "f8"),  # share that was reached of the video begun last
        ("events", "i4"),
        ("sessions", "i2"),
        ("fails", "i2"),
        ("fails_in_row", "i2"),
        ("asked", "i2"),
        ("shown", "i2"),  # offers of help
        ("unsolicited", "i2"),
        ("accepted", "i2"),
        ("dismissed", "i2"),
        ("messages", "i2"),  # pushes and e-mails
        ("aways", "i2"),  # away events since leaving
        ("current", "i2"),  # step being worked on, or NOWHERE
        ("offered", "i2"),  # step last selected for the user, or NOWHERE
        ("video", "i2"),  # the video begun last, or NOWHERE
        ("variant", "i1"),
        ("rung", "i1"),  # highest rung shown in this visit
        ("taken", "i1"),  # highest rung accepted in this visit
        ("moment", "u1"),
        ("ended", "u1"),
        ("present", "u1"),
        ("consent", "u1"),
        ("asked_now", "u1"),  # the last event asked for help and nothing was offered yet
        ("device", "u1"),  # of the current session, see `DEVICES`
        ("goal", "i1"),  # declared at sign-up, or UNDECLARED
        ("experience", "i1"),  # the same, see `EXPERIENCES`
    ],
    align=True,
)

STEP = np.dtype(
    [("seconds", "f8"), ("fails", "i2"), ("visits", "i2"), ("helps", "i2"), ("status", "u1"), ("variant", "i1")],
    align=True,
)

SKILL = np.dtype(
    [
        ("belief", "f8"),  # P(known), whether or not it comes to mind
        ("retained", "f8"),  # P(comes to mind where known), as of the beginning of the session
        ("stability", "f8"),  # days in which `retained` falls to 0.9; 0 before the first attempt
        ("practised", "i8"),
        ("tries", "i2"),
        ("successes", "i2"),
        ("recent", "u1"),  # outcomes of the last eight attempts, the newest in the lowest bit
    ],
    align=True,
)


class State(NamedTuple):
    """States of `n` users: `users` `(n,)`, `steps` `(n, S)`, `skills` `(n, K)`."""

    users: np.ndarray
    steps: np.ndarray
    skills: np.ndarray


def pack(state: State, row: int) -> bytes:
    """One user's state as bytes, for a store. `unpack` reads it back."""
    return b"".join(part[row].tobytes() for part in state)


def unpack(data: bytes, state: State, row: int) -> None:
    """Put packed bytes into `row` of `state`. Raises `ValueError` when the length is not that of this journey."""
    sizes = [part[row].nbytes for part in state]
    if len(data) != sum(sizes):
        raise ValueError(f"a packed state of this journey has {sum(sizes)} bytes, this one has {len(data)}")
    start = 0
    for part, size in zip(state, sizes, strict=True):
        flat = part[row : row + 1].reshape(-1).view(np.ndarray).view(np.uint8)
        flat[:] = np.frombuffer(data, np.uint8, size, start)
        start += size
