"""The page on exact journeys: who stands where, and trained policies beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import exact_page
from experiments.exact_page import exact_table, kinds_table, standings, trained
from experiments.settings import SettingsError
from policies.random_legal import RandomLegal
from policies.training.exact.kinds import KINDS
from tests.policies.exact_lives import solved_problem


def test_standings_are_of_the_same_users_and_shares_of_one_gap() -> None:
    guest = RandomLegal()
    guest.name = "guest"
    found = {standing.policy: standing for standing in standings(solved_problem("tiny"), [guest], users=300)}
    assert {"oracle", "lookahead", "qmdp", "qmdp_fold", "greedy_full", "greedy", "guest"} <= set(found)
    assert found["guest"].level == found["random"].level
    assert found["greedy"].share == found["greedy"].gain.mean == 0.0
    assert found["oracle"].share == 1.0
    means = [standing.level.mean for standing in found.values()]
    assert means == sorted(means, reverse=True)


def test_a_table_has_a_row_for_everybody() -> None:
    text = exact_table("tiny", users=60)
    assert text.startswith("196,800 states")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == 9
    assert all(row.count("|") == 6 for row in rows)


def test_the_page_tells_the_kinds_as_they_are() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "exact.md").read_text(encoding="utf-8")
    assert kinds_table() in page, "run: python -m experiments.exact_page"
    assert len(KINDS) == 4


def test_who_is_to_play_along_has_to_exist() -> None:
    with pytest.raises(SettingsError, match="no policy"):
        trained(["tiny=nowhere/to/be/found"])
    with pytest.raises(KeyError, match="no exact problem"):
        trained(["creator=rules"])
    assert [policy.name for policy in trained(["tiny=zpdes", "ladder=rules", "tiny=rules"])["tiny"]] == [
        "zpdes",
        "rules",
    ]


def test_the_command_writes_where_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_page, "page", lambda policies, users: f"{sorted(policies)} {users}")
    out = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["exact_page", "--policy", "tiny=zpdes", "--users", "9", "--out", str(out)])
    exact_page.main()
    assert out.read_text() == "['tiny'] 9"
