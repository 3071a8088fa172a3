"""The world: the decision clock's users event for event, whatever the stretch; nobody at the desk gets lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agents.learners import load_learner
from envs.reward import RewardWeights
from experiments.settings import Problem
from experiments.simulate import event_records
from journeys.actions import HUMAN, N_CHANNELS, N_RUNGS
from journeys.events import ACCEPT, AWAY, DECISION, DISMISS, ENTER, EVENT, LEAVE, SIGNUP, EventCodec
from journeys.loading import load_journey
from personas.persona import load_population
from policies.expert_rules import expert_rules
from policies.protocol import Choices, Policy
from policies.random_legal import RandomLegal
from simulator import crowd
from simulator.desk import Account
from simulator.json_lines import JsonLinesSink
from simulator.scenario import HOUR_MS, Arrivals, Desk, Scenario, Shift, Spike
from simulator.sinks import MemorySink
from simulator.world import Summary, play, stretch_of

SAAS, MIXED = load_journey("saas"), load_population("mixed")
SEED = 7
PLENTY = Desk((Shift(1_000),))
SHORT = Desk((Shift(1, 8, 12), Shift(2, 12, 13), Shift(1, 13, 15)))
OWN = [name for name in EVENT.names or () if name != "time"]


class Eager(RandomLegal):
    """Offers the most help that is legal, so that the desk has something to do; the rest is left to chance."""

    name = "eager"

    def decide(self, observations: np.ndarray, masks: np.ndarray, keys: np.ndarray) -> Choices:
        choices = super().decide(observations, masks, keys)
        rungs = masks[:, masks.shape[1] - N_CHANNELS - N_RUNGS : masks.shape[1] - N_CHANNELS]
        highest = N_RUNGS - 1 - rungs[:, ::-1].argmax(1)
        helps = rungs.any(1)
        base = masks.shape[1] - N_CHANNELS - N_RUNGS
        return Choices(np.where(helps, base + highest, choices.actions), np.where(helps, 0.5, choices.propensities))


def scenario(users: int, days: float, desk: Desk | None, seed: int = SEED) -> Scenario:
    arrivals = Arrivals(users / 3.0, spikes=(Spike(0, float(users), 3.0, 6.0),), most_users=users)
    return Scenario("test", "", days, arrivals, start=date(2026, 1, 5), seed=seed, desk=desk)


def played(plan: Scenario, policy: Policy, stretch: int | None = None, **settings: str) -> tuple[np.ndarray, Summary]:
    sink = MemorySink()
    journey, learner = load_journey(settings.get("journey", "saas")), load_learner(settings.get("learner", "bkt"))
    summary = play(plan, journey, MIXED, policy, sink, learner, stretch)
    return sink.records(), summary


def by_user(records: np.ndarray, users: int) -> list[np.ndarray]:
    """Each user's events, with times since the sign-up."""
    order = np.argsort(records["user"], kind="stable")
    lives = np.split(records[order], np.searchsorted(records["user"][order], np.arange(1, users)))
    for life in lives:
        life["time"] -= life["time"][0]
    return lives


LONG = 3_000.0  # days: longer than the longest absence


