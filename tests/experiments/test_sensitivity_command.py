"""`handrail sensitivity`: what it varies, that a design point is an ordinary evaluation, and what it leaves behind."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import handrail
from envs.reward import RewardWeights
from experiments.sensitivity.command import PICTURE_FILE
from experiments.sensitivity.findings import TABLE_FILE
from experiments.sensitivity.model import OUTPUTS, ROWS, respond
from experiments.sensitivity.ranges import people_at, trait_ranges
from experiments.settings import HELD_OUT, Problem
from journeys.loading import load_journey
from personas.persona import load_persona, mixture, shipped
from personas.quantiles import quantile
from personas.traits import TRAIT_NAMES
from policies.expert_rules import expert_rules
from policies.training.rollout import play

SMALL = ["journey=tiny", "points=4", "users=20"]
RANGES = trait_ranges()
NEWCOMER = load_persona("newcomer")
PROBLEM = Problem(load_journey("tiny"), mixture("newcomer", {"newcomer": 1.0}), RewardWeights())


def nobody_listens(done: int) -> None:
    """Progress that goes nowhere."""


def test_four_in_five_users_of_the_shipped_personas_lie_within_a_range() -> None:
    personas, ranks = [load_persona(name) for name in shipped("persona")], np.arange(0.01, 1.0, 0.02)
    for span in RANGES:
        values = np.array([quantile(persona.traits[span.trait], rank) for persona in personas for rank in ranks])
        within = ((values >= span.low) & (values <= span.high)).mean()
        assert within >= 0.78, span  # more where many share one fixed value


def test_a_range_runs_from_low_to_high_and_evenly_on_its_scale() -> None:
    assert {span.trait for span in RANGES} <= set(TRAIT_NAMES)
    for span in RANGES:
        low, middle, high = span.at(np.array([0.0, 0.5, 1.0]))
        assert (low, high) == pytest.approx((span.low, span.high))
        assert middle == pytest.approx((low * high) ** 0.5 if span.logarithmic else (low + high) / 2.0)


def test_only_medians_are_varied_and_only_where_asked() -> None:
    shares = np.linspace(0.0, 1.0, len(RANGES))
    people = people_at(NEWCOMER, RANGES, shares)
    for t, name in enumerate(TRAIT_NAMES):
        trait = NEWCOMER.traits[name]
        assert people.b[0, t] == trait.b
        varied = [share for span, share in zip(RANGES, shares, strict=True) if span.trait == name]
        expected = RANGES[[span.trait for span in RANGES].index(name)].at(varied[0]) if varied else trait.a
        assert people.a[0, t] == pytest.approx(float(expected))


def test_a_point_is_an_ordinary_evaluation_wherever_it_is_played() -> None:
    """Alone, among others, or by `play`: the same users with the same luck, so the very same means."""
    others = [people_at(NEWCOMER, RANGES, np.full(len(RANGES), share)) for share in (0.1, 0.5, 0.9)]
    points = [*others, PROBLEM.population.people, *others]
    users = 500
    points *= 1 + ROWS // (users * len(points))  # several batches, of which the last is not full
    found = respond(PROBLEM, expert_rules(), points, users, 5, nobody_listens)
    alone = respond(PROBLEM, expert_rules(), [PROBLEM.population.people], users, 5, nobody_listens)
    played = play(PROBLEM.journey, PROBLEM.population, expert_rules(), users, 5 + HELD_OUT)
    assert found.returns[3] == alone.returns[0] == pytest.approx(played.returns.mean(), abs=1e-12)
    assert found.completion[3] == alone.completion[0] == played.terms[:, 0].mean()
    for output in found:
        rounds = output.reshape(-1, len(others) * 2 + 1)
        np.testing.assert_array_equal(rounds, np.tile(rounds[0], (len(rounds), 1)))
        np.testing.assert_array_equal(rounds[0, :3], rounds[0, 4:])
        assert len(set(rounds[0, :4].tolist())) == 4


def test_the_command_writes_a_table_and_a_picture_twice_the_same(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("one", "two"):
        assert handrail.main(["sensitivity", *SMALL, f"folder={tmp_path / name}"]) == 0
    said = capsys.readouterr().out
    for name in (TABLE_FILE, PICTURE_FILE):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one" / PICTURE_FILE).read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "one" / TABLE_FILE).open() as lines:
        rows = list(csv.DictReader(lines))
    assert {(row["output"], row["trait"]) for row in rows} == {(o, r.trait) for o in OUTPUTS for r in RANGES}
    for output in OUTPUTS:
        totals = [float(row["total"]) for row in rows if row["output"] == output]
        assert totals == sorted(totals, reverse=True)
        assert f"{output}: " in said
    assert "session_minutes" in said


def test_memory_moves_nothing_unless_users_forget_nor_does_sociability_without_peers(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert handrail.main(["sensitivity", *SMALL, f"folder={tmp_path / 'run'}"]) == 0
    assert "warning: 4 points are too few" in capsys.readouterr().out
    with (tmp_path / "run" / TABLE_FILE).open() as lines:
        still = [row for row in csv.DictReader(lines) if row["trait"] in {"memory", "sociability"}]
    assert len(still) == 4
    assert all(float(row["total"]) == float(row["effect"]) == 0.0 for row in still)


WRONG_CALLS = {
    "points=100": "points: 100 is no power of 2",
    "points=1": "points",
    "users=0": "users",
    "base=nobody": "nobody",
    "policy.name=someone": "someone",
    "learner.model=guess": "learner.model",
    "env.skill=much": "env.skill",
    "journey_file=nowhere.yaml": "nowhere.yaml",
    "seed=-1": "seed",
}


@pytest.mark.parametrize(("setting", "named"), WRONG_CALLS.items())
def test_a_wrong_call_is_answered_in_one_line_and_leaves_nothing_behind(
    setting: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "run"
    assert handrail.main(["sensitivity", *SMALL, setting, f"folder={folder}"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("handrail sensitivity: ")
    assert named in said
    assert len(said.splitlines()) == said.count("Mend: ") == 1
    assert not folder.exists()


def test_a_persona_without_medians_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    raw = yaml.safe_load((Path(handrail.__file__).parent / "conf" / "persona" / "newcomer.yaml").read_text())
    raw["traits"]["pace"] = {"distribution": "uniform", "a": 0.5, "b": 2.0, "source": "our choice: a test"}
    path = tmp_path / "even.yaml"
    path.write_text(yaml.safe_dump(raw))
    assert handrail.main(["sensitivity", *SMALL, f"base={path}", f"folder={tmp_path / 'run'}"]) == 2
    assert "trait 'pace' of 'newcomer' is uniform. Mend: " in capsys.readouterr().err
