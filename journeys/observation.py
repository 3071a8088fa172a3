"""The observation: what a policy sees of one user, a flat float32 vector of blocks.

    user block | step block x S | skill block x K

Every entry is in [0, 1]. Blocks of a kind have the same entries in every journey, so a policy may score steps by
their block alone. docs/observation.md is generated from the schema below, and a test keeps it true.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from journeys.actions import ASSIST, EASY, HARD, N_RUNGS, REENGAGE, SELECT, STANDARD
from journeys.compiled import compiled, compiled_apart
from journeys.fold import expected_seconds
from journeys.knowledge import success_probability
from journeys.mask import eligible, progress, write_mask
from journeys.plan import Plan
from journeys.signals import SLOWEST_PACE, engagement, struggle
from journeys.state import (
    DONE,
    EMAIL_CONSENT,
    EXPERIENCES,
    GIVEN_UP,
    MOBILE,
    NOWHERE,
    PERSONALISE,
    PUSH_CONSENT,
    UNDECLARED,
    UNKNOWN_DEVICE,
)
from journeys.tracing import known_together
from journeys.words import EVERYTHING, UNIT, count_members


class Entry(NamedTuple):
    """One number of a block. All entries lie in [0, 1]."""

    name: str
    meaning: str


USER_BLOCK = (
    Entry("select", "1 at a boundary: a step is to be selected"),
    Entry("assist", "1 inside a step: help may be offered"),
    Entry("reengage", "1 while away: a message may be sent"),
    Entry("progress", "share of the required steps that are done"),
    Entry("optional_progress", "share of the optional steps that are done"),
    Entry("time_used", "active time / declared time budget"),
    Entry("days_used", "time since sign-up / horizon"),
    Entry("session_time", "time since the session began / 1 hour"),
    Entry("sessions", "number of sessions / 8"),
    Entry("gap", "length of the last absence / 7 days"),
    Entry("away_checks", "away events since leaving / 4"),
    Entry("success_rate", "moving average of attempt outcomes"),
    Entry("pace", "moving average of active time / expected time per finished step, / 4"),
    Entry("hesitation", "moving average of hesitating"),
    Entry("backtracking", "moving average of going back"),
    Entry("fails_in_row", "failed attempts in a row in this visit / 5"),
    Entry("engagement", "engagement signal, see journeys/signals.py"),
    Entry("struggle", "struggle signal, see journeys/signals.py"),
    Entry("giving_up", "moving average of visits ended by giving up"),
    Entry("asked_now", "1 if the last event asked for help"),
    Entry("asked", "times help was asked for / 8"),
    Entry("shown", "offers of help / 12"),
    Entry("acceptance", "moving average of offers accepted rather than dismissed"),
    Entry("dismissed", "offers dismissed / 8"),
    Entry("cooled_down", "time since the last offer of help / cool-down"),
    Entry("help_left", "share of the budget of unasked help that is left"),
    Entry("rung", "highest rung shown in this visit / 4"),
    Entry("taken", "highest rung accepted in this visit / 4"),
    Entry("visit_time", "active time in this visit / three times its expected time"),
    Entry("messages", "messages sent / message budget"),
    Entry("consent_personalise", "1 if the user agreed to personalisation"),
    Entry("consent_push", "1 if the user agreed to push messages"),
    Entry("consent_email", "1 if the user agreed to e-mail"),
    Entry("variant", "difficulty of the current visit: easy 0, standard 0.5, hard 1"),
    Entry("success_now", "P(next attempt succeeds) in this visit, with the help taken; 0 at a boundary"),
    Entry("declared", "1 if the user declared a goal or experience at sign-up"),
    Entry("experience", "declared experience: none 0, some 0.5, much 1; 0.5 where undeclared"),
    Entry("mobile", "1 if this session is on a mobile device, 0.5 where unknown"),
    Entry("position", "share that was reached of the current video; 0 elsewhere"),
)

STEP_BLOCK = (
    Entry("eligible", "1 if it may be worked on: its prerequisites done, itself not done or due for review"),
    Entry("current", "1 if the user is in this step"),
    Entry("done", "1 if done"),
    Entry("given_up", "1 if the last visit ended by giving up"),
    Entry("required", "1 if the journey is not complete without it"),
    Entry("fails", "failed attempts / 8"),
    Entry("success_easy", "P(an attempt succeeds) at easy, unaided, by the belief"),
    Entry("success_standard", "the same at standard"),
    Entry("success_hard", "the same at hard"),
    Entry("gain", "expected number of taught skills that one practice makes known or brings back to mind, / 2"),
    Entry("minutes", "expected active time / 20 minutes"),
    Entry("unlocks", "share of the other steps that wait for it, directly or not"),
    Entry("review", "1 if done and due for review"),
    Entry("goal", "1 if it serves the declared goal"),
    Entry("video", "1 if it is a video"),
)

SKILL_BLOCK = (
    Entry("belief", "P(known) by Bayesian knowledge tracing"),
    Entry("tries", "attempts that exercised it / 10"),
    Entry("last", "outcome of the last such attempt: 0 or 1; 0.5 before the first"),
    Entry("weight", "share of the required steps that exercise it"),
    Entry("retained", "P(comes to mind where known), as of the beginning of the session; 1 once practised in it"),
    Entry("trend", "success rate of the newer half of the last eight attempts less the older half's, / 2 + 0.5"),
)

USER_SIZE, STEP_SIZE, SKILL_SIZE = len(USER_BLOCK), len(STEP_BLOCK), len(SKILL_BLOCK)
USER_INDEX = {entry.name: i for i, entry in enumerate(USER_BLOCK)}
STEP_INDEX = {entry.name: i for i, entry in enumerate(STEP_BLOCK)}
SKILL_INDEX = {entry.name: i for i, entry in enumerate(SKILL_BLOCK)}

HOUR_MS, WEEK_S = 3_600_000.0, 7 * 86_400.0
LATE = 3.0  # a visit three times as long as expected reads 1
SESSIONS, AWAYS, FAILS_IN_ROW, ASKED, SHOWN, DISMISSED = 8.0, 4.0, 5.0, 8.0, 12.0, 8.0
STEP_FAILS, GAIN, TRIES, TOP_RUNG = 8.0, 2.0, 10.0, N_RUNGS - 1.0
MOST_EXPERIENCE = len(EXPERIENCES) - 1.0
WINDOW, TREND_OF_HALVES = 8, 0.5  # attempts remembered by `SKILL.recent`; from [-1, 1] to [0, 1]
# Scales are round numbers near the 95th percentile of simulated users; beyond them an entry stays 1.


def observation_size(n_steps: int, n_skills: int) -> int:
    """Length of the observation, `D = 39 + 15 S + 6 K`."""
    return USER_SIZE + STEP_SIZE * n_steps + SKILL_SIZE * n_skills


def entry_names(step_names: tuple[str, ...], skill_names: tuple[str, ...]) -> list[str]:
    """Name of every entry of the flat vector, in order: `user.struggle`, `step.<name>.gain`, `skill.<name>.belief`."""
    names = [f"user.{entry.name}" for entry in USER_BLOCK]
    names += [f"step.{step}.{entry.name}" for step in step_names for entry in STEP_BLOCK]
    return names + [f"skill.{skill}.{entry.name}" for skill in skill_names for entry in SKILL_BLOCK]


def schema_hash(n_steps: int, n_skills: int) -> str:
    """SHA-256 over names and meanings of all entries and the numbers of blocks: what a policy was trained to read."""
    digest = hashlib.sha256(f"{n_steps} {n_skills}".encode())
    for block in (USER_BLOCK, STEP_BLOCK, SKILL_BLOCK):
        digest.update(repr([tuple(entry) for entry in block]).encode())
    return digest.hexdigest()


@compiled
def unit(value: float) -> float:
    """`value` cut to [0, 1]."""
    return min(1.0, max(0.0, value))


@compiled
def lateness(plan: Plan, user: Any) -> float:
    """How far the current visit is beyond its expected time: 0 on time, 1 at `LATE` times the expected time."""
    if user.current == NOWHERE:
        return 0.0
    expected = expected_seconds(plan, user.done, user.current, user.variant)
    return unit((user.visit_seconds / expected - 1.0) / (LATE - 1.0))


@compiled
def struggle_of(plan: Plan, user: Any) -> float:
    """The struggle signal of a user's state."""
    return struggle(user.fails_in_row, user.hesitation, user.backtracking, lateness(plan, user), user.asked_now)


