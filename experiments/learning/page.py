"""docs/experiments/learning.md from the trials that were kept: `python -m experiments.learning.page`."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.learning import tables
from experiments.learning.__main__ import FOLDER
from experiments.learning.text import ABLATIONS, CLOSING, EXACT, HEAD, MIXTURES, TARGETS, UNSEEN

OUT = Path("docs/experiments/learning.md")


def page(folder: Path) -> str:
    """The whole page."""
    parts = [
        HEAD,
        EXACT,
        *tables.exact_tables(folder),
        MIXTURES,
        *tables.mixture_tables(folder),
        UNSEEN,
        tables.unseen_table(folder),
        TARGETS,
        *tables.targets_table(folder),
        ABLATIONS,
        tables.ablation_table(folder),
        CLOSING,
    ]
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.write_text(page(options.folder), encoding="utf-8")


if __name__ == "__main__":
    main()
