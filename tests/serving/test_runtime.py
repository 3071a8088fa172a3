"""The runtime: each event once and in order, decisions the same at any batch, errors that change nothing."""

from __future__ import annotations

import functools
import time

import msgspec
import numpy as np
import pytest
from bundles import make_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.actions import n_actions
from journeys.draws import decision_key, id_of_key, key_of_id
from journeys.events import LARGEST_EVENT, Event, EventCodec, encoder, parse_event
from journeys.fold import blank_states
from journeys.plan import compile_plan
from journeys.state import pack
from personas.persona import load_population
from policies.network import NetworkPolicy
from policies.rowwise import RowwisePolicy
from policies.training.rollout import event_log
from serving.answer import RAW_KEPT, Arrival
from serving.decision import Likely, decoder
from serving.decision import encoder as decision_encoder
from serving.refold import REORDER_MS, refold
from serving.residents import Residents
from serving.runtime import TRIES, Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from serving.stores.store import StaleState, StoreError

T0 = 1_767_225_600_000
USERS = 12


@functools.cache
def bundle():
    return make_bundle("tiny")


@functools.cache
def log(decisions: bool = False) -> tuple[Event, ...]:
    events = event_log(bundle().journey, load_population("mixed"), bundle().policy, USERS, 3)
    return tuple(event for event in events if decisions or event.kind != "decision")


def event(n: int = 0, kind: str = "signup", user: str = "ann", **fields) -> Event:
    if kind == "signup":
        fields.setdefault("consent", ("personalise", "push", "email"))
    return msgspec.convert(
        {"id": f"{user}-{n}", "user": user, "journey": "tiny", "time": T0 + 60_000 * n, "kind": kind, **fields}, Event
    )


FEW = (event(0), event(1, "start", step="first-note"), event(2, "fail", step="first-note", duration=30.0))


def started(store=None, **options) -> Runtime:
    runtime = Runtime(bundle(), store or MemoryStore(), **options)
    for one in FEW:
        runtime.process(one)
    return runtime


def told(decision):
    """A decision without what differs between two runs."""
    return None if decision is None else msgspec.structs.replace(decision, latency_us=0.0)


def everything(store) -> list:
    """All that a store knows of the users of these tests."""
    users = ["ann", "bob", *(f"u{n}" for n in range(USERS))]
    return [store.load("tiny", users), *(list(map(untimed, store.log("tiny", user))) for user in users)]


def untimed(line):
    """A line of the log without what differs between two runs."""
    return line._replace(decision=line.decision and encoder.encode(told(decoder.decode(line.decision))))


def test_a_decision_record_says_all():
    runtime = Runtime(bundle(), MemoryStore(), keep_observations=True)
    decision = runtime.process(FEW[0])
    assert decision.id == id_of_key(int(decision_key(np.uint64(key_of_id("ann-0", "tiny", "ann")))))
    assert (decision.event, decision.user, decision.journey, decision.time) == ("ann-0", "ann", "tiny", T0)
    assert (decision.moment, decision.mode, decision.policy) == ("select", "live", "network")
    assert (decision.bundle, decision.version, decision.fallback) == ("test", "1", None)
    assert decision.action in decision.legal
    assert decision.offer.reads == bundle().manifest.actions[decision.action]
    assert decision.next_best.action in set(decision.legal) - {decision.action}
    assert len(decision.reasons) == 3
    assert decision.latency_us > 0
    observation = np.frombuffer(decision.observation, "<f4")[None]
    mask = np.isin(np.arange(23), decision.legal)[None]
    assert decision.propensity == bundle().policy.probabilities(observation, mask)[0, decision.action]
    assert decision.predicted_success == bundle().success.predict(observation)[0]
    chances = bundle().persona.predict(observation)[0]
    assert decision.predicted_persona.name == bundle().manifest.personas[chances.argmax()]
    assert decision.predicted_persona.probability == chances.max()


