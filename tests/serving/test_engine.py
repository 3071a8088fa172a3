"""The engine: several journeys on one store, dead letters with the batch, swaps between batches, clocks."""

from __future__ import annotations

import threading
import time

import msgspec
import numpy as np
import pytest
from bundles import contents_of, make_bundle

from journeys.events import Event
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import load_bundle, save_bundle
from policies.protocol import Choices
from policies.rowwise import RowwisePolicy
from policies.training.rollout import event_log
from serving.answer import DeadLetter
from serving.engine import CLOCK_TOLERANCE_MS, Engine, Serving
from serving.refold import refold
from serving.stand_in import stand_in
from serving.stores.memory_store import MemoryStore
from serving.stores.store import Delivery, Fenced, StoreDown

T0 = 1_767_225_600_000
FEW_REASONS = Serving(reasons=0)


def signup(user: str = "ann", journey: str = "tiny", time: int = T0) -> Event:
    return Event(f"{user}-in", user, journey, time, "signup", consent=("personalise",))


def engine(store=None, *journeys: str, clock=lambda: T0 / 1_000, serving=FEW_REASONS) -> Engine:
    return Engine(store or MemoryStore(), [make_bundle(name) for name in journeys or ("tiny",)], serving, clock)


def test_events_of_several_journeys_are_answered_in_order():
    both = engine(None, "tiny", "saas")
    mixed = [signup("a", "tiny"), signup("b", "saas"), signup("c", "nowhere"), signup("d", "tiny"), signup("a", "saas")]
    answers = both.take(mixed)
    assert [a.outcome for a in answers] == ["applied", "applied", "refused", "applied", "applied"]
    assert [a.decision and a.decision.journey for a in answers] == ["tiny", "saas", None, "tiny", "saas"]
    assert "'nowhere' is not served here" in answers[2].letter.detail
    assert [msgspec.json.decode(a.record)["id"] for a in answers if a.record] == [
        a.decision.id for a in answers if a.decision
    ]


def test_what_was_refused_is_committed_with_the_batch():
    mine = engine()
    poison = DeadLetter("malformed", "not JSON. Mend: send JSON", raw="{")
    unsound = msgspec.structs.replace(signup("bob"), kind="start", consent=None)
    answers = mine.take([poison, signup(), unsound], Delivery(notes={"position/p": b"17"}))
    assert [a.outcome for a in answers] == ["refused", "applied", "refused"]
    letters = [msgspec.json.decode(one.letter, type=DeadLetter) for one in mine.store.letters("", 10)]
    assert [letter.reason for letter in letters] == ["malformed", "invalid"]
    assert mine.store.recall("position/p") == b"17"


def test_who_lost_the_lease_writes_for_none_of_a_batchs_journeys():
    both = engine(None, "tiny", "saas")
    lost = both.store.claim("partition", "first", 60.0)
    both.store.release(lost)
    assert both.store.claim("partition", "second", 60.0) is not None
    with pytest.raises(Fenced):
        both.take([signup("a", "tiny"), signup("b", "saas")], Delivery((lost,)))
    assert both.store.read_log("", 10) == []


def test_a_delivery_without_an_event_is_committed():
    mine = engine()
    mine.take([], Delivery(notes={"position/p": b"18"}))
    assert mine.store.recall("position/p") == b"18"


class Down(MemoryStore):
    """A store that does not answer while it is `down`."""

    down = False

    def commit(self, commit):
        if self.down:
            raise StoreDown("no answer")
        super().commit(commit)


def test_what_could_not_be_stored_was_not_applied():
    store = Down()
    mine, calm = engine(store), engine()
    events = [signup(), Event("s", "ann", "tiny", T0 + 1, "start", step="first-note")]
    store.down = True
    with pytest.raises(StoreDown):
        mine.take(events)
    store.down = False
    actions = [[a.decision.action for a in one.take(events)] for one in (mine, calm)]
    assert actions[0] == actions[1]
    assert mine.store.load("tiny", ["ann"]) == calm.store.load("tiny", ["ann"])


def test_a_clock_that_is_ahead_is_told_from_one_that_is_right():
    mine = engine()
    right, ahead = signup("a", time=T0 + CLOCK_TOLERANCE_MS), signup("b", time=T0 + CLOCK_TOLERANCE_MS + 1)
    assert [a.outcome for a in mine.take([right, ahead])] == ["applied", "refused"]
    assert mine.take([ahead])[0].letter.reason == "early"