@compiled
def engagement_of(user: Any) -> float:
    """The engagement signal of a user's state."""
    return engagement(user.success_rate, user.hesitation, user.giving_up, user.acceptance, user.gap_seconds)


@compiled_apart
def write_observation(plan: Plan, user: Any, steps: Any, skills: Any, out: Any) -> None:
    """Write one user's observation into `out` `(D,)` float32."""
    refresh_observation(plan, user, steps, skills, EVERYTHING, NOWHERE, out)
    for k in range(len(skills)):
        write_skill(plan, skills[k], len(steps), k, out)


@compiled
def refresh_observation(
    plan: Plan, user: Any, steps: Any, skills: Any, touched: np.uint64, practised: int, out: Any
) -> None:
    """The same where only the blocks of the `touched` steps and of the skills that step `practised` (or NOWHERE)
    exercises may differ from `out`.
    """
    write_user(plan, user, skills, out)
    for s in range(len(steps)):
        if touched >> np.uint64(s) & UNIT:
            at = USER_SIZE + s * STEP_SIZE
            write_step(plan, user, steps[s], skills, s, out[at : at + STEP_SIZE])
            if touched == EVERYTHING:
                write_step_constants(plan, user, s, out[at : at + STEP_SIZE])
    if practised != NOWHERE:
        for i in range(plan.steps[practised].skills_from, plan.steps[practised].skills_to):
            k = plan.skills[i]
            write_skill(plan, skills[k], len(steps), k, out)


