"""What the users of one persona do on a journey, read off their events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from agents.learners import BINARY_MASTERY, Learner
from envs.reward import RewardWeights
from experiments.settings import Problem
from experiments.simulate import event_records
from journeys.actions import N_VARIANTS, WAIT
from journeys.events import (
    ACCEPT,
    ASK,
    BACKTRACK,
    DECISION,
    DISMISS,
    DROP,
    ENTER,
    FAIL,
    GIVE_UP,
    HESITATE,
    LEAVE,
    PAUSE,
    SEEK,
    SIGNUP,
    START,
    SUCCEED,
    WATCH,
)
from journeys.spec import Journey
from journeys.state import MOBILE, UNKNOWN_DEVICE
from personas.persona import mixture
from policies.protocol import Policy

DOINGS = (SUCCEED, FAIL, HESITATE, BACKTRACK, ASK, GIVE_UP)  # what a user does inside a step, watching apart
WATCHING = (WATCH, PAUSE, SEEK, DROP)
QUARTERS = (0.25, 0.5, 0.75, 1.0)  # of a video: where the events say how far somebody came
SESSION_GAP_HOURS = 0.5  # the customary cut between sessions; a shorter absence is an interruption
SECONDS_PER_MINUTE, MS_PER_HOUR, MS_PER_DAY = 60.0, 3_600_000.0, 86_400_000.0
WEEK_DAYS = 7.0


class Lives(NamedTuple):
    """The onboardings of `users` users of one persona.

    `events`: a row per event, each user's in order, with columns `user`, `time` (ms), `kind` (code), `step` (-1
    outside), `action`, `position` (share of the video), `device` (code), `minutes` (active time that it took) and
    `active` (the user's active minutes when it was over).
    """

    persona: str
    journey: Journey
    users: int
    events: pd.DataFrame

    def of(self, *kinds: int) -> pd.DataFrame:
        """The events of some kinds."""
        return self.events[self.events["kind"].isin(kinds)]


class Responses(NamedTuple):
    """Help, counted over all users: `asked`, and of the offers that nobody asked for those `taken` and `dismissed`."""

    asked: int
    taken: int
    dismissed: int


class Funnel(NamedTuple):
    """Shares of users `(S,)` who `reached` each step (began it) and who `finished` it."""

    reached: np.ndarray
    finished: np.ndarray


def live(
    persona: str,
    name: str,
    journey: Journey,
    policy: Policy,
    users: int,
    seed: int,
    learner: Learner = BINARY_MASTERY,
) -> Lives:
    """Let `users` users of `persona` (a shipped name or a path) called `name` go through `journey` under `policy`."""
    problem = Problem(journey, mixture(name, {persona: 1.0}), RewardWeights(), learner)
    records = event_records(problem, policy, users, seed, silent)
    records = records[np.argsort(records["user"], kind="stable")]  # within a user they stay in order
    declares_seconds = records["kind"] == SIGNUP  # its duration is the declared budget, not time spent
    minutes = np.where(declares_seconds, 0.0, records["duration"]) / SECONDS_PER_MINUTE
    columns = {name: records[name] for name in ("user", "time", "kind", "step", "action", "position", "device")}
    events = pd.DataFrame({**columns, "minutes": minutes})
    events["active"] = events.groupby("user")["minutes"].cumsum()
    return Lives(name, journey, users, events.reset_index(drop=True))


def silent(done: int) -> None:
    """Tell nobody how far it is: so few users are played in a moment."""


def needed_steps(journey: Journey) -> list[int]:
    """Numbers of the steps that have to be done for the onboarding to be complete."""
    return [i for i, step in enumerate(journey.steps) if step.required or journey.completed_when == "all"]


def completed(lives: Lives) -> np.ndarray:
    """Numbers of the users who completed the journey."""
    needed = needed_steps(lives.journey)
    done = lives.of(SUCCEED).drop_duplicates(["user", "step"])
    counts = done[done["step"].isin(needed)].groupby("user").size()
    return np.asarray(counts.index[counts == len(needed)])


def funnel(lives: Lives) -> Funnel:
    """How many users reached and finished each step."""
    n_steps = len(lives.journey.steps)

    def share(kind: int) -> np.ndarray:
        pairs = lives.of(kind).drop_duplicates(["user", "step"])
        return np.bincount(pairs["step"], minlength=n_steps) / lives.users

    return Funnel(share(START), share(SUCCEED))


def responses(lives: Lives) -> Responses:
    """How often users asked, and how they took offers of help that they had not asked for."""
    answers = lives.of(ACCEPT, DISMISS)
    # before an answer stands the decision that it answers, and before that what made the decision due
    before = lives.events["kind"].to_numpy()[answers.index.to_numpy() - 2]
    unasked = answers["kind"].to_numpy()[before != ASK]
    return Responses(len(lives.of(ASK)), int((unasked == ACCEPT).sum()), int((unasked == DISMISS).sum()))


def refusals(lives: Lives) -> int:
    """How often users asked and the policy let them wait."""
    asks = lives.of(ASK).index.to_numpy()
    answered = asks[asks + 1 < len(lives.events)]
    after = lives.events.iloc[answered + 1]
    wait = N_VARIANTS * len(lives.journey.steps) + WAIT
    return int(((after["kind"] == DECISION) & (after["action"] == wait)).sum())


def step_minutes(lives: Lives) -> np.ndarray:
    """Active minutes that each finished step took its user, whatever the number of visits."""
    inside = lives.events[lives.events["step"] >= 0]
    spent = inside.groupby(["user", "step"])["minutes"].sum()
    done = lives.of(SUCCEED).drop_duplicates(["user", "step"]).set_index(["user", "step"]).index
    return spent.loc[done].to_numpy()


def absences(lives: Lives) -> np.ndarray:
    """Hours between leaving and coming back, of those who came back."""
    turns = lives.of(LEAVE, ENTER)
    kinds, times, users = (turns[name].to_numpy() for name in ("kind", "time", "user"))
    back = (kinds[:-1] == LEAVE) & (kinds[1:] == ENTER) & (users[:-1] == users[1:])
    return (times[1:] - times[:-1])[back] / MS_PER_HOUR


def sessions(lives: Lives) -> float:
    """Sessions a user: comings-in after half an hour away or more, and the first."""
    return 1.0 + float((absences(lives) >= SESSION_GAP_HOURS).sum()) / lives.users


def on_mobile(lives: Lives) -> float:
    """Share of comings-in that were on a mobile device; nan where nobody said."""
    devices = lives.of(SIGNUP, ENTER)["device"]
    known = devices[devices != UNKNOWN_DEVICE]
    return float((known == MOBILE).mean()) if len(known) else float("nan")


def strayed(lives: Lives) -> float:
    """Share of begun steps that were not the one offered; nan where none was begun."""
    starts = lives.of(START)
    offered = lives.events["action"].to_numpy()[starts.index.to_numpy() - 1] // N_VARIANTS
    return float((offered != starts["step"].to_numpy()).mean()) if len(starts) else float("nan")


def watched(lives: Lives) -> np.ndarray:
    """Share of the begun videos `(4,)` that were watched up to each of `QUARTERS`; nan in a journey without any."""
    videos = [i for i, step in enumerate(lives.journey.steps) if step.kind == "video"]
    events = lives.of(START, SUCCEED, *WATCHING)
    events = events[events["step"].isin(videos)]
    seen = events["position"].where(events["kind"] != SUCCEED, 1.0)
    begun = int((events["kind"] == START).sum())
    if not begun:
        return np.full(len(QUARTERS), np.nan)
    visit = (events["kind"] == START).groupby([events["user"], events["step"]]).cumsum()
    furthest = seen.groupby([events["user"], events["step"], visit]).max()
    return np.array([(furthest >= quarter).sum() / begun for quarter in QUARTERS])


def returned_within_a_week(lives: Lives) -> float:
    """Share of the users who had left once that came in again within seven days of leaving; nan where nobody left."""
    first_leave = lives.of(LEAVE).drop_duplicates("user").set_index("user")["time"]
    first_enter = lives.of(ENTER).drop_duplicates("user").set_index("user")["time"]
    if not len(first_leave):
        return float("nan")
    days = (first_enter.reindex(first_leave.index) - first_leave) / MS_PER_DAY
    return float((days <= WEEK_DAYS).mean())


def examples(lives: Lives, count: int) -> list[int]:
    """`count` users spread evenly over the ranks of active time: typical ones, and nobody picked by hand."""
    active = lives.events.groupby("user")["active"].last().sort_values(kind="stable")
    ranks = (np.arange(count) + 0.5) / count * len(active)
    return [int(user) for user in active.index[ranks.astype(int)]]
