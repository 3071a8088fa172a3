"""What a matrix says in sentences, each computed from its numbers: above all what doing without RL costs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from experiments.matrix.findings import Matrix
from experiments.matrix.ranks import Ranks
from experiments.statistics import Interval
from experiments.summary import listed


def bandits_against_rl(matrix: Matrix) -> Iterator[str]:
    """Per journey: the best bandit less the best RL policy, and how much of RL's gain over the reference it keeps."""
    for journey in matrix.journeys:
        bandit, rl = matrix.best("bandit", journey), matrix.best("rl", journey)
        if bandit is None or rl is None:
            yield f"- `{journey}`: no {'bandit' if bandit is None else 'RL policy'} was played."
        else:
            yield f"- {one_journey(matrix, journey, bandit, rl)}"


def one_journey(matrix: Matrix, journey: str, bandit: str, rl: str) -> str:
    """The sentence of one journey."""
    behind = matrix.difference(bandit, rl, "return", journey)
    done = matrix.difference(bandit, rl, "completion", journey)
    return (
        f"`{journey}`: the best bandit, `{bandit}`, {verdict(behind)} the best RL policy, `{rl}`: "
        f"{with_ends(behind, 1.0, 3)} return per user, {with_ends(done, 100.0, 1)} percentage points of completion"
        f"{kept_of_gain(matrix, journey, bandit, rl)}."
    )


def verdict(behind: Interval) -> str:
    """What the interval lets one say."""
    if not math.isfinite(behind.low):
        return "beside"
    if not behind.excludes_zero:
        return "is not shown to differ from"
    return "falls behind" if behind.mean < 0.0 else "is ahead of"


def kept_of_gain(matrix: Matrix, journey: str, bandit: str, rl: str) -> str:
    """The shares of RL's gain over the reference that the bandit, and what is not trained, reach; if RL gains."""
    untrained = matrix.best("baseline", journey) or matrix.reference
    gains = [matrix.difference(policy, matrix.reference, "return", journey) for policy in (bandit, untrained, rl)]
    if not (gains[-1].low > 0.0 and math.isfinite(gains[-1].low)):
        return ""
    reached, without = (f"{gain.mean / gains[-1].mean:.0%}" for gain in gains[:-1])
    said = f"; it reaches {reached} of what `{rl}` gains over `{matrix.reference}`"
    return said if untrained == matrix.reference else f"{said}, `{untrained}`, which is not trained, {without}"


def with_ends(interval: Interval, scale: float, digits: int) -> str:
    """A difference and its interval; of one seed the difference alone."""
    mean, low, high = (f"{scale * value:+.{digits}f}" for value in interval[:3])
    return f"{mean} [{low}, {high}]" if math.isfinite(interval.low) else mean


def ranking(matrix: Matrix, ranks: Ranks) -> str:
    """Friedman's test, and who is not told apart from the first."""
    best, *rest = matrix.policies
    near = [f"`{p}`" for p, rank in zip(rest, ranks.mean[1:], strict=True) if rank - ranks.mean[0] < ranks.critical]
    return (
        f"{len(matrix.policies)} policies in {ranks.blocks} blocks: Friedman's chi-squared {ranks.chi_squared:.1f}, "
        f"{len(rest)} degrees of freedom, {p_value(ranks.p_value)}; critical difference at 95%: {ranks.critical:.2f}. "
        f"`{best}` ranks first; not told apart from it: {listed(near) if near else 'nobody'}."
    )


def p_value(p: float) -> str:
    """As it is written."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