@compiled
def write_user(plan: Plan, user: Any, skills: Any, out: Any) -> None:
    """The user block."""
    rules = plan.rules[0]
    now = user.last_time
    out[0] = user.moment == SELECT
    out[1] = user.moment == ASSIST
    out[2] = user.moment == REENGAGE
    out[3] = progress(plan, user.done)
    out[4] = count_members(user.done & rules.optional) / max(1, rules.n_optional)
    out[5] = unit(user.active_seconds / user.budget_seconds)
    out[6] = unit((now - user.first_time) / rules.horizon_ms)
    out[7] = unit((now - user.session_start) / HOUR_MS)
    out[8] = min(1.0, user.sessions / SESSIONS)
    out[9] = min(1.0, user.gap_seconds / WEEK_S)
    out[10] = min(1.0, user.aways / AWAYS)
    out[11] = user.success_rate
    out[12] = user.pace / SLOWEST_PACE
    out[13] = user.hesitation
    out[14] = user.backtracking
    out[15] = min(1.0, user.fails_in_row / FAILS_IN_ROW)
    out[16] = engagement_of(user)
    out[17] = struggle_of(plan, user)
    out[18] = user.giving_up
    write_user_help(plan, user, skills, out)


@compiled
def write_user_help(plan: Plan, user: Any, skills: Any, out: Any) -> None:
    """The user block's entries on help, messages and consent."""
    rules = plan.rules[0]
    out[19] = user.asked_now
    out[20] = min(1.0, user.asked / ASKED)
    out[21] = min(1.0, user.shown / SHOWN)
    out[22] = user.acceptance
    out[23] = min(1.0, user.dismissed / DISMISSED)
    out[24] = unit((user.last_time - user.last_help_time) / max(1, rules.cooldown_ms))
    out[25] = 1.0 - min(1.0, user.unsolicited / max(1, rules.help_budget))
    out[26] = user.rung / TOP_RUNG
    out[27] = user.taken / TOP_RUNG
    out[29] = min(1.0, user.messages / max(1, rules.message_budget))
    out[30] = user.consent & PERSONALISE != 0
    out[31] = user.consent & PUSH_CONSENT != 0
    out[32] = user.consent & EMAIL_CONSENT != 0
    out[33] = user.variant / 2.0
    out[35] = user.goal != UNDECLARED or user.experience != UNDECLARED
    out[36] = 0.5 if user.experience == UNDECLARED else user.experience / MOST_EXPERIENCE
    device = user["device"]  # NumPy's records have a `device` of their own
    out[37] = 0.5 if device == UNKNOWN_DEVICE else (1.0 if device == MOBILE else 0.0)
    s = user.current
    out[38] = user.position if s != NOWHERE and s == user.video else 0.0
    if s == NOWHERE:
        out[28] = out[34] = 0.0
        return
    out[28] = unit(user.visit_seconds / (LATE * expected_seconds(plan, user.done, s, user.variant)))
    known = known_together(plan, skills, s)
    out[34] = success_probability(known, plan.slip[s, user.variant], plan.guess[s, user.variant, user.taken])


