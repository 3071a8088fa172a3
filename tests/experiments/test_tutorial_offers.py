"""What a policy would have offered: decisions as the runtime makes them, paired with what students did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.tutorial.data import read_tutorial
from experiments.tutorial.events import events_of
from experiments.tutorial.fit import Log, log_of
from experiments.tutorial.journey import journey_of
from experiments.tutorial.offers import help_by_visit, levels_of, offers_of, selections
from journeys.actions import ASSIST, HINT, N_VARIANTS, SELECT
from journeys.events import START
from journeys.spec import Journey
from policies.expert_rules import expert_rules
from policies.fixed_path import fixed_path
from policies.random_legal import RandomLegal
from tests.experiments.tutorial_tables import Tables, lively


def logged(tables: Tables, folder: Path) -> tuple[Journey, Log]:
    tutorial = read_tutorial(tables.write(folder))
    journey = journey_of(tutorial)
    return journey, log_of(journey, events_of(tutorial, journey)[0])


def test_levels_are_the_tutorials(tmp_path: Path) -> None:
    journey, _ = logged(lively(2), tmp_path)
    assert levels_of(journey).tolist() == [1, 1, 2, 2, 3, 3]


def test_the_fixed_path_agrees_with_who_walks_it(tmp_path: Path) -> None:
    tables = Tables()
    for i, task in enumerate((11, 22, 32)):
        tables.visit(1, task, 5 * i, "+")
    journey, log = logged(tables, tmp_path)
    chosen = selections(journey, log, offers_of(journey, fixed_path(), log))
    assert (chosen.offered == chosen.taken).all()
    assert chosen.legal.all()
    np.testing.assert_allclose(chosen.by_chance, [1 / 2, 1 / 3, 1 / 4])
    np.testing.assert_allclose(chosen.level_by_chance, [1, 2 / 3, 2 / 4])


def test_a_task_that_the_journey_forbids_is_never_agreed_on(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 31, 0, "+")
    tables.visit(1, 31, 5, "+")
    journey, log = logged(tables, tmp_path)
    chosen = selections(journey, log, offers_of(journey, RandomLegal(), log))
    assert not chosen.legal.any()
    assert not chosen.by_chance.any()
    assert (chosen.offered != chosen.taken).all()


def test_a_start_while_another_visit_is_open_follows_no_selection(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "-")
    tables.visit(1, 12, 5, "+")
    journey, log = logged(tables, tmp_path)
    chosen = selections(journey, log, offers_of(journey, fixed_path(), log))
    assert (log.starts, len(chosen.rows)) == (2, 1)


def test_the_rules_offer_help_after_failures_before_the_student_gives_up(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "----", given_up=True)
    tables.visit(2, 11, 0, "+")
    tables.visit(3, 11, 0, "", given_up=True)
    tables.visit(4, 11, 0, "-")
    journey, log = logged(tables, tmp_path)
    offers = offers_of(journey, expert_rules(), log)
    tried, at_once, untried, left = help_by_visit(log, offers, len(journey.steps))
    assert (tried.outcome, tried.fails, tried.offered_after) == ("given up", 4, 2)
    assert tried.lead_seconds == 120.0  # from the second failure to the end, a minute an attempt
    assert (at_once.outcome, at_once.offered_after) == ("solved", None)
    assert (untried.outcome, untried.fails, untried.offered_after) == ("given up", 0, None)
    assert left.outcome == "left open"


def test_an_offer_made_cools_down_and_is_not_pressed_on_who_does_not_take_it(tmp_path: Path) -> None:
    tables = Tables()
    tables.visit(1, 11, 0, "-----")
    for attempt, seconds in zip(tables.attempts, (20, 40, 50, 60, 150), strict=True):  # the cool-down is 45 s
        attempt["time"] = f"2020-03-02 08:{seconds // 60:02d}:{seconds % 60:02d}.250"
    journey, log = logged(tables, tmp_path)
    base = N_VARIANTS * len(journey.steps)
    actions = [offer.action - base for offer in offers_of(journey, expert_rules(), log) if offer.moment == ASSIST]
    assert actions == [0, 0, 0, HINT, 0, 0]  # at the start, then after each failure; nothing tells that it was taken


def test_every_moment_gets_one_decision_and_the_same_again(tmp_path: Path) -> None:
    journey, log = logged(lively(30), tmp_path)
    offers = offers_of(journey, RandomLegal(), log)
    again = offers_of(journey, RandomLegal(), log)
    assert [offer[:3] for offer in offers] == [offer[:3] for offer in again]
    events = [offer.event for offer in offers]
    assert len(set(events)) == len(events)
    starts = set(np.flatnonzero(log.events["kind"] == START).tolist())
    assert len(starts & set(events)) > 50  # inside a step from its first moment on
    for offer in offers:
        if offer.moment == SELECT:
            assert offer.legal[offer.action // N_VARIANTS]
            assert ((offer.success > 0) & (offer.success < 1)).all()


def test_one_student_alone_is_offered_the_same(tmp_path: Path) -> None:
    journey, log = logged(lively(12), tmp_path)
    together = [offer for offer in offers_of(journey, RandomLegal(), log) if log.rows[offer.event] == 3]
    alone = log.of([3])
    assert [o.action for o in offers_of(journey, RandomLegal(), alone)] == [o.action for o in together]


@pytest.mark.parametrize("outcome", ["solved", "given up", "left open"])
def test_every_visit_is_counted_once_under_its_outcome(tmp_path: Path, outcome: str) -> None:
    tables = lively(40)
    journey, log = logged(tables, tmp_path)
    visits = list(help_by_visit(log, offers_of(journey, fixed_path(), log), len(journey.steps)))
    assert len(visits) == len(tables.visits)
    written = {"solved": 0, "given up": 0, "left open": 0}
    for row in tables.visits:
        written["solved" if row["solved"] else "given up" if row["given_up"] else "left open"] += 1
    assert sum(visit.outcome == outcome for visit in visits) == written[outcome]
