"""Tables fit a terminal of 80 columns, and every number is there in full."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from experiments.comparison import Comparison, compare_evaluations
from experiments.evaluation import MEASURES, STRUGGLE_LEVELS, Evaluation
from experiments.tables import differences_table, interval_text, levels_table, unit
from journeys.actions import N_RUNGS

COLUMNS = 80
POLICIES = ("random", "fixed", "rules", "greedy", "ppo", "ppo-run-seed-17")


def made_up(policy: str, users: int, personas: int = 2) -> Evaluation:
    """Values of usual size: hundreds of minutes, shares, tens of offers."""
    sizes = np.array([4.0, 1.0, 1.0, 400.0, 40.0, 40.0, 9.0])
    draws = np.random.default_rng(len(policy)).random((users, len(MEASURES)))
    offers = np.zeros((2, STRUGGLE_LEVELS, N_RUNGS), np.int64)
    return Evaluation(policy, sizes * draws, np.arange(users) % personas, np.ones(3), np.ones(3), offers)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    evaluations = [made_up(policy, 4000) for policy in POLICIES]
    return compare_evaluations(evaluations, ["greedy"], ["anxious", "newcomer"])


def printed(table: object) -> list[str]:
    console = Console(width=COLUMNS, force_terminal=True, color_system=None)
    with console.capture() as taken:
        console.print(table)
    return taken.get().splitlines()


def test_means_of_six_policies_fit_without_loss(comparison: Comparison) -> None:
    lines = printed(levels_table(comparison))
    assert max(map(len, lines)) <= COLUMNS
    assert "…" not in "\n".join(lines)
    words = " ".join(lines).split()
    for policy in POLICIES:
        assert policy in words
        for measure in MEASURES:
            for part in interval_text(comparison.level(policy, measure.name), measure, False).split():
                assert part in words


def test_differences_by_persona_fit_without_loss(comparison: Comparison) -> None:
    lines = printed(differences_table(comparison, "greedy"))
    assert max(map(len, lines)) <= COLUMNS
    assert "…" not in "\n".join(lines)
    words = " ".join(lines).split()
    for group in comparison.groups:
        assert group in words
        for policy in set(POLICIES) - {"greedy"}:
            assert words.count(policy) == len(comparison.groups)
            for measure in MEASURES:
                row = comparison.difference(policy, "greedy", measure.name, group)
                assert set(interval_text(row, measure, True).split()) <= set(words)


def test_units_are_shown_below_the_names(comparison: Comparison) -> None:
    for table, difference in ((levels_table(comparison), False), (differences_table(comparison, "greedy"), True)):
        text = "\n".join(printed(table))
        assert all(measure.name in text and unit(measure, difference).split()[-1] in text for measure in MEASURES)


def test_a_long_name_is_folded_and_not_cut() -> None:
    name = "2026-11-21_15-23-18-of-the-long-training"
    lines = printed(levels_table(compare_evaluations([made_up(name, 9)], [], ["anxious"])))
    assert name in "".join(line.split(" ")[0] for line in lines)


def test_one_user_has_a_mean_and_no_interval() -> None:
    alone = compare_evaluations([made_up("rules", 3), made_up("greedy", 3)], ["greedy"], ["anxious", "newcomer"])
    assert alone.difference("rules", "greedy", "return", "newcomer").users == 1
    text = "\n".join(printed(differences_table(alone, "greedy")))
    assert "inf" not in text
    assert "nan" not in text
