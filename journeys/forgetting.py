"""How memory fades between sessions: the power curve and the stability updates of FSRS-6.

Ye, Su and Cao 2022 (10.1145/3534678.3539081) describe the scheduler; the formulae and default parameters are those of
version 6 (open-spaced-repetition). Stability S is the number of days in which the chance of recall R falls to 0.9.
Two simplifications: the difficulty of an item stays at its initial value for the rating "good", and only the first
attempt in a session counts as a review, for massed practice hardly strengthens memory.

The same functions run the fold's belief and the synthetic users' true memory; only the stability's scale differs.
"""

from __future__ import annotations

import math

from journeys.compiled import compiled, compiled_apart

DECAY = -0.1542  # w20 of FSRS-6
RECALL_AT_STABILITY = 0.9
FACTOR = RECALL_AT_STABILITY ** (1.0 / DECAY) - 1.0  # so that R(S, S) = 0.9
DUE = 0.9  # recall below which a review is due: the scheduler's default "desired retention"

# Defaults of FSRS-6, by their number there.
W0_STABILITY_AGAIN, W2_STABILITY_GOOD = 0.212, 2.3065  # days, after a first attempt that failed or succeeded
W4, W5 = 6.4133, 0.8334
DIFFICULTY = W4 - math.exp(2.0 * W5) + 1.0  # 1 to 10; initial difficulty at the rating "good"
W8, W9, W10 = 1.8722, 0.1666, 0.796  # growth of stability after a recall
W11, W12, W13, W14 = 1.4835, 0.0614, 0.2629, 1.6483  # stability after a lapse
W17, W18 = 0.5425, 0.0912  # of short-term memory: a lapse leaves at most exp(-W17 W18) of the stability
GROWTH = math.exp(W8) * (11.0 - DIFFICULTY)
AFTER_LAPSE = W11 * DIFFICULTY**-W12
MOST_AFTER_LAPSE = math.exp(-W17 * W18)

STABILITY_OF_OLD = 60.0  # days, of what was known before sign-up: in use for months. Our choice
LEAST_STABILITY, MOST_STABILITY = 0.001, 36_500.0  # days; the bounds of FSRS-6
DAY_MS = 86_400_000.0


@compiled_apart
def recall(elapsed_ms: float, stability: float) -> float:
    """R(t, S) = (1 + FACTOR t / S)^DECAY, FSRS-6: P(recall) after `elapsed_ms` at a `stability` in days."""
    days = max(0.0, elapsed_ms / DAY_MS)
    return (1.0 + FACTOR * days / stability) ** DECAY


@compiled
def first_stability(success: bool) -> float:
    """Stability in days after the first attempt at something new."""
    return W2_STABILITY_GOOD if success else W0_STABILITY_AGAIN


@compiled_apart
def next_stability(stability: float, retained: float, success: bool) -> float:
    """Stability in days after a review at recall probability `retained`: grows with a recall, falls with a lapse."""
    if success:
        growth = GROWTH * stability**-W9 * (math.exp(W10 * (1.0 - retained)) - 1.0)
        return min(MOST_STABILITY, stability * (1.0 + growth))
    lapsed = AFTER_LAPSE * ((stability + 1.0) ** W13 - 1.0) * math.exp(W14 * (1.0 - retained))
    return max(LEAST_STABILITY, min(MOST_AFTER_LAPSE * stability, lapsed))
