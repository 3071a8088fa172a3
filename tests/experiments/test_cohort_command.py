"""`handrail cohort`: tables, pictures, and intervals over pairs of cohorts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_module
from matplotlib.image import imread
from omegaconf import OmegaConf

import handrail
from agents.cohort import Cohort, Setting
from agents.cohort_tables import TABLES
from experiments import cohort
from experiments.cohort_batch import effects
from experiments.cohort_plots import completion_over_time
from experiments.settings import fill, problem_of
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules

CALL = ["journey=tiny", "users=40", "cohorts=3", "seed=5", "tick_hours=12"]
WRONG = {
    "users=1": "users",
    "cohorts=1": "cohorts",
    "peers=40": "peers",
    "peers=1": "peers",
    "influence=everybody": "influence: 'everybody' is not possible. Mend: use one of groups, graph",
    "influence=3": "influence",
    "tick_hours=0": "tick_hours",
    "tables=xlsx": "tables",
    "policy=nobody": "nobody",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "run"
    assert cohort.main([*CALL, f"folder={folder}"]) == 0
    return folder


def test_tables_are_those_of_the_first_pair(run: Path) -> None:
    setting = Setting(load_journey("tiny"), load_population("mixed"), expert_rules())
    for influence in ("nobody", "groups"):
        model = Cohort(setting, 40, influence, tick_hours=12.0, seed=5)
        model.run_model()
        for name in TABLES:
            expected = model.datacollector.get_table_dataframe(name)
            found = pd.read_csv(run / f"{name}.csv")
            found = found[found["influence"] == influence].drop(columns="influence").reset_index(drop=True)
            pd.testing.assert_frame_equal(found, expected, check_dtype=False)
        series = pd.read_csv(run / "series.csv").query(f"influence == '{influence}'")
        assert series["tick"].tolist() == list(range(1, model.steps + 1))
        assert series["events"].tolist() == model.datacollector.model_vars["events"]


def test_the_batch_holds_a_pair_per_seed(run: Path) -> None:
    batch = pd.read_csv(run / "batch.csv")
    assert sorted(zip(batch["influence"], batch["seed"], strict=True)) == [
        (kind, seed) for kind in ("groups", "nobody") for seed in (5, 6, 7)
    ]
    series = pd.read_csv(run / "series.csv")
    for kind, rows in series.groupby("influence"):
        first = batch[(batch["influence"] == kind) & (batch["seed"] == 5)]
        assert first["completion"].item() == pytest.approx(rows["completion"].iloc[-1])


def test_pictures_are_drawn_and_the_run_is_recorded(run: Path) -> None:
    for name in ("completion", "funnel", "effects"):
        picture = imread(run / "plots" / f"{name}.png")
        assert picture.shape[0] > 200
        assert picture.std() > 0.02, "something is drawn"
    record = json.loads((run / "run.json").read_text())
    assert (record["command"], record["seed"], record["journey"]) == ("cohort", 5, "tiny")


def test_panels_count_users_of_one_cohort_though_the_other_ends_later() -> None:
    rows = [
        {"influence": kind, "tick": tick, "hours": tick * 12.0, "persona": persona, "users": users, "completed": tick}
        for kind, ticks in (("nobody", 3), ("groups", 4))
        for tick in range(1, ticks + 1)
        for persona, users in (("a", 30), ("b", 12), ("c", 0))
    ]
    picture = completion_over_time(pd.DataFrame(rows), "nobody", ["a", "b", "c"])
    titles = [axes.get_title(loc="left") for axes in picture.axes if axes.get_visible()]
    assert titles == ["all users (42)", "a (30)", "b (12)"]


def test_parquet_holds_the_same(run: Path, tmp_path: Path) -> None:
    assert cohort.main([*CALL, "tables=parquet", f"folder={tmp_path / 'run'}"]) == 0
    for name in (*TABLES, "series", "batch"):
        found = pd.read_parquet(tmp_path / "run" / f"{name}.parquet")
        pd.testing.assert_frame_equal(found, pd.read_csv(run / f"{name}.csv"), check_dtype=False)


def test_effects_are_paired_by_seed() -> None:
    """Pairs that differ by exactly 0.1 have an interval of no width, however far apart the seeds are."""
    levels = np.array([0.1, 0.5, 0.8])
    rows = [
        {"influence": kind, "seed": seed, "completion": level + shift, "completion_a": level, "completion_b": np.nan}
        for kind, shift in (("groups", 0.1), ("nobody", 0.0))
        for seed, level in enumerate(levels)
    ]
    found = effects(pd.DataFrame(rows).sample(frac=1.0, random_state=1), "groups", ["a", "b"])
    assert [effect.group for effect in found] == ["all users", "a"], "b does not occur"
    assert found[0].difference.mean == pytest.approx(0.1)
    assert found[0].difference.half_width == pytest.approx(0.0, abs=1e-12)
    assert found[0].alone.mean == pytest.approx(levels.mean())
    assert found[1].difference.mean == 0.0


@pytest.mark.parametrize(("override", "named"), WRONG.items())
def test_a_wrong_setting_is_named_with_its_mend(
    override: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert handrail.main(["cohort", *CALL, override, f"folder={tmp_path / 'run'}"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("handrail cohort: ")
    assert named in said
    assert said.count("Mend: ") == 1
    assert not (tmp_path / "run").exists()


def test_default_settings_fit() -> None:
    with initialize_config_module("conf", version_base="1.3"):
        config = OmegaConf.to_container(compose("cohort", ["folder=x"]), resolve=True)
    assert isinstance(config, dict)
    plain = {str(name): value for name, value in config.items()}
    assert problem_of(plain).journey.steps
    fill(cohort.CohortSettings, {name: plain[name] for name in cohort.CohortSettings.__struct_fields__}, "")


def test_help_shows_examples_settings_and_groups(capsys: pytest.CaptureFixture) -> None:
    assert handrail.main(["cohort", "--help"]) == 0
    said = capsys.readouterr().out
    for part in ("handrail cohort journey=", "peers: 8", "population: ", "learner: ", "policy: "):
        assert part in said
