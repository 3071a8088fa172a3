"""`python -m experiments.learning [STUDY ...] [--seeds 1 2 3 4 5] [--folder runs/learning]`: train, judge, keep.

What an earlier call has done is not done again, so that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from experiments.learning.studies import all_studies
from experiments.learning.trial import USERS, carry_out, path_of
from experiments.progress import open_console

SEEDS = (1, 2, 3, 4, 5)
FOLDER = Path("runs/learning")


def main() -> None:
    """Carry out what is asked for and not there yet."""
    studies = all_studies()
    parser = argparse.ArgumentParser(prog="python -m experiments.learning", description=__doc__)
    parser.add_argument("studies", nargs="*", choices=[*studies, []], metavar="STUDY", help=f"of {', '.join(studies)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--users", type=int, default=USERS, help="judged on, fresh ones for every seed")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    console = open_console()
    for seed, name in itertools.product(options.seeds, options.studies or studies):
        there = path_of(options.folder, studies[name], seed).exists()
        trial = carry_out(options.folder, studies[name], seed, options.users, lambda _: None)
        note = "was there" if there else f"{trial.cpu_seconds:.0f} CPU-s"
        console.print(f"{name} seed {seed}: {trial.steps:,} decisions, {note}, last returns {trial.last_return:.3f}")
        for d in trial.differences:
            if (d.group, d.measure) == ("overall", "return"):
                console.print(f"    {d.place} against {d.reference}: {d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}]")


if __name__ == "__main__":
    main()
