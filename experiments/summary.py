"""The result in sentences. What is called higher, lower or worse is so by its interval, never by means alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.comparison import Comparison
from experiments.evaluation import MEASURES, Evaluation
from experiments.statistics import paired_interval
from experiments.tables import interval_text, unit


def summary(evaluations: Sequence[Evaluation], comparison: Comparison, trained: str | None) -> list[str]:
    """Who has the highest return; then the `trained` policy, or else the one of highest mean, against each reference.

    The evaluations are those that the comparison was made of.
    """
    best, *rest = sorted(evaluations, key=lambda e: -float(e.of("return").mean()))
    equals = [e for e in rest if not paired_interval(best.of("return"), e.of("return")).excludes_zero]
    said = [headline(best.policy, [e.policy for e in equals], len(evaluations))]
    chosen = trained or best.policy
    if chosen not in {e.policy for e in (best, *equals)}:
        said.append(f"{chosen} has a lower return than {best.policy}.")
    for reference in comparison.references:
        if reference != chosen:
            said.append(" ".join(against(comparison, chosen, reference)))
    return said


def headline(best: str, equals: list[str], policies: int) -> str:
    """Who is ahead in return, or that nobody is shown to be."""
    if policies == 1:
        return f"{best} was played alone."
    if not equals:
        return f"{best} has the highest return of the {policies} policies."
    whose = "" if len(equals) == 1 else f" to {best}, whose mean is highest"
    return f"{listed([best, *equals])}: no difference of return is shown{whose}."


def against(comparison: Comparison, policy: str, reference: str) -> Iterator[str]:
    """The differences of return and completion, and all measures in which the policy is shown to be worse."""
    gain = comparison.difference(policy, reference, "return")
    done = comparison.difference(policy, reference, "completion")
    verdict = "" if gain.interval.excludes_zero else " (the interval holds 0: no difference is shown)"
    yield (
        f"{policy} against {reference}: {gain.mean:+.3f} return per user [{gain.low:+.3f}, {gain.high:+.3f}]{verdict}, "
        f"{100 * done.mean:+.1f} percentage points of completion [{100 * done.low:+.1f}, {100 * done.high:+.1f}]."
    )
    worse = list(drawbacks(comparison, policy, reference))
    if worse:
        yield f"{policy} is worse than {reference} in {listed(worse)}."


def drawbacks(comparison: Comparison, policy: str, reference: str) -> Iterator[str]:
    """The measures whose whole interval lies on the bad side of 0, each with its difference."""
    for measure in MEASURES:
        row = comparison.difference(policy, reference, measure.name)
        if row.interval.excludes_zero and row.mean * measure.better < 0.0:
            yield f"{measure.name} ({interval_text(row, measure, True)} {unit(measure, difference=True)})"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), words[-1]])
