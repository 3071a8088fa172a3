"""What is collected equals what can be counted in the event log; Mesa's own tools work with the model."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from pathlib import Path

import mesa
import numpy as np
import pandas as pd
import pytest

from agents.birth import ARRIVAL_MS
from agents.cohort import HOUR_MS, Cohort
from agents.cohort_tables import SERIES, TABLES, column_of
from journeys.actions import N_VARIANTS, RUNGS, WAIT
from journeys.events import ACCEPT, AWAY, DECISION, SUCCEED
from journeys.fold import blank_states, fold_log
from journeys.state import COMPLETED, LAPSED, ONGOING, OUT_OF_TIME
from tests.agents.cohorts import by_user, lived, setting_of

USERS = 120


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return lived(setting_of("saas"), USERS, influence="groups", seed=7, tick_hours=6.0)


def table(cohort: Cohort, name: str) -> pd.DataFrame:
    return cohort.datacollector.get_table_dataframe(name)


def ticks_of(cohort: Cohort, events: np.ndarray) -> list[int]:
    return ((events["time"] - ARRIVAL_MS) // cohort.tick_ms + 1).tolist()


def personas_of(cohort: Cohort, events: np.ndarray) -> list[str]:
    names = cohort.setting.population.personas
    return [names[p] for p in cohort.world.minds["persona"][events["user"]]]


def counted(cohort: Cohort, events: np.ndarray, *more: list) -> Counter:
    """How many of `events` there are by tick, persona and whatever else."""
    return Counter(zip(ticks_of(cohort, events), personas_of(cohort, events), *more, strict=True))


def collected(frame: pd.DataFrame, column: str, *more: str) -> Counter:
    """The same as the table has it, zeros left out."""
    keys = frame[["tick", "persona", *more]].itertuples(index=False, name=None)
    return Counter({key: value for key, value in zip(keys, frame[column].tolist(), strict=True) if value})


def test_events_decisions_and_activity_are_those_of_the_log(cohort: Cohort) -> None:
    events, frame = cohort.events(), table(cohort, "personas")
    made = events[events["kind"] == DECISION]
    assert collected(frame, "decisions") == counted(cohort, made)
    happened = events[events["kind"] != DECISION]
    assert collected(frame, "events") == counted(cohort, happened)
    done = happened[happened["kind"] != AWAY]
    active = {*zip(ticks_of(cohort, done), personas_of(cohort, done), done["user"].tolist(), strict=True)}
    assert collected(frame, "active") == Counter((tick, persona) for tick, persona, _ in active)


def test_help_is_that_of_the_log(cohort: Cohort) -> None:
    events, frame = cohort.events(), table(cohort, "help")
    rungs = events["action"] - N_VARIANTS * len(cohort.plan.steps)
    offers = (events["kind"] == DECISION) & (rungs > WAIT) & (rungs < len(RUNGS))
    names = [RUNGS[rung] for rung in rungs[offers]]
    assert collected(frame, "offered", "rung") == counted(cohort, events[offers], names)
    taken = events[events["kind"] == ACCEPT]
    names = [RUNGS[rung] for rung in taken["rung"]]
    assert collected(frame, "accepted", "rung") == counted(cohort, taken, names)
    assert len(set(names)) == 4


def test_the_funnel_is_that_of_the_log(cohort: Cohort) -> None:
    events, frame = cohort.events(), table(cohort, "funnel")
    steps = cohort.setting.journey.step_names()
    for tick in (1, 3, 4, 40, cohort.steps):
        until = events[events["time"] < ARRIVAL_MS + tick * cohort.tick_ms]
        done = until[until["kind"] == SUCCEED]
        persona = personas_of(cohort, done)
        pairs = {*zip(persona, (steps[s] for s in done["step"]), done["user"].tolist(), strict=True)}
        expected = Counter((tick, *pair[:2]) for pair in pairs)
        assert collected(frame[frame["tick"] == tick], "done", "step") == expected
    assert expected


def test_endings_and_progress_are_what_folding_the_log_gives(cohort: Cohort) -> None:
    """Refold what had happened by the end of some ticks; endings are read at the time of the event that ended it."""
    events, frame = by_user(cohort.events()), table(cohort, "personas")
    persona_of, required = cohort.world.minds["persona"], int(cohort.plan.rules["required"][0])
    for tick in (2, 9, 60, cohort.steps):
        until = events[events["time"] < ARRIVAL_MS + tick * cohort.tick_ms]
        state = blank_states(cohort.plan, USERS)
        for user in range(USERS):
            fold_log(
                cohort.plan, state.users[user], state.steps[user], state.skills[user], until[until["user"] == user]
            )
        rows = frame[frame["tick"] == tick]
        for p, row in enumerate(rows.itertuples()):
            users = state.users[persona_of == p]
            assert row.users == len(users)
            found = tuple(int((users["ended"] == ending).sum()) for ending in (COMPLETED, LAPSED, OUT_OF_TIME))
            assert (row.completed, row.lapsed, row.out_of_time) == found
            done = np.bitwise_count(users["done"] & np.uint64(required)).mean() / required.bit_count()
            assert row.progress == pytest.approx(done)


def test_series_are_sums_of_the_tables(cohort: Cohort) -> None:
    series, persons = cohort.datacollector.get_model_vars_dataframe(), table(cohort, "personas")
    sums = persons.groupby("tick").sum(numeric_only=True)
    for column in ("events", "decisions", "active"):
        assert series[column].tolist() == sums[column].tolist()
    assert series["completion"].tolist() == pytest.approx((sums["completed"] / USERS).tolist())
    assert series["lapsed"].tolist() == pytest.approx((sums["lapsed"] / USERS).tolist())
    for persona, rows in persons.groupby("persona"):
        assert series[column_of(str(persona))].tolist() == (rows["completed"] / rows["users"]).tolist()
    offered = table(cohort, "help").groupby("tick")["offered"].sum()
    assert series["help_offered"].tolist() == offered.tolist()
    assert series["hours"].tolist() == [6.0 * tick for tick in range(1, cohort.steps + 1)]
    assert cohort.completed().mean() == pytest.approx(series["completion"].iloc[-1])


def test_every_table_has_the_columns_that_are_described(cohort: Cohort) -> None:
    for name, columns in TABLES.items():
        assert list(table(cohort, name).columns) == list(columns)
    each = [column_of(persona) for persona in cohort.setting.population.personas]
    assert list(cohort.datacollector.get_model_vars_dataframe().columns) == [*SERIES, *each]


def test_the_page_describes_every_column() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cohort.md").read_text(encoding="utf-8")
    for column in {*SERIES, *(column for columns in TABLES.values() for column in columns)}:
        assert f"`{column}`" in page


def test_a_cohort_ends_when_everybody_is_through(cohort: Cohort) -> None:
    assert not cohort.running
    assert (cohort.world.users["ended"] != ONGOING).all()
    series = cohort.datacollector.get_model_vars_dataframe()
    assert series["events"].iloc[-1] > 0, "the last tick is the one in which the last of them ended"
    assert cohort.hours == cohort.steps * cohort.tick_ms / HOUR_MS


def test_members_are_handles_on_the_rows(cohort: Cohort) -> None:
    names = cohort.setting.population.personas
    assert [member.row for member in cohort.agents] == list(range(USERS))
    for persona, members in cohort.agents.groupby("persona"):
        rows = np.array([member.row for member in members])
        assert (cohort.world.minds["persona"][rows] == names.index(persona)).all()
    assert cohort.agents.agg("progress", np.mean) == pytest.approx(cohort.book.progress.mean())
    through = cohort.agents.select(lambda member: member.standing == "completed")
    assert len(through) == cohort.completed().sum() > 0
    assert next(iter(cohort.agents)).model is cohort


def test_a_model_that_is_no_longer_used_is_let_go() -> None:
    """Mesa's own counter of agents would keep every model of a batch, arrays and all."""
    model = Cohort(setting_of(), 20)
    model.step()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_batch_runs_over_influence_population_and_seeds() -> None:
    parameters = {
        "setting": [setting_of(population="mixed"), setting_of(population="beginners")],
        "influence": ["nobody", "groups"],
        "users": 40,
        "tick_hours": 24.0,
        "seed": [1, 2, 3],
    }
    results = mesa.batch_run(Cohort, parameters, data_collection_period=-1, display_progress=False)
    assert len(results) == 12
    for result in results:
        settings = {name: result[name] for name in parameters}
        cohort = Cohort(**settings)
        cohort.run_model()
        final = {name: values[-1] for name, values in cohort.datacollector.model_vars.items()}
        assert {name: result[name] for name in final} == final
    assert len({tuple(result[name] for name in final) for result in results}) > 4
