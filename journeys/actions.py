"""The flat action space of a journey: select a step at a difficulty, assist inside a step, re-engage a user away.

- `3 * step + variant`: select `step` at easy (0), standard (1) or hard (2);
- `3 * n_steps + rung`: assist with nothing, that is wait (0), hint (1), guidance (2), full help (3), human (4);
- `3 * n_steps + 5 + c`: re-engage by nothing (0), push (1), e-mail (2).
"""

from __future__ import annotations

from typing import NamedTuple

DIFFICULTIES = ("easy", "standard", "hard")
RUNGS = ("wait", "hint", "guidance", "full", "human")
CHANNELS = ("nothing", "push", "email")
MOMENTS = ("none", "select", "assist", "reengage")

N_VARIANTS, N_RUNGS, N_CHANNELS = len(DIFFICULTIES), len(RUNGS), len(CHANNELS)
INTERVENTIONS = N_RUNGS + N_CHANNELS  # what may be done beside selecting a step: help and messages
EASY, STANDARD, HARD = range(N_VARIANTS)
WAIT, HINT, GUIDANCE, FULL, HUMAN = range(N_RUNGS)
NOTHING, PUSH, EMAIL = range(N_CHANNELS)
NONE, SELECT, ASSIST, REENGAGE = range(len(MOMENTS))


class Action(NamedTuple):
    """A decoded action: `moment` says which of the three kinds it is, the others what it does."""

    moment: str
    step: str | None = None
    difficulty: str | None = None
    rung: str | None = None
    channel: str | None = None

    def __str__(self) -> str:
        if self.step is not None:
            return f"select {self.step} ({self.difficulty})"
        return self.rung or self.channel or self.moment


def n_actions(n_steps: int) -> int:
    """Size of the flat action space of a journey of `n_steps` steps."""
    return N_VARIANTS * n_steps + INTERVENTIONS


def decode(action: int, step_names: tuple[str, ...]) -> Action:
    """What the flat `action` means. Raises `ValueError` when it is outside the journey's action space."""
    n_steps = len(step_names)
    if not 0 <= action < n_actions(n_steps):
        raise ValueError(f"action {action} is outside 0..{n_actions(n_steps) - 1} of a journey with {n_steps} steps")
    step, variant = divmod(action, N_VARIANTS)
    if step < n_steps:
        return Action("select", step=step_names[step], difficulty=DIFFICULTIES[variant])
    rest = action - N_VARIANTS * n_steps
    if rest < N_RUNGS:
        return Action("assist", rung=RUNGS[rest])
    return Action("reengage", channel=CHANNELS[rest - N_RUNGS])


def encode(action: Action, step_names: tuple[str, ...]) -> int:
    """Inverse of `decode`. Raises `ValueError` on a name that the journey or the codec does not have."""
    base = N_VARIANTS * len(step_names)
    if action.moment == "select" and action.step is not None and action.difficulty is not None:
        return N_VARIANTS * step_names.index(action.step) + DIFFICULTIES.index(action.difficulty)
    if action.moment == "assist" and action.rung is not None:
        return base + RUNGS.index(action.rung)
    if action.moment == "reengage" and action.channel is not None:
        return base + N_RUNGS + CHANNELS.index(action.channel)
    raise ValueError(f"not an action: {action!r}")


def describe(step_names: tuple[str, ...]) -> list[str]:
    """One readable line per action, in order: the action codec as the bundle publishes it."""
    return [str(decode(action, step_names)) for action in range(n_actions(len(step_names)))]
