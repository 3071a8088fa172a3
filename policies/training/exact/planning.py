"""Planning on a belief over hidden states: QMDP, and one step of exact lookahead.

QMDP (Littman, Cassandra and Kaelbling 1995) takes the action whose optimal value, averaged over the belief, is best: as
if all were known from the next decision on. It therefore never acts in order to learn who the user is.

The lookahead corrects that for one decision. Of every observation that may follow it takes the exact posterior, and
lets the next decision, too, be one for all hidden states at once: QMDP's value less the regret then to be expected.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from journeys.actions import HINT, N_CHANNELS, N_RUNGS, N_VARIANTS, NOTHING, WAIT
from journeys.compiled import compiled, compiled_apart
from journeys.events import ACCEPT, ASK, DISMISS, ENTER, FAIL, HESITATE, PAUSE, SEEK, START, SUCCEED, WATCH
from journeys.state import NOWHERE
from policies.training.exact.belief import TRACE, offered, see
from policies.training.exact.solver import Solution, assist_value, select_value
from policies.training.exact.states import (
    QUARTERS,
    RUNGS,
    Model,
    Place,
    Values,
    cell_of,
    video_cell,
)

ILLEGAL = -np.inf


class Workspace(NamedTuple):
    """Room for looking ahead: beliefs `(4, P, 2**K)` and traces `(4,)`: now, after the response, after the event."""

    beliefs: np.ndarray
    traces: np.ndarray


def workspace_of(model: Model) -> Workspace:
    """Room for looking ahead in `model`."""
    shape = (4, len(model.traits), 2 ** len(model.plan.prior))
    return Workspace(np.zeros(shape), np.zeros(4, TRACE).view(np.recarray))


def assist_values(solution: Solution) -> np.ndarray:
    """Q of waiting and of each rung in every state inside a step, `inside.shape + (RUNGS,)`; ILLEGAL where illegal."""
    q = np.full((*solution.values.inside.shape, RUNGS), ILLEGAL)
    write_assist_values(solution.model, solution.values, q)
    return q


@compiled_apart
def write_assist_values(model: Model, values: Values, q: Any) -> None:
    """Fill `q` for `assist_values`."""
    for p in range(len(model.traits)):
        for d in range(len(model.sets)):
            for s in range(len(model.plan.steps)):
                for v in range(N_VARIANTS):
                    if model.visit[d, s, v] >= 0:
                        for offers in range(len(model.exposure)):
                            write_visit(model, values, q, Place(p, offers, d, s, v))


@compiled_apart
def write_visit(model: Model, values: Values, q: Any, at: Place) -> None:
    """The same for one visit."""
    z, video = model.visit[at.d, at.s, at.v], model.plan.steps[at.s].video
    for known in range(values.boundary.shape[3]):
        for shown in range(RUNGS):
            for taken in range(shown + 1):
                for within in range(QUARTERS):
                    may_help = at.offers < len(model.exposure) - 1 or (not video and within & 1)
                    cell = video_cell(taken, shown, within)
                    for rung in range((min(RUNGS - 1, shown + 1) if may_help else WAIT) + 1):
                        q[at.p, at.offers, z, known, cell, rung] = assist_value(
                            model, values, at, np.uint64(known), taken, shown, within, rung
                        )


@compiled
def cell_now(model: Model, trace: Any) -> int:
    """The cell of a user inside a step."""
    if model.plan.steps[trace.step].video:
        return video_cell(trace.taken, trace.shown, trace.quarter)
    return cell_of(trace.taken, trace.shown, trace.interrupted, trace.asked)


@compiled
def averaged(model: Model, values: Values, q: Any, trace: Any, belief: Any, action: int) -> float:
    """Optimal value of a legal `action` (of the flat action space), weighed by the belief."""
    d = model.number_of_set[np.int64(trace.done)]
    total = 0.0
    if trace.step == NOWHERE:
        s, v = action // N_VARIANTS, action % N_VARIANTS
        for p in range(belief.shape[0]):
            for known in range(belief.shape[1]):
                if belief[p, known] > 0.0:
                    worth = select_value(model, values, Place(p, trace.offers, d, s, v), np.uint64(known))
                    total += belief[p, known] * worth
        return total
    z, cell = model.visit[d, trace.step, trace.variant], cell_now(model, trace)
    rung = action - N_VARIANTS * len(model.plan.steps)
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            if belief[p, known] > 0.0:
                total += belief[p, known] * q[p, trace.offers, z, known, cell, rung]
    return total


@compiled
def informed(model: Model, values: Values, trace: Any, belief: Any) -> float:
    """Value of knowing the hidden state from now on, weighed by the belief."""
    d = model.number_of_set[np.int64(trace.done)]
    total = 0.0
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            if belief[p, known] > 0.0:
                if trace.step == NOWHERE:
                    total += belief[p, known] * values.boundary[p, trace.offers, d, known]
                else:
                    z = model.visit[d, trace.step, trace.variant]
                    worth = values.inside[p, trace.offers, z, known, cell_now(model, trace)]
                    total += belief[p, known] * worth
    return total


@compiled
def legal(model: Model, trace: Any, action: int) -> bool:
    """Whether the mask allows `action` in this state: `journeys.mask` under finite rules."""
    n_steps = len(model.plan.steps)
    if trace.step == NOWHERE:
        d = model.number_of_set[np.int64(trace.done)]
        return action < N_VARIANTS * n_steps and model.visit[d, action // N_VARIANTS, action % N_VARIANTS] >= 0
    rung = action - N_VARIANTS * n_steps
    if rung <= WAIT or rung >= RUNGS:
        return rung == WAIT
    may_help = trace.asked or trace.offers < len(model.exposure) - 1
    return bool(may_help) and HINT <= rung <= trace.shown + 1


@compiled
def n_actions_of(model: Model) -> int:
    """Size of the flat action space."""
    return N_VARIANTS * len(model.plan.steps) + N_RUNGS + N_CHANNELS


@compiled_apart
def regret(model: Model, values: Values, q: Any, trace: Any, belief: Any) -> float:
    """What not knowing the hidden state costs at one decision, weighed by the belief."""
    if trace.gone:
        return 0.0
    best = -np.inf
    for action in range(n_actions_of(model)):
        if legal(model, trace, action):
            best = max(best, averaged(model, values, q, trace, belief, action))
    return informed(model, values, trace, belief) - best


@compiled
def branch(model: Model, room: Workspace, source: int, target: int, after: Any, kind: int, action: int) -> None:
    """Put into `target` of the workspace what `source` becomes by an event."""
    belief, trace = room.beliefs[target], room.traces[target]
    copy_trace(room.traces[source], trace)
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            belief[p, known] = room.beliefs[source, p, known]
    rung = max(0, action - N_VARIANTS * len(model.plan.steps))
    see(model, trace, belief, after, kind, action // N_VARIANTS, action % N_VARIANTS, rung)


@compiled
def copy_trace(source: Any, target: Any) -> None:
    """Let `target` be as `source`."""
    target.done, target.step, target.variant = source.done, source.step, source.variant
    target.taken, target.shown, target.interrupted = source.taken, source.shown, source.interrupted
    target.asked, target.offers, target.quarter = source.asked, source.offers, source.quarter
    target.gone = source.gone


@compiled
def regret_after(model: Model, values: Values, q: Any, room: Workspace, source: int, kind: int, action: int) -> float:
    """The regret to be expected after an event, weighed by its chance."""
    branch(model, room, source, 2, room.beliefs[3], kind, action)
    return regret(model, values, q, room.traces[2], room.beliefs[2])


@compiled_apart
def regret_of_moment(model: Model, values: Values, q: Any, room: Workspace, at: int, action: int) -> float:
    """The same over whatever may happen next to the user in `at` of the workspace, inside a step."""
    total = 0.0
    if not model.plan.steps[room.traces[at].step].video:
        for kind in (ENTER, ASK, HESITATE, FAIL, SUCCEED):
            total += regret_after(model, values, q, room, at, kind, action)
        return total
    while room.traces[at].quarter < QUARTERS - 1:
        for kind in (ENTER, PAUSE, SEEK):
            if kind != SEEK or room.traces[at].quarter > 0:
                total += regret_after(model, values, q, room, at, kind, action)
        see(model, room.traces[at], room.beliefs[at], room.beliefs[3], WATCH, 0, 0, 0)
    for kind in (ENTER, PAUSE, SEEK, SUCCEED):
        total += regret_after(model, values, q, room, at, kind, action)
    return total


@compiled_apart
def regret_of(model: Model, values: Values, q: Any, room: Workspace, trace: Any, belief: Any, action: int) -> float:
    """The regret to be expected at the decision after `action`."""
    now, n_steps = room.beliefs[0], len(model.plan.steps)
    copy_trace(trace, room.traces[0])
    for p in range(belief.shape[0]):
        for known in range(belief.shape[1]):
            now[p, known] = belief[p, known]
    if trace.step == NOWHERE:
        total = 0.0
        for kind in (START, ENTER):
            total += regret_after(model, values, q, room, 0, kind, action)
        return total
    if action == N_VARIANTS * n_steps + WAIT:
        return regret_of_moment(model, values, q, room, 0, action)
    offered(model, room.traces[0], action)
    total = 0.0
    for kind in (ACCEPT, DISMISS):
        branch(model, room, 0, 1, room.beliefs[3], kind, action)
        total += regret_of_moment(model, values, q, room, 1, action)
    return total


@compiled_apart
def plan_action(
    model: Model, values: Values, q: Any, room: Workspace, trace: Any, belief: Any, look_ahead: bool
) -> int:
    """The best legal action by QMDP, or by a step of lookahead."""
    if trace.gone:
        return N_VARIANTS * len(model.plan.steps) + N_RUNGS + NOTHING
    best, most = -1, -np.inf
    for action in range(n_actions_of(model)):
        if legal(model, trace, action):
            worth = averaged(model, values, q, trace, belief, action)
            if look_ahead:
                worth -= regret_of(model, values, q, room, trace, belief, action)
            if worth > most:
                best, most = action, worth
    return best


@compiled_apart
def plan_rows(
    model: Model, values: Values, q: Any, room: Workspace, traces: Any, beliefs: Any, look_ahead: bool, actions: Any
) -> None:
    """`plan_action` for every row of `traces` `(n,)` and `beliefs` `(n, P, 2**K)`."""
    for row in range(len(actions)):
        actions[row] = plan_action(model, values, q, room, traces[row], beliefs[row], look_ahead)
