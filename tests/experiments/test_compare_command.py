"""`handrail compare`: deterministic, symmetric, and on the same users with the same luck."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest

from envs.reward import RewardWeights
from experiments import compare
from experiments.comparison import Comparison, compare_evaluations
from experiments.contestants import contestants
from experiments.evaluation import MEASURE_NAMES, Evaluation, evaluate
from experiments.export import export_run
from experiments.settings import Problem, SettingsError
from journeys.loading import load_journey
from personas.persona import load_population
from tests.experiments.small_runs import small_comparison

PROBLEM = Problem(load_journey("tiny"), load_population("mixed"), RewardWeights())


def played(*names: str, users: int = 60) -> list[Evaluation]:
    return [evaluate(PROBLEM, policy, users) for policy in contestants(names, PROBLEM.journey)]


def read(folder: Path) -> Comparison:
    return msgspec.json.decode((folder / "metrics.json").read_bytes(), type=Comparison)


def test_a_policy_differs_from_itself_by_exactly_zero() -> None:
    comparison = compare_evaluations(played("random", "greedy"), ["greedy"], PROBLEM.population.personas)
    own = [row for row in comparison.differences if row.policy == "greedy"]
    assert {(row.mean, row.low, row.high) for row in own} == {(0.0, 0.0, 0.0)}
    assert any(row.mean != 0.0 for row in comparison.differences if row.policy == "random")


def test_there_and_back_differ_by_the_sign() -> None:
    comparison = compare_evaluations(played("rules", "fixed"), ["rules", "fixed"], PROBLEM.population.personas)
    for measure in MEASURE_NAMES:
        there = comparison.difference("fixed", "rules", measure)
        back = comparison.difference("rules", "fixed", measure)
        assert (there.mean, there.low, there.high) == (-back.mean, -back.high, -back.low)


def test_users_do_not_depend_on_who_else_plays() -> None:
    alone, together = played("fixed"), played("random", "fixed", "greedy")
    np.testing.assert_array_equal(alone[0].measures, together[1].measures)
    np.testing.assert_array_equal(alone[0].personas, together[0].personas)


def test_difference_of_means_is_mean_of_differences() -> None:
    comparison = compare_evaluations(played("rules", "greedy"), ["greedy"], PROBLEM.population.personas)
    for group in comparison.groups:
        gain = comparison.difference("rules", "greedy", "return", group).mean
        levels = [comparison.level(policy, "return", group).mean for policy in ("rules", "greedy")]
        assert gain == pytest.approx(levels[0] - levels[1])


def test_personas_make_up_the_whole() -> None:
    comparison = compare_evaluations(played("rules"), ["rules"], PROBLEM.population.personas)
    parts = [comparison.level("rules", "completion", group) for group in comparison.groups[1:]]
    whole = comparison.level("rules", "completion")
    assert sum(part.users for part in parts) == whole.users
    assert sum(part.users * part.mean for part in parts) == pytest.approx(whole.users * whole.mean)


def test_a_reference_that_was_not_played_is_an_error() -> None:
    with pytest.raises(SettingsError, match="'greedy' was not played"):
        compare_evaluations(played("rules"), ["greedy"], PROBLEM.population.personas)


def test_finished_steps_were_reached_and_offers_are_counted() -> None:
    (evaluation,) = played("random", users=200)
    assert (evaluation.finished <= evaluation.reached).all()
    assert 0.0 < evaluation.finished[0] <= 1.0
    chosen = evaluation.offers.sum(axis=(0, 1))
    assert (chosen[:4] > 0).all(), "at random, everything from waiting to full help occurs"


def test_the_fixed_path_helps_only_when_asked() -> None:
    (evaluation,) = played("fixed", users=200)
    unasked, asked = evaluation.offers.sum(axis=1)
    assert unasked[1:].sum() == 0
    assert asked[1:].sum() > 0


def test_command_is_deterministic_and_writes_every_form(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert compare.main(small_comparison(tmp_path / "one")) == 0
    said = capsys.readouterr().out
    assert compare.main(small_comparison(tmp_path / "two")) == 0
    for name in ("metrics.json", "metrics.csv", "plots/funnel.png", "plots/differences.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert "Difference to greedy" in said
    assert "Difference to rules" in said
    assert "anxious" in said
    comparison = read(tmp_path / "one")
    with (tmp_path / "one" / "metrics.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(comparison.levels) + len(comparison.differences)
    assert float(rows[0]["mean"]) == comparison.levels[0].mean


@pytest.mark.parametrize("users", [2, 3])
def test_very_few_users_make_quiet_pictures_and_no_infinite_interval(
    users: int, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Warnings are errors in tests. Of three users, one is the only newcomer: she has no interval."""
    assert compare.main(small_comparison(tmp_path / "few", f"users={users}")) == 0
    written = msgspec.json.decode((tmp_path / "few" / "metrics.json").read_bytes())
    assert {row["low"] for row in written["levels"] if row["users"] == 1} == {None}
    said = capsys.readouterr()
    assert said.err == ""
    assert "inf" not in said.out
    assert "±inf" not in (tmp_path / "few" / "report.html").read_text(encoding="utf-8")


def test_other_seed_other_users(tmp_path: Path) -> None:
    assert compare.main(small_comparison(tmp_path / "one", "policies=[fixed]", "references=[fixed]")) == 0
    assert compare.main(small_comparison(tmp_path / "two", "policies=[fixed]", "references=[fixed]", "seed=1")) == 0
    assert read(tmp_path / "one").level("fixed", "return").mean != read(tmp_path / "two").level("fixed", "return").mean


def test_run_folder_and_its_bundle_play_alike(small_run: Path, tmp_path: Path) -> None:
    bundle = export_run(small_run, tmp_path / "packed")
    call = small_comparison(tmp_path / "c", f"policies=[{small_run},{bundle}]", f"references=[{bundle}]")
    assert compare.main(call) == 0
    comparison = read(tmp_path / "c")
    assert comparison.policies == ("small", "packed")
    assert {row.mean for row in comparison.differences} == {0.0}
