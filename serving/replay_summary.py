"""What a replay counted, and the tables that it prints in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.console import Group
from rich.table import Table

from policies.manifest import Manifest
from serving.answer import Answer, DeadLetter
from serving.decision import Mode

LETTERS_KEPT = 5  # dead letters shown in full
QUANTILES = (50, 99)


class Tally:
    """Counts of one replay: events, outcomes, decisions by moment and action, dead letters, and time."""

    def __init__(self) -> None:
        self.events = 0
        self.seconds = 0.0
        self.outcomes: Counter[str] = Counter()
        self.offers: Counter[tuple[str, str]] = Counter()
        self.fallbacks = 0
        self.kinds: dict[str, str] = {}  # the likeliest persona of each user, as last predicted
        self.refusals: Counter[str] = Counter()
        self.letters: list[DeadLetter] = []
        self._waits: list[tuple[float, int]] = []
        self._title = ""

    def begin(self, manifest: Manifest, journey: str, mode: Mode) -> None:
        """Note what is replayed."""
        self._title = f"{manifest.name} {manifest.version} on journey {journey}, {mode} mode"

    def refuse(self, letter: DeadLetter) -> None:
        """Count a dead letter."""
        self.refusals[letter.reason] += 1
        if len(self.letters) < LETTERS_KEPT:
            self.letters.append(letter)

    def count(self, answers: Sequence[Answer], seconds: float) -> None:
        """Count the answers of a batch that took `seconds`."""
        self.seconds += seconds
        self._waits.append((seconds, len(answers)))
        for answer in answers:
            self.outcomes[answer.outcome] += 1
            if answer.outcome != "refused":
                self.events += 1
            if answer.decision is not None:
                self.offers[answer.decision.moment, answer.decision.offer.reads] += 1
                self.fallbacks += answer.decision.fallback is not None
                if answer.decision.predicted_persona is not None:
                    self.kinds[answer.decision.user] = answer.decision.predicted_persona.name

    @property
    def title(self) -> str:
        """What is replayed, in which mode."""
        return self._title

    def waits_us(self) -> list[float]:
        """Median and 99th percentile of the time that an event waits for its answer, storing included, in µs."""
        if not self._waits:
            return [0.0] * len(QUANTILES)
        seconds, sizes = (np.array(column) for column in zip(*self._waits, strict=True))
        return [float(q) * 1e6 for q in np.percentile(np.repeat(seconds, sizes), QUANTILES)]


def summary(tally: Tally, batch: int) -> Group:
    """The tables."""
    return Group(totals(tally, batch), decisions(tally), *kinds(tally), *refusals(tally))


def totals(tally: Tally, batch: int) -> Table:
    """Events, speed and waiting."""
    table = Table(title=tally.title, show_header=False)
    median, slow = tally.waits_us()
    rows = {
        "events": f"{sum(tally.outcomes.values()):,}",
        **{f"  {outcome}": f"{count:,}" for outcome, count in sorted(tally.outcomes.items())},
        "decisions": f"{sum(tally.offers.values()):,}",
        **({"  by the rules, as fallback": f"{tally.fallbacks:,}"} if tally.fallbacks else {}),
        "events a second": f"{sum(tally.outcomes.values()) / max(tally.seconds, 1e-9):,.0f}",
        f"wait p50 / p99, batches of {batch}": f"{median:,.0f} / {slow:,.0f} µs",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def decisions(tally: Tally) -> Table:
    """Decisions by moment and action."""
    table = Table("moment", "action", "decisions", "share", title="What was decided")
    of_moment: Counter[str] = Counter()
    for (moment, _), count in tally.offers.items():
        of_moment[moment] += count
    for (moment, offer), count in sorted(tally.offers.items(), key=lambda item: (item[0][0], -item[1])):
        table.add_row(moment, offer, f"{count:,}", f"{count / of_moment[moment]:.1%}")
    return table


def kinds(tally: Tally) -> list[Table]:
    """Users by the persona that they were last found most like; nothing where the bundle predicts none."""
    if not tally.kinds:
        return []
    table = Table("simulated kind", "users", "share", title="Whom users were last most like")
    for kind, count in Counter(tally.kinds.values()).most_common():
        table.add_row(kind, f"{count:,}", f"{count / len(tally.kinds):.1%}")
    return [table]


def refusals(tally: Tally) -> list[Table]:
    """Dead letters by reason, and the first few in full."""
    if not tally.refusals:
        return []
    counts = Table("reason", "events", title="Dead letters")
    for reason, count in tally.refusals.most_common():
        counts.add_row(reason, f"{count:,}")
    first = Table("line", "detail", title=f"The first {len(tally.letters)}")
    for letter in tally.letters:
        first.add_row("" if letter.line is None else str(letter.line), letter.detail)
    return [counts, first]