def test_a_swap_serves_the_next_batch_and_goes_on_with_the_users(tmp_path):
    mine = engine()
    mine.take([signup()])
    newer = load_bundle(save_bundle(tmp_path / "b", contents_of(load_journey("tiny"), version="2")))
    mine.swap(newer)
    answer = mine.take([Event("s", "ann", "tiny", T0 + 1, "start", step="first-note")])[0]
    assert answer.decision.version == "2"
    assert mine.store.load("tiny", ["ann"])["ann"].version == 2


def hang(observations, masks, actions):
    """A policy that takes longer than anybody waits."""
    hang.until.wait(30)
    actions[:] = np.argmax(masks, axis=1)


def test_rules_answer_within_the_deadline_when_the_policy_hangs():
    hang.until = threading.Event()
    hang.until.set()
    slow = make_bundle("tiny")._replace(policy=RowwisePolicy("slow", hang))
    rules = engine_of(make_bundle("tiny", "rules"))
    mine = Engine(MemoryStore(), [slow], FEW_REASONS._replace(deadline=0.05), lambda: T0 / 1_000)
    hang.until.clear()
    try:
        began = time.monotonic()
        answers = [mine.take([signup(f"u{n}")])[0] for n in range(3)]
        assert time.monotonic() - began < 5.0  # three deadlines, not three times half a minute
        for n, answer in enumerate(answers):
            expected = rules.take([signup(f"u{n}")])[0].decision
            assert (answer.decision.action, answer.decision.policy) == (expected.action, "rules")
            assert answer.decision.propensity == 1.0
        assert "took more than 0.05 s" in answers[0].decision.fallback
        assert "still busy" in answers[1].decision.fallback
    finally:
        hang.until.set()


def engine_of(bundle) -> Engine:
    return Engine(MemoryStore(), [bundle], FEW_REASONS, lambda: T0 / 1_000)


def broken(observations, masks, actions):
    raise FloatingPointError("weights are gone")


def test_rules_answer_where_the_policy_fails_and_it_is_set_aside_and_tried_again():
    mine = engine_of(make_bundle("tiny")._replace(policy=RowwisePolicy("broken", broken)))
    decisions = [mine.take([signup(f"u{n}")])[0].decision for n in range(7)]
    assert all(decision.fallback and decision.policy == "rules" for decision in decisions)
    assert "FloatingPointError: weights are gone" in decisions[0].fallback
    assert "set aside after 5 failures" in decisions[-1].fallback


def test_a_journey_without_its_bundle_is_served_by_the_rules():
    mine = engine_of(stand_in(load_journey("tiny"), "bundles/tiny: no such folder"))
    decision = mine.take([signup()])[0].decision
    assert (decision.policy, decision.bundle) == ("rules", "stand-in")
    assert "no such folder" in decision.fallback
    assert decision.action == engine_of(make_bundle("tiny", "rules")).take([signup()])[0].decision.action


def test_a_dead_letter_says_when_it_came_and_by_which_door():
    mine = engine()
    mine.take([signup(time=T0 + CLOCK_TOLERANCE_MS + 1), signup("c", "nowhere")], source="http")
    letters = [msgspec.json.decode(one.letter, type=DeadLetter) for one in mine.store.letters("", 10)]
    assert {(letter.source, letter.received) for letter in letters} == {("http", T0)}
    assert len(letters) == 2


class Mute(RowwisePolicy):
    """Decides at once, and explains itself `how`."""

    def __init__(self, how) -> None:
        super().__init__("mute", lambda observations, masks, actions: actions.__setitem__(slice(None), masks.argmax(1)))
        self._how = how

    def probabilities(self, observations, masks):
        self._how()
        return super().probabilities(observations, masks)


def fail():
    raise FloatingPointError("no reasons")


@pytest.mark.parametrize("how", [fail, lambda: time.sleep(1.0)], ids=["fails", "is slow"])
def test_a_choice_stands_without_its_reasons(how):
    policy = Mute(how)
    policy.decide = lambda o, m, k: Choices(m.argmax(1), np.ones(len(m)))
    bundle, three = make_bundle("tiny")._replace(policy=policy), Serving(reasons=3, deadline=0.05)
    mine = Engine(MemoryStore(), [bundle], three, lambda: T0 / 1_000)
    began = time.monotonic()
    decision = mine.take([signup()])[0].decision
    assert time.monotonic() - began < 0.5
    assert (decision.fallback, decision.policy, decision.reasons, decision.next_best) == (None, "mute", (), None)
    assert decision.action == decision.legal[0]