@pytest.mark.parametrize("desk", [None, PLENTY], ids=["no desk", "a desk with staff enough"])
@pytest.mark.parametrize(
    ("journey", "learner", "policy"),
    [
        ("saas", "bkt", Eager()),
        ("course", "irt_forgetting", expert_rules()),
        ("saas", "bkt_forgetting", Eager()),
        ("tiny", "afm", RandomLegal()),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_users_live_as_on_the_decision_clock(journey: str, learner: str, policy: Policy, desk: Desk | None) -> None:
    """Event for event and bit for bit, up to the end of the decision problem; only the time of sign-up differs."""
    users = 150
    world, summary = played(scenario(users, LONG, desk), policy, journey=journey, learner=learner)
    problem = Problem(load_journey(journey), MIXED, RewardWeights(), load_learner(learner))
    env = event_records(problem, policy, users, SEED, lambda done: None)
    went_on = 0
    for ours, theirs in zip(by_user(world, users), by_user(env, users), strict=True):
        assert len(ours) >= len(theirs)
        np.testing.assert_array_equal(ours[: len(theirs)], theirs)
        if len(ours) > len(theirs):
            went_on += 1
            assert theirs["kind"][-1] == AWAY, "nobody but the lapsed lives on"
            assert ours["kind"][len(theirs)] == ENTER
    assert went_on > 0 or learner != "bkt", "in one case at least, somebody came back after a lapse"
    assert summary.users == users
    assert summary.still_there == 0
    if desk is not None and journey == "saas":
        assert summary.desk is not None
        assert summary.desk.answered == summary.desk.answered_at_once == summary.desk.asked > 0
        assert summary.desk.waited == summary.desk.abandoned == 0


@pytest.fixture(scope="module")
def busy() -> tuple[np.ndarray, Summary]:
    """Three hundred users and too few at the desk."""
    return played(scenario(300, 40.0, SHORT), Eager())


def account_of(summary: Summary) -> Account:
    assert summary.desk is not None
    return summary.desk


@pytest.mark.parametrize("stretch", [HOUR_MS // 4, HOUR_MS, 7 * HOUR_MS + 13, 24 * HOUR_MS, 1_000 * HOUR_MS])
def test_what_is_played_at_a_time_changes_nothing(busy: tuple[np.ndarray, Summary], stretch: int) -> None:
    records, summary = played(scenario(300, 40.0, SHORT), Eager(), stretch)
    np.testing.assert_array_equal(records, busy[0])
    assert summary.desk == busy[1].desk
    np.testing.assert_array_equal(summary.endings, busy[1].endings)


def test_rows_are_used_again_and_their_number_changes_nothing(
    busy: tuple[np.ndarray, Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "FIRST_ROWS", 3)
    monkeypatch.setattr(crowd, "BATCH", 10)
    records, summary = played(scenario(300, 40.0, SHORT), Eager(), HOUR_MS)
    np.testing.assert_array_equal(records, busy[0])
    assert summary.most_rows < summary.users


def test_every_request_is_answered_or_abandoned(busy: tuple[np.ndarray, Summary]) -> None:
    records, summary = busy
    account = account_of(summary)
    assert account.asked == account.answered + account.abandoned + summary.waiting
    assert account.answered > 20
    assert account.abandoned > 20
    assert account.answered_at_once < account.answered
    by_human = records[(records["kind"] == ACCEPT) & (records["rung"] == HUMAN)]
    assert len(by_human) == account.answered, "whoever is answered has an event that says so"
    n_human = 3 * len(SAAS.steps) + HUMAN
    offers = int(((records["kind"] == DECISION) & (records["action"] == n_human)).sum())
    dismissed = int(((records["kind"] == DISMISS) & (records["rung"] == HUMAN)).sum())
    assert offers == len(by_human) + dismissed + summary.waiting
    assert dismissed >= account.abandoned


def test_staff_are_busy_for_as_long_as_answers_took_and_waiting_takes_the_users_time(
    busy: tuple[np.ndarray, Summary],
) -> None:
    records, summary = busy
    account = account_of(summary)
    by_human = records[(records["kind"] == ACCEPT) & (records["rung"] == HUMAN)]
    total = round(1_000 * by_human["duration"].sum())
    assert total == pytest.approx(account.busy + account.waited, abs=len(by_human))


def test_answers_are_given_in_hours_and_by_no_more_than_the_staff(busy: tuple[np.ndarray, Summary]) -> None:
    records, _ = busy
    by_human = records[(records["kind"] == ACCEPT) & (records["rung"] == HUMAN)]
    ends = by_human["time"] / HOUR_MS % 24.0
    longest = by_human["duration"].max() / 3_600.0
    assert ((ends > 8.0) & (ends < 15.0 + longest)).all()


def test_events_come_in_order_and_each_user_signs_up_first(busy: tuple[np.ndarray, Summary]) -> None:
    records, summary = busy
    assert (np.diff(records["time"]) >= 0).all()
    assert len(np.unique(records["key"])) == len(records)
    assert int(summary.events.sum()) == len(records)
    lives = by_user(records, 300)
    assert all(life["kind"][0] == SIGNUP and (life["kind"][1:] != SIGNUP).all() for life in lives)


def test_a_user_who_waits_in_vain_lives_otherwise_than_one_who_is_answered(busy: tuple[np.ndarray, Summary]) -> None:
    plenty, _ = played(scenario(300, 40.0, PLENTY), Eager())
    same = [
        np.array_equal(short, full)
        for short, full in zip(by_user(busy[0].copy(), 300), by_user(plenty, 300), strict=True)
    ]
    assert 0 < sum(same) < 300, "those who met no queue live the same life"


def test_the_world_ends_when_its_days_are_over() -> None:
    plan = scenario(300, 1.5, SHORT)
    records, summary = played(plan, Eager())
    longer, _ = played(scenario(300, 40.0, SHORT), Eager())
    assert plan.start_ms <= records["time"].min()
    assert records["time"].max() < plan.end_ms
    np.testing.assert_array_equal(records, longer[longer["time"] < plan.end_ms])
    assert summary.still_there > 0
    assert summary.still_there + int(summary.endings.sum()) == summary.users


def test_who_has_lapsed_may_come_back(busy: tuple[np.ndarray, Summary]) -> None:
    lapse = SAAS.rules.lapse_hours * HOUR_MS
    absences = []
    for life in by_user(busy[0].copy(), 300):
        left = None
        for event in life:
            left = int(event["time"]) if event["kind"] == LEAVE else left
            if event["kind"] == ENTER and left is not None:
                absences.append(int(event["time"]) - left)
    assert max(absences) > lapse


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    def written(name: str, seed: int, stretch: int) -> bytes:
        sink = JsonLinesSink(tmp_path / name, EventCodec(SAAS), "eager")
        play(scenario(60, 10.0, SHORT, seed), SAAS, MIXED, Eager(), sink, stretch=stretch)
        sink.close()
        return (tmp_path / name).read_bytes()

    first = written("a", SEED, HOUR_MS)
    assert first == written("b", SEED, 50 * HOUR_MS)
    assert first != written("c", SEED + 1, HOUR_MS)


def test_a_stretch_is_shorter_where_more_arrive() -> None:
    quiet, crowded = (msgspec.structs.replace(scenario(1, 28.0, None), arrivals=Arrivals(n)) for n in (10.0, 50_000.0))
    assert stretch_of(quiet) == 24 * HOUR_MS
    assert stretch_of(crowded) == 2 * HOUR_MS