def test_every_decision_names_the_persona_that_its_own_observation_is_likeliest_of():
    """Served in batches beside others, and computed here one by one from the observations of the records."""
    runtime = Runtime(bundle(), MemoryStore(), reasons=0, keep_observations=True)
    decisions = [answer.decision for answer in runtime.process_many(log()) if answer.decision is not None]
    for decision in decisions:
        chances = bundle().persona.predict(np.frombuffer(decision.observation, "<f4")[None])[0]
        expected = Likely(bundle().persona.names[chances.argmax()], chances.max())
        assert decision.predicted_persona == expected
    assert len({decision.predicted_persona.name for decision in decisions}) > 1


def test_a_record_from_before_there_was_a_persona_head_is_read():
    decision = Runtime(bundle(), MemoryStore()).process(FEW[0])
    record = msgspec.json.decode(decision_encoder.encode(decision))
    assert record["predicted_persona"].keys() == {"name", "probability"}
    del record["predicted_persona"]
    older = decoder.decode(msgspec.json.encode(record))
    assert older == msgspec.structs.replace(decision, predicted_persona=None)


def test_no_decision_where_none_is_due():
    assert Runtime(bundle(), MemoryStore()).process(event(0, "leave")) is None


@pytest.mark.parametrize("mode", ["live", "shadow"])
@pytest.mark.parametrize("batch", [2, 7, 1000])
def test_batches_of_any_size_give_what_single_events_give(mode, batch):
    stores, decisions = [], []
    for size in (1, batch):
        store = MemoryStore()
        runtime = Runtime(bundle(), store, mode)
        events = log(decisions=mode == "shadow")
        answers = [a for i in range(0, len(events), size) for a in runtime.process_many(events[i : i + size])]
        stores.append([{u: s.state for u, s in everything(store)[0].items()}, *everything(store)[1:]])
        decisions.append([told(answer.decision) for answer in answers])
    assert decisions[0] == decisions[1]
    assert stores[0] == stores[1]


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_users_may_be_interleaved_in_any_order(data):
    """Only the order within a user matters."""
    users = {u: [e for e in log() if e.user == u] for u in ("u0", "u1", "u2")}
    order = data.draw(st.permutations([u for u, events in users.items() for _ in events]))
    queues = {u: iter(events) for u, events in users.items()}
    shuffled = [next(queues[u]) for u in order]
    whole, mixed = (Runtime(bundle(), MemoryStore(), reasons=0) for _ in range(2))
    expected = {e.id: told(whole.process(e)) for events in users.values() for e in events}
    got = [told(answer.decision) for answer in mixed.process_many(shuffled)]
    assert got == [expected[e.id] for e in shuffled]


def test_live_decisions_are_history():
    """Each in the line of the event that it answers; a fold of the log with them is the state."""
    runtime = started()
    lines = runtime.store.log("tiny", "ann")
    assert [msgspec.json.decode(line.event, type=Event).kind for line in lines] == ["signup", "start", "fail"]
    assert all(decoder.decode(line.decision).policy == "network" for line in lines)
    state = runtime.store.load("tiny", ["ann"])["ann"].state
    assert refolded(lines) == state
    assert refolded([line._replace(decision=None) for line in lines]) != state


def refolded(lines) -> bytes:
    """The state that a log makes, by the module that folds logs."""
    journey = bundle().journey
    return refold(compile_plan(journey), EventCodec(journey), lines, lambda _: journey.step_names(), live=True)


def test_live_ignores_what_others_decided():
    runtime, other = started(), event(3, "decision", action=0, propensity=0.5)
    before = everything(runtime.store)
    assert runtime.process_many([other])[0].outcome == "ignored"
    assert everything(runtime.store) == before


