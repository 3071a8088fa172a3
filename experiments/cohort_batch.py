"""Several pairs of cohorts through `mesa.batch_run`, and what influence changes, with intervals over the cohorts.

Users who see each other are not independent, so an interval over users would be too narrow. Cohorts are: each seed
makes one with influence and one without, of the same people with the same luck, and pairs are subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mesa  # type: ignore[import-untyped]
import msgspec
import pandas as pd

from agents.cohort import Cohort, Setting
from agents.cohort_tables import column_of
from agents.peers import Influence
from experiments.progress import Tell
from experiments.statistics import Interval, mean_interval, paired_interval

MOST_STEPS = 10**9  # an onboarding ends by itself; Mesa's own limit would cut it short
ALONE: Influence = "nobody"


class Effect(msgspec.Struct, frozen=True):
    """What influence does to the completion of a group of users: levels without and with it, and the difference."""

    group: str
    alone: Interval
    together: Interval
    difference: Interval


def play_pairs(
    setting: Setting, influence: Influence, seeds: Sequence[int], tell: Tell, **settings: Any
) -> pd.DataFrame:
    """A row per cohort: `influence`, `seed`, and every series as it stood at the end. `tell` hears of pairs done."""
    rows: list[dict[str, Any]] = []
    for done, seed in enumerate(seeds, 1):
        parameters = {"setting": setting, "influence": [ALONE, influence], "seed": seed, **settings}
        rows += mesa.batch_run(Cohort, parameters, max_steps=MOST_STEPS, display_progress=False)
        tell(done)
    return pd.DataFrame(rows).drop(columns=["RunId", "iteration", "setting"])


def effects(batch: pd.DataFrame, influence: Influence, personas: Sequence[str]) -> list[Effect]:
    """The effect on all users, then on those of each persona that occurs in every cohort."""
    columns = {"all users": "completion"} | {persona: column_of(persona) for persona in personas}
    alone, together = (batch[batch["influence"] == kind].sort_values("seed") for kind in (ALONE, influence))
    found = []
    for group, column in columns.items():
        without, having = alone[column].to_numpy(float), together[column].to_numpy(float)
        if not pd.isna(without).any():
            difference = paired_interval(having, without)
            found.append(Effect(group, mean_interval(without), mean_interval(having), difference))
    return found
