"""Writes docs/observation.md from the schema: `make docs`, or `python -m journeys.documentation [PATH]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from journeys.loading import load_journey, shipped
from journeys.observation import (
    SKILL_BLOCK,
    SKILL_SIZE,
    STEP_BLOCK,
    STEP_SIZE,
    USER_BLOCK,
    USER_SIZE,
    Entry,
    entry_names,
    observation_size,
    schema_hash,
)
from journeys.signals import (
    FAILS_THAT_SATURATE,
    MEMORY,
    OF_ASKING,
    OF_BACKTRACKING,
    OF_FAILING,
    OF_FLOW,
    OF_HESITATION,
    OF_OPENNESS,
    OF_PERSISTENCE,
    OF_SLOWNESS,
    OF_SUCCESS,
)

SIZE = f"D = {USER_SIZE} + {STEP_SIZE} S + {SKILL_SIZE} K"
STEP_PLACE, SKILL_PLACE = f"{USER_SIZE} + {STEP_SIZE} s + e", f"{USER_SIZE} + {STEP_SIZE} S + {SKILL_SIZE} k + e"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "observation.md"
HEAD = f"""# The observation

*Generated from `journeys/observation.py` by `make docs`; a test holds it true.*

What a policy sees of one user: one flat `float32` vector of blocks, every entry in [0, 1].

    user block ({USER_SIZE}) | S step blocks ({STEP_SIZE} each) | K skill blocks ({SKILL_SIZE} each)

Its length is `{SIZE}`. Steps and skills stand in the order of the journey file. Entry `e` of step `s` is
at `{STEP_PLACE}`, entry `e` of skill `k` at `{SKILL_PLACE}`. Blocks of a kind have the same entries in
every journey: a policy that scores steps by their block can serve a journey it has never seen.

Everything here is computed from the fold's state, hence from the user's events; nothing comes from a clock, a persona
or a hidden skill. Where a meaning ends in "/ n", the quantity is divided by n and cut at 1. Moving averages are
exponential with weight {MEMORY} for the newest value. "Expected time" is the step's `minutes` times the factor of its
difficulty.
"""

SIGNALS = f"""## The two signals

Both lie in [0, 1]; `journeys/signals.py` computes them. Their weights are our choice.

**struggle** = 1 - the product of (1 - weight x sign) over five signs in [0, 1], so that any one raises it:

| sign | weight |
|---|---|
| failed attempts in a row in this visit / {FAILS_THAT_SATURATE:g}, at most 1 | {OF_FAILING} |
| moving average of hesitating | {OF_HESITATION} |
| moving average of going back | {OF_BACKTRACKING} |
| lateness: 0 where the visit is within its expected time, 1 at three times that | {OF_SLOWNESS} |
| the last event asked for help | {OF_ASKING} |

**engagement** = {OF_SUCCESS} success_rate + {OF_FLOW} (1 - hesitation) + {OF_PERSISTENCE} (1 - giving_up) + \
{OF_OPENNESS} acceptance, halved for each week
of the last absence.
"""

HASH = """## The schema hash

`journeys.observation.schema_hash(S, K)` is the SHA-256 of the numbers of steps and skills, followed by name and meaning
of every entry of the three blocks. A bundle carries the hash that its policy was trained under, and is refused where
the running code has another one. Whoever changes what an entry means therefore changes its text, and with it the hash;
old bundles then say so instead of reading numbers that mean something else.
"""


def range_of(entry: Entry) -> str:
    """Indicators say "1 if", "1 at" and so on; everything else is a share, a probability or a scaled quantity."""
    return "0 or 1" if entry.meaning.startswith("1 ") else "0 to 1"


def table(title: str, block: Sequence[Entry], prefix: str) -> str:
    """One block as a Markdown table."""
    rows = [f"| {i} | `{prefix}.{entry.name}` | {entry.meaning} | {range_of(entry)} |" for i, entry in enumerate(block)]
    return "\n".join([f"## {title}", "", "| place | name | meaning | range |", "|---|---|---|---|", *rows, ""])


def sizes() -> str:
    """Length and schema hash for each shipped journey."""
    rows = []
    for name in shipped():
        journey = load_journey(name)
        n_steps, n_skills = len(journey.steps), len(journey.skills)
        size = observation_size(n_steps, n_skills)
        assert size == len(entry_names(journey.step_names(), tuple(skill.name for skill in journey.skills)))
        rows.append(f"| `{name}` | {n_steps} | {n_skills} | {size} | `{schema_hash(n_steps, n_skills)[:16]}` |")
    head = ["| journey | S | K | D | schema hash begins |", "|---|---|---|---|---|"]
    return "\n".join(["## The shipped journeys", "", *head, *rows, ""])


def observation_page() -> str:
    """The whole page."""
    blocks = (
        table("User block", USER_BLOCK, "user"),
        table("Step block, once for each step", STEP_BLOCK, "step.<name>"),
        table("Skill block, once for each skill", SKILL_BLOCK, "skill.<name>"),
    )
    return "\n".join((HEAD, *blocks, SIGNALS, HASH, sizes()))


def main(arguments: list[str]) -> int:
    """Write the page to the path given, or to its place in the repository."""
    path = Path(arguments[0]) if arguments else PAGE
    path.write_text(observation_page(), encoding="utf-8")
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