def test_shadow_takes_what_others_decided_for_history():
    """A message that was sent counts against the budget, whoever sent it; what would have been sent does not."""
    runtime = Runtime(bundle(), MemoryStore(), "shadow", keep_observations=True)
    push, away = 3 * 5 + 5 + 1, [event(24 * 60 * n + 2, "away") for n in (1, 2)]
    events = [FEW[0], event(1, "leave"), away[0], event(24 * 60 + 2, "decision", action=push, propensity=1.0), away[1]]
    events[3] = msgspec.structs.replace(events[3], id="theirs")
    decisions = [a.decision for a in runtime.process_many(events) if a.decision]
    assert [d.moment for d in decisions] == ["select", "reengage", "reengage"]
    names = runtime._folding.decider.entries
    sent = [float(np.frombuffer(d.observation, "<f4")[names.index("user.messages")]) for d in decisions]
    np.testing.assert_allclose(sent, [0.0, 0.0, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("make", [lambda _: MemoryStore(), lambda path: SqliteStore(path / "s.sqlite")])
def test_a_known_event_gets_its_decision_again_and_changes_nothing(tmp_path, make):
    store = make(tmp_path)
    runtime = Runtime(bundle(), store)
    first = runtime.process_many(log()[:100])
    before = everything(store)
    again = Runtime(bundle(), store).process_many(log()[:100])
    assert {answer.outcome for answer in again} == {"duplicate"}
    assert [a.decision for a in again] == [a.decision for a in first]  # to the latency: it is the record itself
    assert everything(store) == before
    store.close()


def test_twice_in_one_batch_is_once():
    runtime = Runtime(bundle(), MemoryStore())
    one, two, three = runtime.process_many([FEW[0], FEW[0], FEW[1]])
    assert (one.outcome, two.outcome, three.outcome) == ("applied", "duplicate", "applied")
    assert one.decision == two.decision
    assert len(runtime.store.log("tiny", "ann")) == 2


def test_the_same_id_of_two_users_is_two_events():
    runtime = Runtime(bundle(), MemoryStore())
    bob = msgspec.structs.replace(FEW[0], user="bob")
    assert [a.outcome for a in runtime.process_many([FEW[0], bob])] == ["applied", "applied"]


def at(time: int, kind: str, name: str, **fields) -> Event:
    return Event(name, "ann", "tiny", T0 + time, kind, **fields)


def test_an_event_beyond_the_window_is_late_an_equal_time_is_fine():
    runtime = started()
    before = everything(runtime.store)
    late = msgspec.structs.replace(event(9, "fail", step="first-note"), time=FEW[-1].time - REORDER_MS - 1)
    (answer,) = runtime.process_many([late])
    assert (answer.outcome, answer.letter.reason, answer.letter.event) == ("refused", "late", late.id)
    assert everything(runtime.store) == before
    on_time = msgspec.structs.replace(late, time=FEW[-1].time)
    assert runtime.process_many([on_time])[0].outcome == "applied"


def test_late_is_told_within_a_batch_too():
    events = [FEW[0], FEW[2], FEW[1]]
    runtime = Runtime(bundle(), MemoryStore(), reorder_ms=0)
    assert [a.outcome for a in runtime.process_many(events)] == ["applied", "applied", "refused"]


def test_an_event_within_the_window_takes_its_place():
    """The state is that of the log in the order of time; what was decided in between stays as it was."""
    runtime = Runtime(bundle(), MemoryStore())
    events = [
        at(0, "signup", "a", consent=("personalise",)), at(9_000, "fail", "c", step="first-note"),
        at(1_000, "start", "b", step="first-note", difficulty="hard"), at(11_000, "ask", "d", step="first-note"),
    ]  # fmt: skip
    answers = [runtime.process_many([one])[0] for one in events]
    assert [answer.outcome for answer in answers] == ["applied", "applied", "reordered", "applied"]
    assert answers[2].decision is None
    lines = runtime.store.log("tiny", "ann")
    assert [parse_event(line.event).id for line in lines] == ["a", "c", "b", "d"]
    state = runtime.store.load("tiny", ["ann"])["ann"].state
    assert refolded(lines) == state
    assert refolded([lines[0], lines[2], lines[1], lines[3]]) == state
    assert refolded([lines[0], lines[1], lines[3]]) != state
    again = runtime.process_many([events[2]])[0]
    assert again.outcome == "duplicate"


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_reordered_and_repeated_events_make_the_fold_of_the_log_in_any_batches(data):
    life = [e for e in log() if e.user == "u0"]
    jitter = data.draw(st.lists(st.integers(0, REORDER_MS), min_size=len(life), max_size=len(life)))
    arrivals = sorted(range(len(life)), key=lambda i: life[i].time + jitter[i])
    twice = data.draw(st.lists(st.sampled_from(arrivals), max_size=5))
    events = [life[i] for i in [*arrivals, *twice]]
    sizes = data.draw(st.sampled_from([1, 3, 50]))
    alone, batched = Runtime(bundle(), MemoryStore(), reasons=0), Runtime(bundle(), MemoryStore(), reasons=0)
    one_by_one = [runtime_answer for e in events for runtime_answer in alone.process_many([e])]
    together = [a for i in range(0, len(events), sizes) for a in batched.process_many(events[i : i + sizes])]
    assert [(a.outcome, told(a.decision)) for a in together] == [(a.outcome, told(a.decision)) for a in one_by_one]
    assert {a.outcome for a in together} <= {"applied", "reordered", "duplicate"}
    states = [runtime.store.load("tiny", ["u0"])["u0"].state for runtime in (alone, batched)]
    assert states[0] == states[1] == refolded(alone.store.log("tiny", "u0"))
    applied = [parse_event(line.event).id for line in alone.store.log("tiny", "u0")]
    assert sorted(applied) == sorted(e.id for e in life)


def test_an_event_of_a_time_to_come_is_early():
    runtime = started()
    ahead = event(60, "ask", step="first-note")
    (answer,) = runtime.process_many([ahead], arrival=Arrival(latest=ahead.time - 1))
    assert (answer.outcome, answer.letter.reason) == ("refused", "early")
    assert runtime.process_many([ahead], arrival=Arrival(latest=ahead.time))[0].outcome == "applied"


GOOD = encoder.encode(event(5, "fail", step="first-note"))
BAD_LINES = {
    b"{": "malformed",
    b"[]": "malformed",
    b"\xff\xfe": "malformed",
    b"null": "malformed",
    GOOD.replace(b"fail", b"teleport"): "malformed",
    GOOD.replace(b'"time":', b'"time":-'): "malformed",
    GOOD.replace(b'"user":"ann"', b'"user":""'): "malformed",
    GOOD.replace(b'"user":"ann",', b""): "malformed",
    GOOD.replace(b'"kind"', b'"king"'): "malformed",
    GOOD.replace(b"first-note", b"last-note"): "invalid",
    GOOD.replace(b'"tiny"', b'"mighty"'): "invalid",
    GOOD.replace(b',"step":"first-note"', b""): "invalid",
    b" " * LARGEST_EVENT + GOOD: "oversized",
}


@pytest.mark.parametrize(("line", "reason"), BAD_LINES.items(), ids=lambda value: str(value)[:40])
def test_errors_go_to_the_dead_letters_and_change_nothing(line, reason):
    letters = []
    runtime = started(refused=letters.append)
    before = everything(runtime.store)
    answers = runtime.process_lines([(7, line)])
    assert [a.outcome for a in answers] == ["refused"]
    assert [letter.reason for letter in letters] == [reason]
    assert letters[0] == answers[0].letter
    assert "Mend: " in letters[0].detail
    assert len(letters[0].raw) <= RAW_KEPT
    assert everything(runtime.store) == before


def test_bad_events_do_not_hold_up_good_ones():
    good = [encoder.encode(one) for one in FEW]
    lines = [good[0], b"{", good[1], encoder.encode(event(8, "fail", step="nowhere")), good[2]]
    answers = Runtime(bundle(), MemoryStore()).process_lines(list(enumerate(lines, 1)))
    assert [a.outcome for a in answers] == ["applied", "refused", "applied", "refused", "applied"]
    alone = Runtime(bundle(), MemoryStore())
    assert [told(a.decision) for a in answers if a.decision] == [told(alone.process(one)) for one in FEW]


def test_a_store_stays_in_its_mode():
    store = MemoryStore()
    Runtime(bundle(), store, "shadow")
    with pytest.raises(StoreError, match="begun in shadow mode"):
        Runtime(bundle(), store, "live")


class Contested(MemoryStore):
    """A store in which somebody else commits first, some times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def commit(self, commit):
        self.times -= 1
        if self.times >= 0:
            raise StaleState("somebody was first")
        super().commit(commit)


def test_a_contested_batch_is_tried_again_from_the_start():
    calm, contested = Runtime(bundle(), MemoryStore()), Runtime(bundle(), Contested(TRIES))
    assert told(contested.process(FEW[0])) == told(calm.process(FEW[0]))
    assert everything(contested.store) == everything(calm.store)
    with pytest.raises(StoreError, match="gave up"):
        Runtime(bundle(), Contested(1 + TRIES)).process(FEW[0])  # the short way is one more


@pytest.mark.parametrize("make", [lambda _: MemoryStore(), lambda path: SqliteStore(path / "s.sqlite")])
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "later"])
def test_an_id_with_other_content_is_told_and_the_first_holds(tmp_path, make, together):
    letters, store = [], make(tmp_path)
    runtime = Runtime(bundle(), store, refused=letters.append)
    other = msgspec.structs.replace(event(2, "fail", step="first-note", duration=5.0), id=FEW[0].id)
    calls = [[FEW[0], other]] if together else [[FEW[0]], [other]]
    first, second = (answer for call in calls for answer in runtime.process_many(call))
    assert (first.outcome, first.letter, second.outcome) == ("applied", None, "duplicate")
    assert second.decision == first.decision is not None
    assert letters == [second.letter]
    assert (letters[0].reason, letters[0].event, letters[0].user) == ("conflict", "ann-0", "ann")
    for difference in ("kind was 'signup' and is now 'fail'", "time was", "step was None", "duration was", "Mend: "):
        assert difference in letters[0].detail
    assert "journey was" not in letters[0].detail
    assert len(store.log("tiny", "ann")) == 1
    store.close()


class Overtaken(MemoryStore):
    """A store in which another process applies the same events between this one's two looks."""

    def load(self, journey, users):
        users, self.load = list(users), super().load
        Runtime(bundle(), self).process_many(FEW)
        return super().load(journey, users)


def test_who_was_overtaken_answers_with_what_the_other_decided():
    """Every event but the last has become late, so that there is nothing to commit that could be refused."""
    store = Overtaken()
    answers = Runtime(bundle(), store).process_many(FEW[:2])
    assert [answer.outcome for answer in answers] == ["duplicate", "duplicate"]
    alone = Runtime(bundle(), MemoryStore())
    assert [told(answer.decision) for answer in answers] == [told(alone.process(one)) for one in FEW[:2]]


@pytest.mark.parametrize(
    "spoil",
    ["UPDATE states SET state = substr(state, 2)", "UPDATE events SET decision = x'7B'"],
    ids=["state", "decision"],
)
def test_what_is_damaged_in_the_store_is_told(tmp_path, spoil):
    store = SqliteStore(tmp_path / "s.sqlite")
    started(store)
    store._db.execute(spoil)
    with pytest.raises(StoreError, match=r"damaged .* Mend: restore the store"):
        Runtime(bundle(), store).process_many([FEW[0], event(4, "fail", step="first-note")])
    store.close()


def outlaw(observations, masks, actions):
    """The first action that is not legal."""
    actions[:] = np.argmin(masks, axis=1)


def beyond(observations, masks, actions):
    actions[:] = n_actions(5)


class Unsure(RowwisePolicy):
    """Gives probabilities that are none."""

    def decide(self, observations, masks, keys):
        choices = super().decide(observations, masks, keys)
        return choices._replace(propensities=choices.propensities * np.nan)


@pytest.mark.parametrize(
    "policy",
    [RowwisePolicy("outlaw", outlaw), RowwisePolicy("beyond", beyond), Unsure("unsure", lambda o, m, a: a.fill(0))],
    ids=lambda policy: policy.name,
)
def test_what_is_not_legal_is_never_offered(policy):
    rules = Runtime(make_bundle("tiny", "rules"), MemoryStore(), reasons=0)
    mine = Runtime(bundle()._replace(policy=policy), MemoryStore(), reasons=0)
    for one in FEW:
        decision, expected = mine.process(one), rules.process(one)
        assert (decision.action, decision.propensity, decision.legal) == (expected.action, 1.0, expected.legal)
        assert decision.policy == "rules"
        assert ("no usable probabilities" if policy.name == "unsure" else "not legal") in decision.fallback


def test_a_network_that_overflows_is_told_as_such_and_the_rules_explain(recwarn):
    weights = bundle().policy.weights
    huge = NetworkPolicy("network", weights._replace(w1=weights.w1 * 1e30, w2=weights.w2 * 1e30))
    mine = Runtime(bundle()._replace(policy=huge), MemoryStore())
    rules = Runtime(make_bundle("tiny", "rules"), MemoryStore())
    for one in FEW:
        decision, expected = mine.process(one), rules.process(one)
        assert decision.fallback == "the policy gave no usable probabilities"
        assert (decision.action, decision.policy) == (expected.action, "rules")
        assert (decision.reasons, decision.next_best) == (expected.reasons, expected.next_best)
    assert not recwarn.list


class Slow:
    """A policy that takes its time."""

    name = "slow"
    MICROSECONDS = 3_000.0

    def __init__(self, policy) -> None:
        self.policy = policy
        self.probabilities = policy.probabilities

    def decide(self, observations, masks, keys):
        time.sleep(self.MICROSECONDS / 1e6)
        return self.policy.decide(observations, masks, keys)


def test_the_latency_of_a_record_is_measured():
    runtime = Runtime(bundle()._replace(policy=Slow(bundle().policy)), MemoryStore(), reasons=0)
    before = time.perf_counter_ns()
    first, second = (runtime.process(one) for one in FEW[:2])
    between = (time.perf_counter_ns() - before) / 1_000
    assert min(first.latency_us, second.latency_us) >= Slow.MICROSECONDS
    assert first.latency_us + second.latency_us <= between


def test_explanations_change_no_decision():
    plain, full = (Runtime(bundle(), MemoryStore(), reasons=k) for k in (0, 5))
    for one in log():
        a, b = plain.process(one), full.process(one)
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.action, a.propensity) == (b.action, b.propensity)
            assert (a.reasons, a.next_best) == ((), None)


def test_residents_hold_states_as_the_fold_packs_them():
    plan = compile_plan(bundle().journey)
    residents, state = Residents(plan, 2), blank_states(plan, 3)
    state.users["events"] = [1, 2, 3]
    state.steps["fails"][:, 1] = [4, 5, 6]
    state.skills["belief"][:, 0] = [0.25, 0.5, 0.75]
    packed = [pack(state, row) for row in range(3)]
    residents.admit({"ann": (7, packed[0]), "bob": (8, packed[1])})
    (ann, bob), missing = residents.find(["ann", "bob"])
    assert not missing
    assert [residents.packed(row) for row in (ann, bob)] == packed[:2]
    assert residents.state.users[bob].events == 2
    assert residents.state.skills[bob, 0].belief == 0.5
    residents.find(["ann"])
    residents.admit({"cleo": (0, packed[2])})  # the longest idle makes room
    assert residents.find(["ann", "bob", "cleo"]) == ([ann, -1, bob], ["bob"])
    assert residents.versions[bob] == 0
    residents.forget(["ann"])
    residents.admit({"dan": (0, None)})
    assert residents.packed(ann) == pack(blank_states(plan, 1), 0)
    with pytest.raises(ValueError, match="bytes"):
        residents.admit({"eve": (0, packed[0][:-1])})
