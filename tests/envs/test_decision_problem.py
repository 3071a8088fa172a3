"""docs/decision-problem.md is true: its moments, actions, terms, weights and baselines are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from agents.kernel import TERMS
from envs.reward import RewardWeights
from envs.vector import MOST_DECISIONS
from journeys.actions import CHANNELS, DIFFICULTIES, MOMENTS, N_VARIANTS, RUNGS, n_actions
from journeys.observation import SKILL_SIZE, STEP_SIZE, USER_SIZE
from policies.families import WITHOUT_TENSORS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/decision-problem.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head, backticks removed."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_moments() -> None:
    assert tuple(row[0] for row in table("Moments")) == MOMENTS[1:]


def test_actions() -> None:
    selects = [[f"{N_VARIANTS} s + {v}", f"select step s: {name}"] for v, name in enumerate(DIFFICULTIES)]
    rest = [f"assist: {rung}" for rung in RUNGS] + [f"reengage: {channel}" for channel in CHANNELS]
    assert table("Actions") == selects + [[f"{N_VARIANTS} S + {i}", words] for i, words in enumerate(rest)]
    assert f"`{N_VARIANTS} S + {n_actions(0)}` actions" in PAGE


def test_observation_size() -> None:
    assert f"`{USER_SIZE} + {STEP_SIZE} S + {SKILL_SIZE} K` entries" in PAGE


def test_terms_and_weights() -> None:
    rows = table("Reward")
    assert tuple(row[0] for row in rows) == TERMS
    assert [float(row[1]) for row in rows] == RewardWeights().array().tolist()
    assert all(len(reason) > 20 for *_, reason in rows), "every weight says why"


def test_the_default_configuration_has_the_same_weights() -> None:
    shipped = yaml.safe_load((ROOT / "conf/env/default.yaml").read_text(encoding="utf-8"))
    assert RewardWeights(**shipped) == RewardWeights()


def test_configurations_named_here_exist() -> None:
    for name in re.findall(r"env=(\w+)", PAGE):
        assert (ROOT / f"conf/env/{name}.yaml").is_file(), name


def test_baselines() -> None:
    rows = table("Baselines")
    assert {row[0] for row in rows} == set(WITHOUT_TENSORS)
    assert all((ROOT / row[2]).is_file() for row in rows)


def test_limit_of_an_episode() -> None:
    assert f"truncated* after {MOST_DECISIONS}\ndecisions" in PAGE
