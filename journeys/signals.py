"""Moving averages and the two summary signals, struggle and engagement, both in [0, 1].

All averages are exponential with the same memory; each starts from a neutral value given here.
"""

from __future__ import annotations

import math

from journeys.compiled import compiled

MEMORY = 0.25  # weight of the newest event: a memory of about four events, within one step's visit
START_SUCCESS = 0.65  # first-try success (Koedinger et al. 2023)
START_ACCEPTANCE = 0.5  # nothing known: as likely to take help as not
START_PACE = 1.0  # as fast as expected
SLOWEST_PACE = 4.0  # ratios of active to expected time above this count as this

# Struggle: weight of each sign if it alone were at its worst; failing says most. Our choice.
OF_FAILING, OF_HESITATION, OF_BACKTRACKING, OF_SLOWNESS, OF_ASKING = 0.6, 0.35, 0.35, 0.35, 0.5
FAILS_THAT_SATURATE = 3.0  # no three correct within ten tries is wheel-spinning (Beck and Gong 2013); three fails warn

# Engagement: share of each sign; what the user does counts more than how offers of help are met. Our choice.
OF_SUCCESS, OF_FLOW, OF_PERSISTENCE, OF_OPENNESS = 0.3, 0.3, 0.25, 0.15

WEEK_SECONDS = 7 * 86_400.0
LN_2 = math.log(2.0)


@compiled
def blend(average: float, new: float) -> float:
    """The moving average after one more value."""
    return average + MEMORY * (new - average)


@compiled
def struggle(fails_in_row: float, hesitation: float, backtracking: float, lateness: float, asking: float) -> float:
    """1 - product of (1 - weight * sign) over five signs in [0, 1]: any one raises it, none can exceed 1.

    `lateness` is how far the current visit is beyond its expected time: 0 on time, 1 at three times as long.
    """
    failing = min(1.0, fails_in_row / FAILS_THAT_SATURATE)
    calm = (1.0 - OF_FAILING * failing) * (1.0 - OF_HESITATION * hesitation)
    calm *= (1.0 - OF_BACKTRACKING * backtracking) * (1.0 - OF_SLOWNESS * lateness) * (1.0 - OF_ASKING * asking)
    return 1.0 - calm


@compiled
def engagement(success: float, hesitation: float, giving_up: float, acceptance: float, gap_seconds: float) -> float:
    """Weighted mean of recent success, flow (no hesitation), persistence and openness to help, halved per week away."""
    doing = OF_SUCCESS * success + OF_FLOW * (1.0 - hesitation)
    doing = doing + OF_PERSISTENCE * (1.0 - giving_up) + OF_OPENNESS * acceptance
    return doing * math.exp(-LN_2 * gap_seconds / WEEK_SECONDS)
