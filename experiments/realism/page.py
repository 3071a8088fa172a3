"""The page docs/realism.md: every comparison in tables and words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from experiments.markdown import table
from experiments.realism.comparisons import Compared
from experiments.realism.distances import KOLMOGOROV, LOG_DISTANCE, SCALARS, VERDICTS, Finding, Tolerance
from experiments.realism.samples import Measure

LESSONS = """## What to take from it

- **Time at work can be leaned on.** How an activity's time varies within a person, how solving times spread over
  people and tasks, and how often the first try succeeds are close to the real ones, in journeys that nobody adjusted
  to these data.
- **Coming back cannot, in absolute terms.** Few simulated users come back on a given day, and hardly any after a week.
  Compare policies by it; do not read it as a forecast of retention. The traits can get there: who comes back almost
  for certain, after some 20 hours, for sessions of six minutes, is back on day 1 in 46% and on day 7 in 19% of cases
  (`tests/statistical/test_reach.py`). No shipped persona is such a user.
- **There are no heavy users.** An onboarding has an end. Volumes for a product in daily use need another
  activity model.
- **Five mechanisms that real people show are missing:** looking at a step and turning away, giving up at sight, taking
  longer where one errs and after an error, people of unlike regularity, and keeping to the same hours of the day."""

HEAD = """# Simulated and real users, side by side

Are the synthetic users people whom one could have met? Each comparison takes a real data set and a simulated one,
measures both by the same functions, and says how far apart they are. Nothing was fitted for it: no trait, journey or
tolerance was moved to bring the two sides together. Agreement is not always independent evidence, though. Some defaults
were anchored earlier on two of these data sets (the gaps of EdNet, the day-1 return of Cookie Cats; see
[behaviour](behaviour.md) and [personas](personas.md)), and the text says where.

Written by `handrail realism`; edit `experiments/realism/` instead of this page."""

READING = """## How to read it

- A row compares whole distributions (quantiles 10 / 50 / 90) or one number. Real figures carry 95% bootstrap intervals
  over people, in brackets.
- **KS** is the two-sample Kolmogorov-Smirnov distance: the largest vertical distance of two distribution functions.
- **Log distance** is the Wasserstein distance of the natural logarithms (of 1 + x for counts), written as a factor: by
  how much values at the same rank differ on average. For a single number it is the difference in points, or the factor
  between the two.
- **Chance**, in parentheses, is the same distance between random halves of the *real* people, the mean of 40: what
  chance alone makes with half the sample. Where no distance exceeds it the verdict is followed by *(within chance)*:
  the real sample is too small to tell the two apart.
- The verdict is computed, from tolerances that were written down before any simulated figure was looked at; for
  distributions it is the worse of the two distances:"""

AGAIN = """## How to do it again

    handrail realism ../shared/data --out docs