def test_a_batch_gets_its_turn_among_single_events_of_its_users():
    """Commits of 3 ms, one after the other for each of three users, and a batch of all three beside them."""

    class Slow(MemoryStore):
        def commit(self, commit):
            time.sleep(0.003)
            super().commit(commit)

    mine, over = engine(Slow()), threading.Event()

    def singles(user: str) -> None:
        for n in range(1, 100_000):
            if over.is_set():
                return
            mine.take([Event(f"{user}{n}", user, "tiny", T0 + n, "enter")])

    threads = [threading.Thread(target=singles, args=(user,)) for user in "abc"]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    batch = threading.Thread(
        target=lambda: mine.take([Event(f"late-{u}", u, "tiny", T0 + 200_000, "enter") for u in "abc"]), daemon=True
    )
    batch.start()
    batch.join(5.0)
    served = not batch.is_alive()
    over.set()
    for thread in threads:
        thread.join()
    assert served


def test_a_worker_whose_clock_is_slow_believes_the_brokers():
    """By its own clock the event is an hour ahead; the broker took it in just then."""
    hour = 3_600_000
    mine = engine(clock=lambda: (T0 - hour) / 1_000)
    assert mine.take([signup("a")])[0].letter.reason == "early"
    assert mine.take([signup("b")], received=T0)[0].outcome == "applied"


def fold_of(engine: Engine, user: str) -> bytes:
    """The fold of a user's log from nothing."""
    runtime = engine.journeys["tiny"]
    names = runtime.journey.step_names()
    return refold(runtime.plan, runtime.codec, engine.store.log("tiny", user), lambda _: names, live=True)


def test_nobody_is_folded_while_a_commit_of_theirs_may_fail():
    """The first commit hangs and then fails; the second event of the user waits, and is folded without the first."""

    class Hanging(MemoryStore):
        def __init__(self):
            super().__init__()
            self.begun, self.go_on, self.failures = threading.Event(), threading.Event(), 1

        def commit(self, commit):
            if self.failures:
                self.failures -= 1
                self.begun.set()
                self.go_on.wait(10.0)
                raise StoreDown("no answer")
            super().commit(commit)

    store = Hanging()
    mine, outcomes = engine(store), []

    def take(event: Event) -> None:
        try:
            outcomes.append(mine.take([event])[0].outcome)
        except StoreDown:
            outcomes.append("down")

    first = threading.Thread(target=take, args=(signup(),))
    second = threading.Thread(target=take, args=(Event("s", "ann", "tiny", T0 + 1, "start", step="first-note"),))
    first.start()
    assert store.begun.wait(10.0)
    second.start()
    time.sleep(0.1)  # were it not to wait, it would be through by now
    assert second.is_alive()
    assert mine.take([signup("bob")])[0].outcome == "applied"  # who is somebody else need not wait
    store.go_on.set()
    first.join()
    second.join()
    assert outcomes == ["down", "applied"]
    assert store.load("tiny", ["ann"])["ann"].state == fold_of(mine, "ann")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_users_who_make_room_for_others_come_back_as_they_were(size):
    """Three places for twelve users, in batches of more users than places too."""
    events = [
        event
        for event in event_log(load_journey("tiny"), load_population("mixed"), make_bundle("tiny").policy, 12, 5)
        if event.kind != "decision"
    ]
    few, many = (
        Engine(MemoryStore(), [make_bundle("tiny")], Serving(reasons=0, tolerance_ms=None, active_users=places))
        for places in (3, 1_000)
    )
    answers = [
        [a.decision and a.decision.action for i in range(0, len(events), size) for a in one.take(events[i : i + size])]
        for one in (few, many)
    ]
    assert answers[0] == answers[1]
    users = {event.user for event in events}
    assert few.store.load("tiny", users) == many.store.load("tiny", users)
    assert all(few.store.load("tiny", [user])[user].state == fold_of(few, user) for user in users)


def test_fences_guard_every_journeys_part_of_a_batch():
    """A zombie's batch of two journeys leaves nothing in either."""
    both = engine(None, "tiny", "saas")
    old = both.store.claim("p", "zombie", 0.0)
    assert both.store.claim("p", "successor", 60.0).epoch > old.epoch
    with pytest.raises(Fenced):
        both.take([signup("a", "tiny"), signup("a", "saas")], Delivery((old,)))
    assert not both.store.read_log("", 10)
