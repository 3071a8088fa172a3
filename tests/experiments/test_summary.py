"""Sentences say no more than the intervals do."""

from __future__ import annotations

import numpy as np

from experiments.comparison import compare_evaluations
from experiments.evaluation import MEASURE_NAMES, STRUGGLE_LEVELS, Evaluation
from experiments.summary import listed, summary
from journeys.actions import N_RUNGS

USERS = 400
NOISE = np.random.default_rng(0).normal(size=USERS)
NOISE -= NOISE.mean()


def played(policy: str, spread: float = 0.0, **levels: float) -> Evaluation:
    """Users whose measures have these means; `spread` is of the return, beside what all policies share."""
    measures = np.zeros((USERS, len(MEASURE_NAMES)))
    for name, level in levels.items():
        measures[:, MEASURE_NAMES.index(name)] = level
    measures[:, 0] += spread * NOISE
    offers = np.zeros((2, STRUGGLE_LEVELS, N_RUNGS), np.int64)
    return Evaluation(policy, measures, np.zeros(USERS, int), np.ones(1), np.ones(1), offers)


def said(*evaluations: Evaluation, trained: str | None = "ppo") -> str:
    comparison = compare_evaluations(evaluations, ["greedy"], ["anxious"])
    return "\n".join(summary(evaluations, comparison, trained))


def test_a_difference_within_its_interval_is_no_first_place() -> None:
    text = said(played("ppo", 1.0, **{"return": 2.01}), played("greedy", **{"return": 2.0}), played("random"))
    assert text.startswith("ppo and greedy: no difference of return is shown.")
    assert "highest" not in text


def test_a_difference_beyond_its_interval_is() -> None:
    text = said(played("ppo", **{"return": 2.01}), played("greedy", **{"return": 2.0}), played("random"))
    assert text.startswith("ppo has the highest return of the 3 policies.")


def test_the_trained_policy_may_be_behind() -> None:
    text = said(played("ppo", **{"return": 1.0}), played("greedy", **{"return": 2.0}))
    assert "greedy has the highest return of the 2 policies.\nppo has a lower return than greedy." in text


def test_where_it_is_worse_is_named_and_nothing_else() -> None:
    mine = {"return": 2.1, "completion": 0.5, "skill": 0.7, "annoyance": 3.0, "cost": 0.1, "time": 9.0, "help": 9.0}
    theirs = {"return": 2.0, "completion": 0.6, "skill": 0.6, "annoyance": 2.0, "cost": 0.2, "time": 8.0, "help": 8.0}
    sentence = said(played("ppo", **mine), played("greedy", **theirs)).split("completion [")[1]
    assert sentence.endswith(
        "ppo is worse than greedy in completion (-10.0 ±0.0 % points) and annoyance (+1.000 ±0.000 units)."
    )


def test_a_policy_alone_and_three_that_are_level() -> None:
    assert said(played("greedy"), trained=None) == "greedy was played alone."
    text = said(played("greedy"), played("rules"), played("fixed"), trained=None)
    assert "greedy, rules and fixed: no difference of return is shown to greedy, whose mean is highest." in text
    assert [listed(list("abc"[:n])) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
