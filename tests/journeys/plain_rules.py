"""The legal actions, written a second time: slowly, in plain Python, from the documented rules and the log alone.

Nothing here is shared with the compiled fold and mask: a user's history is kept in sets, names and lists.
"""

from __future__ import annotations

from typing import Any

from journeys.actions import DIFFICULTIES, RUNGS, Action, decode
from journeys.events import IN_A_STEP, KINDS
from journeys.spec import Journey


class History:
    """What a reader of one user's log would write down."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.fading: set[str] = set()  # skills that are being forgotten; whoever reads on says which
        self.counted = {s.name for s in journey.steps if s.required or journey.completed_when == "all"}
        self.due: str | None = None
        self.over = self.lapsed = False
        self.done: set[str] = set()
        self.consent: set[str] = set()
        self.here = False
        self.step: str | None = None
        self.shown = 0  # highest rung in this visit
        self.asking = False
        self.now: int | None = None
        self.first: int | None = None
        self.helped: int | None = None
        self.unasked = self.messages = self.checks = 0

    def note(self, event: Any) -> None:
        """Read one more event."""
        kind = KINDS[event.kind]
        step = self.journey.step_names()[event.step] if kind in IN_A_STEP else None
        if kind == "decision":
            self.offered(decode(event.action, self.journey.step_names()), event.time)
            return
        self.first = event.time if self.first is None else self.first
        self.now = event.time if self.now is None else max(self.now, event.time)
        self.due, self.asking = None, kind == "ask"
        if kind in {"signup", "consent"}:
            self.consent = {name for i, name in enumerate(("personalise", "push", "email")) if event.consent >> i & 1}
        if kind in {"signup", "enter"}:
            self.come_in()
            self.due = "assist" if self.step else "select"
        elif kind == "leave":
            self.here, self.checks = False, 0
        elif kind == "away" and not self.here:
            self.checks += 1
            self.due = "reengage"
            self.lapsed = self.checks > len(self.journey.rules.away_checks_hours)
        elif step is not None:
            self.worked(kind, step)
        self.over |= self.counted <= self.done
        self.over |= self.now - self.first > self.journey.rules.horizon_days * 86_400_000
        if self.over or self.lapsed:
            self.due = None

    def come_in(self) -> None:
        """A session begins: whoever had lapsed is back."""
        self.here, self.checks, self.lapsed = True, 0, False

    def worked(self, kind: str, step: str) -> None:
        """Something happened inside a step."""
        if not self.here:
            self.come_in()
        if kind == "start" or step != self.step:
            self.step, self.shown = step, 0
        if kind in {"accept", "dismiss", "watch"}:
            return
        self.due = "assist"
        if kind == "succeed":
            self.done.add(step)
        if kind in {"succeed", "give_up", "drop"}:
            self.step, self.shown, self.due = None, 0, "select"

    def offered(self, action: Action, time: int) -> None:
        """A policy decided: nothing more is due for now."""
        self.due = None
        if action.rung in RUNGS[1:]:
            self.shown = max(self.shown, RUNGS.index(action.rung))
            self.unasked += not self.asking
            self.asking = False
            self.helped = time if self.now is None else max(self.now, time)
        if action.channel in {"push", "email"}:
            self.messages += 1

    def legal(self) -> set[Action]:
        """The actions that the documented rules allow now."""
        if self.due == "select":
            return self.legal_steps()
        if self.due == "assist":
            return {Action("assist", rung=rung) for rung in RUNGS if self.may_offer(rung)}
        if self.due == "reengage":
            sendable = self.consent & {"push", "email"} if self.messages < self.journey.rules.message_budget else set()
            return {Action("reengage", channel=channel) for channel in {"nothing", *sendable}}
        return set()

    def legal_steps(self) -> set[Action]:
        """Open steps: all of them at every difficulty with consent, reviews too; else the first at the usual one."""
        usual = ("standard", "easy", "hard")
        opened = [s for s in self.journey.steps if s.name not in self.done and set(s.after) <= self.done]
        if "personalise" in self.consent:
            opened += [s for s in self.journey.steps if s.name in self.done and self.fading & set(s.teaches)]
            return {
                Action("select", step=s.name, difficulty=d) for s in opened for d in DIFFICULTIES if d in s.difficulties
            }
        first = opened[0]
        return {Action("select", step=first.name, difficulty=next(d for d in usual if d in first.difficulties))}

    def may_offer(self, rung: str) -> bool:
        """Whether a rung may be offered: waiting always, help one rung at a time and within the rules."""
        if rung == "wait":
            return True
        rules = self.journey.rules
        if self.step is None or not self.here or (rung == "human" and not rules.human_support):
            return False
        if RUNGS.index(rung) > self.shown + 1:
            return False
        assert self.now is not None
        rested = self.helped is None or self.now - self.helped >= rules.cooldown_seconds * 1000
        return self.asking or ("personalise" in self.consent and rested and self.unasked < rules.help_budget)