@compiled
def write_step(plan: Plan, user: Any, step: Any, skills: Any, s: int, out: Any) -> None:
    """What changes in one step block, `out` `(15,)`."""
    due = user.due >> np.uint64(s) & UNIT != 0
    known = known_together(plan, skills, s)
    out[0] = eligible(plan, user.done, s) or due
    out[1] = user.current == s
    out[2] = step.status == DONE
    out[3] = step.status == GIVEN_UP
    out[5] = min(1.0, step.fails / STEP_FAILS)
    out[6] = success_probability(known, plan.slip[s, EASY], plan.guess[s, EASY, 0])
    out[7] = success_probability(known, plan.slip[s, STANDARD], plan.guess[s, STANDARD, 0])
    out[8] = success_probability(known, plan.slip[s, HARD], plan.guess[s, HARD, 0])
    out[9] = min(1.0, expected_gain(plan, skills, s) / GAIN)
    out[12] = due


@compiled
def write_step_constants(plan: Plan, user: Any, s: int, out: Any) -> None:
    """What stays as it is from sign-up on in one step block, `out` `(15,)`."""
    spec = plan.steps[s]
    out[4] = spec.required
    out[10] = spec.minutes_scaled
    out[11] = spec.unlocks
    out[13] = user.goal != UNDECLARED and plan.goals[user.goal] >> np.uint64(s) & UNIT != 0
    out[14] = spec.video


@compiled
def write_skill(plan: Plan, skill: Any, n_steps: int, k: int, out: Any) -> None:
    """The block of skill `k` in `out` `(D,)`."""
    at = USER_SIZE + n_steps * STEP_SIZE + k * SKILL_SIZE
    out[at] = skill.belief
    out[at + 1] = min(1.0, skill.tries / TRIES)
    out[at + 2] = 0.5 if skill.tries == 0 else float(skill.recent & 1)
    out[at + 3] = plan.weight[k]
    out[at + 4] = skill.retained
    out[at + 5] = TREND_OF_HALVES * trend(skill.tries, skill.recent) + TREND_OF_HALVES


@compiled
def trend(tries: int, recent: int) -> float:
    """Success rate in the newer half of the last eight attempts less that in the older half; of fewer where fewer."""
    half = min(tries, WINDOW) // 2
    newer, older = recent & ((1 << half) - 1), recent >> half & ((1 << half) - 1)
    return (count_members(np.uint64(newer)) - count_members(np.uint64(older))) / max(1, half)


@compiled
def expected_gain(plan: Plan, skills: Any, s: int) -> float:
    """Expected number of taught skills that one unaided standard practice makes known or brings back to mind."""
    gain = 0.0
    for i in range(plan.steps[s].skills_from, plan.steps[s].taught_to):
        k = plan.skills[i]
        belief = skills[k].belief
        gain += (1.0 - belief) * plan.learn[k, STANDARD, 0] + belief * (1.0 - skills[k].retained)
    return gain


@compiled
def look(plan: Plan, users: Any, steps: Any, skills: Any, rows: Any, observations: Any, masks: Any) -> None:
    """Write observations `(n, D)` and masks `(n, A)` of the users in `rows` `(n,)`."""
    for i in range(len(rows)):
        row = rows[i]
        write_observation(plan, users[row], steps[row], skills[row], observations[i])
        write_mask(plan, users[row], masks[i])
