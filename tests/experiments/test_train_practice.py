"""`handrail train` beyond one journey and one algorithm: mixtures, journeys that nobody wrote, SB3, going on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import compare, export, train
from experiments.run_folder import RunRecord
from journeys.loading import load_journey
from policies.bundle import load_bundle
from policies.training.random_journeys import random_journey
from tests.experiments.small_runs import small_training


@pytest.fixture(scope="module")
def scorer_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "scorer"
    assert train.main(small_training(folder, "policy=scorer", "practice.random_journeys=3")) == 0
    return folder


def test_a_policy_of_random_journeys_becomes_a_bundle_for_any(scorer_run: Path, tmp_path: Path) -> None:
    assert export.main([str(scorer_run), "--out", str(tmp_path / "bundle"), "--any-journey"]) == 0
    for journey in (load_journey("saas"), load_journey("course"), random_journey(12_345)):
        assert load_bundle(tmp_path / "bundle", journey).policy.name == "scorer"


def test_it_is_compared_on_a_journey_that_it_never_saw(
    scorer_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    call = ["journey=course", "users=20", f"policies=[rules,{scorer_run}]", "references=[rules]"]
    assert compare.main([*call, f"folder={tmp_path / 'compared'}"]) == 0
    assert scorer_run.name in capsys.readouterr().out


def test_a_dense_policy_makes_no_bundle_for_any_journey(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert export.main([str(small_run), "--out", str(tmp_path / "bundle"), "--any-journey"]) == 2
    assert "knows one journey. Mend: train policy=scorer" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_a_dense_policy_does_not_train_on_random_journeys(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert train.main(small_training(tmp_path / "run", "practice.random_journeys=3")) == 2
    assert "policy 'ppo' knows one journey only. Mend: use policy=scorer" in capsys.readouterr().err


def test_it_practises_on_several_learner_models_and_people(tmp_path: Path) -> None:
    more = ["practice.learners=[bkt,irt_forgetting]", "practice.populations=[mixed,beginners]"]
    assert train.main(small_training(tmp_path / "run", *more)) == 0


def test_an_unknown_learner_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert train.main(small_training(tmp_path / "run", "practice.learners=[dkt]")) == 2
    assert "dkt" in capsys.readouterr().err


def test_stable_baselines3_trains_through_the_same_group(tmp_path: Path) -> None:
    call = ["journey=tiny", "evaluation.users=40", "training=sb3", "policy.hidden=8", "training.total_steps=1024"]
    sizes = ["training.num_envs=32", "training.n_steps=32", "training.batch_size=256"]
    assert train.main([*call, *sizes, f"folder={tmp_path / 'run'}"]) == 0
    assert load_file(tmp_path / "run" / "weights.safetensors")["w1"].shape[1] == 8


def test_a_training_that_was_interrupted_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    steps = ["training.total_steps=3072"]
    assert train.main(small_training(tmp_path / "whole", *steps)) == 0
    from_the_end = [f"resume={tmp_path / 'whole' / 'checkpoint.pt'}"]
    assert train.main(small_training(tmp_path / "again", *steps, *from_the_end)) == 0
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "again"))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_what_cannot_be_trained_so_is_said_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for more, said in (
        (["resume=nowhere.pt"], "resume: nowhere.pt: there is no such file"),
        (["policy=scorer", "practice.random_journeys=40"], "training.num_envs=32 is less than the 40 settings"),
    ):
        assert train.main(small_training(tmp_path / "run", *more)) == 2
        out = capsys.readouterr()
        assert said in out.err
        assert "playing" not in out.out + out.err


def test_the_record_says_what_was_practised(scorer_run: Path) -> None:
    record = msgspec.json.decode((scorer_run / "run.json").read_bytes(), type=RunRecord)
    assert record.practice == {"random journeys": 3, "learners": ["bkt"], "populations": ["mixed"]}


def test_going_on_from_another_training_is_refused(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    call = small_training(tmp_path / "run", "seed=4", f"resume={small_run / 'checkpoint.pt'}")
    assert train.main(call) == 2
    assert "is of another training: 'seed' differs" in capsys.readouterr().err


def test_tensorboard_shows_the_curve(small_run: Path) -> None:
    events = EventAccumulator(str(small_run / "tensorboard")).Reload()
    assert "training/mean_return" in events.Tags()["scalars"]
    assert [point.step for point in events.Scalars("training/episodes")] == [1024]
