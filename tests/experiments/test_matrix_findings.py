"""What cells say together: paired differences over seeds, order by mean rank, and bandits beside RL in words."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from experiments.matrix.cell import Cell, Kind, Result, ServingCost, TrainingCost
from experiments.matrix.findings import Matrix
from experiments.matrix.page import Made, text_of
from experiments.matrix.words import bandits_against_rl, one_journey
from experiments.statistics import mean_interval

KINDS: dict[str, Kind] = {"rules": "baseline", "planner": "baseline", "linear": "bandit", "deep": "bandit", "ppo": "rl"}
LEVELS = {"rules": 1.0, "linear": 1.2, "deep": 1.1, "ppo": 1.4}
MADE = Made("handrail matrix", "mixed", 40)
JOURNEYS, LEARNERS, SEEDS = ("here", "there"), ("bkt", "irt"), (1, 2, 3)


def noise(cell: Cell) -> float:
    """Small, and another number for every cell."""
    return 0.01 * np.random.default_rng([len(cell.policy), len(cell.journey), len(cell.learner), cell.seed]).normal()


def result(cell: Cell, value: float) -> Result:
    means = {"return": value, "completion": value / 2.0}
    return Result(cell, KINDS[cell.policy], means, TrainingCost(2.0, 1000), ServingCost(1.0, 0.1, 8), {}, None)


def matrix(levels: dict[str, float] = LEVELS, seeds: tuple[int, ...] = SEEDS) -> Matrix:
    """A matrix of `levels`, with luck that all policies of a seed share and a little of their own."""
    cells = [Cell(p, j, k, s) for p, j, k, s in product(levels, JOURNEYS, LEARNERS, seeds)]
    return Matrix([result(cell, levels[cell.policy] + 10.0 * cell.seed + noise(cell)) for cell in cells], "rules")


def test_differences_are_paired_seed_by_seed() -> None:
    """Shared luck of ±10 cancels; what is left is the interval of the differences over seeds."""
    whole = matrix()
    by_hand = [
        np.mean([noise(Cell("ppo", "here", k, s)) - noise(Cell("rules", "here", k, s)) for k in LEARNERS]) + 0.4
        for s in SEEDS
    ]
    assert whole.difference("ppo", "rules", "return", "here") == pytest.approx(mean_interval(np.array(by_hand)))
    assert whole.difference("ppo", "ppo", "return", "here")[:3] == (0.0, 0.0, 0.0)
    assert whole.level("ppo", "return", "here").half_width > 20.0


def test_the_mean_over_learner_models_is_the_mean_of_their_differences() -> None:
    whole = matrix()
    each = [whole.difference("linear", "ppo", "return", "there", learner).mean for learner in LEARNERS]
    assert whole.difference("linear", "ppo", "return", "there").mean == pytest.approx(np.mean(each))


def test_policies_stand_in_order_of_their_ranks() -> None:
    whole = matrix()
    assert whole.policies == ("ppo", "linear", "deep", "rules")
    assert whole.ranks().mean.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert whole.ranks().blocks == len(JOURNEYS) * len(LEARNERS) * len(SEEDS)


def test_the_sentence_says_by_how_much_the_best_bandit_falls_behind() -> None:
    whole = matrix()
    assert whole.best("bandit", "here") == "linear"
    behind = whole.difference("linear", "ppo", "return", "here")
    said = one_journey(whole, "here", "linear", "ppo")
    assert "the best bandit, `linear`, falls behind the best RL policy, `ppo`" in said
    assert f"{behind.mean:+.3f} [{behind.low:+.3f}, {behind.high:+.3f}] return per user" in said
    gains = [whole.difference(policy, "rules", "return", "here").mean for policy in ("linear", "ppo")]
    assert f"it reaches {gains[0] / gains[1]:.0%} of what `ppo` gains over `rules`." in said, "nobody else is untrained"


def test_the_sentence_says_what_needs_no_training() -> None:
    whole = matrix({**LEVELS, "planner": 1.25})
    gains = [whole.difference(policy, "rules", "return", "here").mean for policy in ("planner", "ppo")]
    assert f", `planner`, which is not trained, {gains[0] / gains[1]:.0%}." in one_journey(
        whole, "here", "linear", "ppo"
    )


@pytest.mark.parametrize(
    ("bandit", "verdict"), [(1.6, "is ahead of"), (1.4, "is not shown to differ from"), (1.1, "falls behind")]
)
def test_the_verdict_goes_by_the_interval(bandit: float, verdict: str) -> None:
    whole = matrix(LEVELS | {"linear": bandit, "deep": 0.0})
    assert all(f"`linear`, {verdict} the best" in line for line in bandits_against_rl(whole))


def test_without_bandits_or_with_one_seed_nothing_is_claimed() -> None:
    alone = matrix({"rules": 1.0, "ppo": 1.4})
    assert list(bandits_against_rl(alone)) == [f"- `{journey}`: no bandit was played." for journey in JOURNEYS]
    once = matrix(seeds=(1,))
    (line, _) = bandits_against_rl(once)
    assert "`linear`, beside the best RL policy" in line
    page = text_of(once, MADE)
    assert "inf" not in page.replace("reinforcement", "")
    assert "nan" not in page


def test_the_page_shows_every_policy_in_every_table() -> None:
    page = text_of(matrix(), MADE)
    tables = [part for part in page.split("\n\n") if part.startswith("| policy")]
    assert len(tables) == len(JOURNEYS) + 2
    for shown in tables:
        assert [line.split("`")[1] for line in shown.splitlines()[2:]] == ["ppo", "linear", "deep", "rules"]
    assert "**+0.4" in tables[0]
    assert "contextual bandit" in tables[-1]