The data is not part of this repository; `../shared/data` holds one folder per data set, each with a `SOURCE.md`. The
command takes some fifteen seconds on one core once it is compiled, and writes this page and its pictures. In Python:
`experiments.realism.command.write(Path("../shared/data"), Path("docs"))`. Same data and same code give the same page,
byte for byte. Tests hold the distances to closed forms, the loaders to tables written by the test, and the real figures
of this page to the real data
(`tests/experiments/test_realism_*.py`)."""


class Setting(NamedTuple):
    """Who is simulated. `seed` and the numbers 0 to `users` - 1 make the people and their luck."""

    users: int = 4_000
    seed: int = 7
    population: str = "everyone"
    policy: str = "rules"


def page(compared: Sequence[Compared], setting: Setting) -> str:
    """The whole page, Markdown."""
    parts = [HEAD, in_short(compared), who(compared, setting), LESSONS, READING, tolerances()]
    parts += [section(one) for one in compared]
    return "\n\n".join([*parts, AGAIN]) + "\n"


def in_short(compared: Sequence[Compared]) -> str:
    """Verdicts by comparison, a table."""
    rows = []
    for one in compared:
        by = {verdict: [m.title for m, f in rows_of(one) if f.verdict == verdict] for verdict in VERDICTS}
        rows.append(
            [f"[{one.comparison.title}](#{anchor(one.comparison.title)})", *("; ".join(v) or "-" for v in by.values())]
        )
    return "## In short\n\n" + table(["comparison", *VERDICTS], rows)


def who(compared: Sequence[Compared], setting: Setting) -> str:
    """What was simulated."""
    journeys = " and ".join(f"`{name}`" for name in dict.fromkeys(one.comparison.journey for one in compared))
    return (
        f"Simulated: {setting.users:,} users of population `{setting.population}` on {journeys} each, offered what "
        f"policy `{setting.policy}` offers, seed {setting.seed}, on the decision clock. Only their events are read, "
        "never their hidden state. A simulated user stops at completion, when counted as lost, or at the "
        "journey's horizon."
    )


def tolerances() -> str:
    """The tolerances and their reasons, a table."""
    rows = [
        tolerance_row("KS", KOLMOGOROV, "{:.2f}"),
        tolerance_row("log distance", LOG_DISTANCE, "x {:.2f}"),
        tolerance_row("share", SCALARS["share"], "{:.0f} points"),
        tolerance_row("factor, of two quantiles", SCALARS["factor"], "x {:.2f}"),
        tolerance_row("ratio, within a person", SCALARS["ratio"], "x {:.2f}"),
    ]
    return table(["distance", "close up to", "comparable up to", "what that lets pass (our choice)"], rows)


def tolerance_row(name: str, tolerance: Tolerance, form: str) -> list[str]:
    """One tolerance; logarithms are shown as factors, shares as points."""
    both = (tolerance.close, tolerance.comparable)
    values = [100.0 * v if "points" in form else math.exp(v) if form.startswith("x") else v for v in both]
    return [name, *(form.format(v) for v in values), tolerance.why]


def section(one: Compared) -> str:
    """One comparison: what, picture, table, why they differ, what the data cannot say."""
    c = one.comparison
    parts = [
        f"## {c.title}",
        c.about,
        f"![{c.title}: real and simulated](pictures/realism-{c.name}.png)",
        f"*Real beside simulated on `{c.journey}`. Pale bars: 95% intervals of real quantiles.*",
        table(
            ["measure", "real", "simulated", "KS (chance)", "log distance or difference (chance)", "verdict"],
            list(lines(one)),
        ),
        table(["measure", "real values (people)", "simulated values (people)"], list(sizes(one))),
        "**Where they differ, and why.**",
        "\n".join(f"- *{m.title}*: {f.verdict}. {m.why}" for m, f in rows_of(one)),
        f"**What the data cannot say.** {c.cannot_say}",
    ]
    return "\n\n".join(parts)


def lines(one: Compared) -> Iterator[list[str]]:
    """Rows of a comparison's table."""
    for measure, f in rows_of(one):
        form = "{:.1%}" if measure.scale == "share" else "{:.3g}"
        real = " / ".join(f"{form.format(e.value)} [{form.format(e.low)}, {form.format(e.high)}]" for e in f.real)
        simulated = " / ".join(form.format(value) for value in f.simulated)
        ks = "-" if f.ks is None else f"{f.ks:.2f} ({f.ks_floor:.2f})"
        distance = f"{distance_in_words(measure, f.distance)} ({distance_in_words(measure, f.floor)})"
        unit = f" ({measure.unit})" if measure.unit and measure.scale != "share" else ""
        yield [measure.title + unit, real, simulated, ks, distance, verdict_in_words(f)]


def sizes(one: Compared) -> Iterator[list[str]]:
    """How many values and people each figure rests on."""
    for measure, f in rows_of(one):
        real, simulated = f"{f.real_values:,} ({f.real_people:,})", f"{f.simulated_values:,} ({f.simulated_people:,})"
        yield [measure.title, real, simulated]


def rows_of(one: Compared) -> list[tuple[Measure, Finding]]:
    """Measures with their findings."""
    return list(zip(one.comparison.measures, one.findings, strict=True))


def distance_in_words(measure: Measure, distance: float) -> str:
    """Points for shares, a factor for everything else."""
    return f"{100.0 * distance:.1f} points" if measure.scale == "share" else f"x {math.exp(distance):.2f}"


def verdict_in_words(finding: Finding) -> str:
    """The verdict, and whether chance alone makes such a distance."""
    return f"**{finding.verdict}**" + (" (within chance)" if finding.within_chance else "")


def anchor(title: str) -> str:
    """The fragment of a heading, as renderers of Markdown make it."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")
