"""The learning studies: a trial is kept and not done again, and tables say what the trials found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from experiments.comparison import OVERALL
from experiments.learning import tables
from experiments.learning.judging import MEASURES, differences, judge
from experiments.learning.over_seeds import against_trials, gain, level, trials_of
from experiments.learning.studies import EXACT, Study, ablations, all_studies, mixtures, unseen
from experiments.learning.trial import Trial, carry_out, path_of, problem_of
from experiments.settings import SettingsError
from experiments.statistics import mean_interval
from journeys.loading import shipped
from policies.families import baseline
from policies.training.random_journeys import random_journey

SMALL = {"total_steps": 512, "num_envs": 32, "n_steps": 8, "batch_size": 64, "hidden": 8}
TINY = Study("small", "tiny", ("bkt", "irt"), ("mixed",), (("bkt", "mixed"),), settings=SMALL)
PLACE = "tiny/bkt/mixed"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learning")
    for seed in (1, 2, 3):
        carry_out(folder, TINY, seed, 60, lambda _: None)
    return folder


def test_a_trial_that_is_there_is_not_done_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.learning.trial.train", lambda *_: pytest.fail("trained again"))
    trial = carry_out(folder, TINY, 1, 60, lambda _: None)
    assert (trial.study, trial.seed, trial.steps) == ("small", 1, 512)


def test_a_trial_of_another_question_is_no_answer(folder: Path) -> None:
    with pytest.raises(SettingsError, match="answers another question"):
        carry_out(folder, TINY, 1, 61, lambda _: None)


def test_a_trial_is_reproduced_number_for_number(folder: Path, tmp_path: Path) -> None:
    one, other = (carry_out(where, TINY, 2, 60, lambda _: None) for where in (folder, tmp_path))
    assert msgspec.structs.replace(one, cpu_seconds=0.0) == msgspec.structs.replace(other, cpu_seconds=0.0)


def test_seeds_are_judged_on_other_users(folder: Path) -> None:
    levels = [level([trial], PLACE, "greedy", "return") for trial in trials_of(folder, "small")]
    assert len(set(levels)) == 3


def test_intervals_are_over_seeds(folder: Path) -> None:
    trials = trials_of(folder, "small")
    means = [
        d.mean
        for t in trials
        for d in t.differences
        if (d.reference, d.measure, d.group) == ("rules", "return", OVERALL)
    ]
    assert gain(trials, PLACE, "rules") == mean_interval(np.array(means))
    assert against_trials(trials, trials, PLACE).mean == 0.0


def test_a_policy_differs_from_itself_by_nothing() -> None:
    problem = problem_of("tiny", "bkt", "mixed")
    judged = judge(problem, baseline("rules", problem.journey), 80, 1)
    for row in differences(PLACE, "a", judged, "b", judged, problem.population.personas):
        assert (row.mean, row.low, row.high) == (0.0, 0.0, 0.0)
    assert judged.measures.shape == (80, len(MEASURES))
    assert set(np.unique(judged.of("retained"))) <= {0.0, 1.0}
    assert ((judged.of("engagement") > 0.0) & (judged.of("engagement") < 1.0)).all()


@pytest.mark.parametrize("change", [{"recall": "traces"}, {"recall": "everything"}, {"teacher": "greedy_full"}])
def test_what_is_tried_can_be_judged(change: dict, tmp_path: Path) -> None:
    trial = carry_out(tmp_path, replace(TINY, **change), 1, 40, lambda _: None)
    assert trial.differences


def test_an_exact_study_stands_beside_the_planners(tmp_path: Path) -> None:
    study = replace(TINY, learners=("bkt",), people=(EXACT,), pairs=(("bkt", EXACT),), teacher="qmdp")
    trial = carry_out(tmp_path, study, 1, 200, lambda _: None)
    returns = {row.policy: row.mean for row in trial.levels if (row.measure, row.group) == ("return", OVERALL)}
    assert returns["oracle"] > returns["qmdp"] > returns["greedy"] > returns["small"]


def test_no_study_is_judged_on_what_it_was_trained_on() -> None:
    for study in mixtures():
        practised = {(learner, people) for learner in study.learners for people in study.people}
        assert not practised & set(study.pairs)
    names = {random_journey(seed).name for seed in range(5)}
    assert not names & set(shipped())
    assert unseen().random_journeys > 0
    assert set(unseen().judged_journeys) <= set(shipped())


def test_an_ablation_changes_one_thing() -> None:
    base, *others = ablations()
    for study in others:
        plain = replace(study, name="base")
        fields = [
            f for f in ("learners", "people", "recall", "teacher", "settings") if getattr(plain, f) != getattr(base, f)
        ]
        assert len(fields) == 1, (study.name, fields)
        if fields == ["settings"]:
            assert len(set(study.settings.items()) ^ set(base.settings.items())) == 1, study.name


def test_tables_show_what_was_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "mixtures", lambda: [TINY])
    text = next(tables.mixture_tables(folder))
    assert "`tiny`, 3 seeds" in text
    assert tables.shown(gain(trials_of(folder, "small"), PLACE, "greedy")) in text


def test_studies_have_names_of_their_own() -> None:
    assert {"exact-tiny", "mixture-saas", "unseen", "memory", "base"} <= set(all_studies())
    assert path_of(Path("x"), TINY, 4) == Path("x/small/seed-4.json")
    assert Trial.__struct_fields__[:2] == ("study", "seed")
