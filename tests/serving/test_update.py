"""`handrail update`: what is learned from logs, what is not, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from journeys.events import Event, write_events
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bandits.settings import BANDITS
from policies.bundle import load_bundle, save_bundle
from policies.bundle_checks import WEIGHTS, tensors_of
from policies.bundle_files import BundleError, read_files
from policies.families import baseline
from policies.training.bandits import Doubting
from policies.training.rollout import event_log
from serving.decided_log import LogError
from serving.decision import encoder as decision_encoder
from serving.learned_logs import LEARNED_FROM
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.update import Update, main, update
from tests.serving.bundles import contents_of

TINY, PEOPLE = load_journey("tiny"), load_population("mixed")
USERS = 40


def simulated(seed: int, name: str) -> list[Event]:
    """The log of users who are called by `name` and a number, led by a policy with doubts."""
    policy = Doubting(baseline("rules", TINY), 0.3)
    return [renamed(event, name) for event in event_log(TINY, PEOPLE, policy, USERS, seed)]


def renamed(event: Event, name: str) -> Event:
    return msgspec.structs.replace(event, user=f"{name}{event.user}", policy="old" if event.policy else None)


ONE, TWO = simulated(1, "a"), simulated(2, "b")
Log = Callable[[str, Sequence[Event]], Path]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    def write(name: str, events: Sequence[Event]) -> Path:
        path = tmp_path / f"{name}.jsonl"
        write_events(path, events)
        return path

    return write


@pytest.fixture(params=BANDITS)
def any_bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return save_bundle(tmp_path / "old", contents_of(TINY, request.param))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return save_bundle(tmp_path / "old", contents_of(TINY, "linucb"))


def weights(path: Path) -> dict[str, np.ndarray]:
    return tensors_of(read_files(path)[WEIGHTS], str(path))


def check_same(one: Path, other: Path) -> None:
    mine, theirs = weights(one), weights(other)
    assert mine.keys() == theirs.keys()
    for name, values in mine.items():
        np.testing.assert_array_equal(values, theirs[name])


def test_two_logs_one_after_the_other_are_both_at_once(any_bundle: Path, log: Log, tmp_path: Path) -> None:
    """Bit for bit, for every family."""
    first, second = log("first", ONE), log("second", TWO)
    update(any_bundle, [first], tmp_path / "2")
    update(tmp_path / "2", [second], tmp_path / "3")
    update(any_bundle, [first, second], tmp_path / "both")
    check_same(tmp_path / "3", tmp_path / "both")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_wherever_a_log_is_cut_nothing_is_lost_or_learned_twice(
    bundle: Path, log: Log, tmp_path: Path, share: float
) -> None:
    """Users who are in the midst of it at the cut are learned from when the earlier log is given again."""
    cut = int(share * len(ONE))
    earlier, later, whole = log("earlier", ONE[:cut]), log("later", ONE[cut:]), log("whole", ONE)
    update(bundle, [earlier], tmp_path / "2")
    after = update(tmp_path / "2", [earlier, later], tmp_path / "3")
    update(bundle, [whole], tmp_path / "at once")
    check_same(tmp_path / "3", tmp_path / "at once")
    assert after.counts.waiting == 0


def test_the_old_bundle_stays_and_the_new_one_says_where_it_comes_from(bundle: Path, log: Log, tmp_path: Path) -> None:
    before, path = read_files(bundle), log("first", ONE)
    made = update(bundle, [path], tmp_path / "2")
    assert read_files(bundle) == before
    old, new = load_bundle(bundle).manifest, load_bundle(tmp_path / "2").manifest
    assert (old.version, new.version, new.name) == ("1", "2", old.name)
    assert new.metrics == {}
    (step,) = new.provenance[LEARNED_FROM]
    assert (step["version"], step["digest"]) == (old.version, old.digest)
    assert step["decisions"] == made.counts.learned > 0
    assert [log["bytes"] for log in step["logs"]] == [path.stat().st_size]
    assert update(tmp_path / "2", [log("second", TWO)], tmp_path / "3").version == "3"
    assert len(load_bundle(tmp_path / "3").manifest.provenance[LEARNED_FROM]) == 2


def test_it_learns_what_the_log_teaches(bundle: Path, log: Log, tmp_path: Path) -> None:
    update(bundle, [log("first", ONE)], tmp_path / "2")
    old, new = weights(bundle), weights(tmp_path / "2")
    assert new["sums.seen"] > old["sums.seen"]
    assert (new["sums.precision"].diagonal(axis1=1, axis2=2) >= old["sums.precision"].diagonal(axis1=1, axis2=2)).all()


def test_users_in_the_midst_of_it_are_waited_for(bundle: Path, log: Log, tmp_path: Path) -> None:
    made = update(bundle, [log("begun", ONE[: len(ONE) // 2])], tmp_path / "2")
    assert made.counts.waiting > 0


def test_users_whose_beginning_is_missing_are_left_out(bundle: Path, log: Log, tmp_path: Path) -> None:
    made = update(bundle, [log("rest", ONE[len(ONE) // 2 :]), log("others", TWO)], tmp_path / "2")
    assert made.log.headless > 0
    update(bundle, [log("others", TWO)], tmp_path / "only")
    with_rest = {event.user for event in ONE[len(ONE) // 2 :] if event.kind == "signup"}
    if not with_rest:
        check_same(tmp_path / "2", tmp_path / "only")


def records_of(events: Sequence[Event], bundle: Path) -> tuple[list[Event], list[bytes]]:
    """Events without decisions, and the records of a live runtime that they went through."""
    plain = [event for event in events if event.kind != "decision"]
    runtime = Runtime(load_bundle(bundle), MemoryStore(), "live")
    answers = runtime.process_many(plain)
    return plain, [decision_encoder.encode(a.decision) for a in answers if a.decision is not None]


def test_decision_records_stand_for_the_decisions_that_they_record(bundle: Path, log: Log, tmp_path: Path) -> None:
    """The runtime's records beside the events are worth what the decisions among the events are."""
    plain, records = records_of(ONE, bundle)
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(records))
    told = msgspec.json.Decoder()
    by_event = {record["event"]: record for record in map(told.decode, records)}
    among = list[Event]()
    for event in plain:
        among.append(event)
        if event.id in by_event:
            r = by_event[event.id]
            among.append(
                Event(r["id"], r["user"], "tiny", r["time"], "decision", action=r["action"], propensity=r["propensity"])
            )
    made = update(bundle, [log("plain", plain), tmp_path / "records.jsonl"], tmp_path / "2")
    update(bundle, [log("among", among)], tmp_path / "3")
    assert made.counts.learned > 0
    assert made.log.refused.lines == 0
    check_same(tmp_path / "2", tmp_path / "3")


def test_what_nobody_was_shown_teaches_nothing(bundle: Path, tmp_path: Path, log: Log) -> None:
    plain, records = records_of(ONE, bundle)
    shadow = [record.replace(b'"mode":"live"', b'"mode":"shadow"') for record in records]
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(shadow))
    with pytest.raises(LogError, match=r"shadow mode: nobody was shown it.*Mend: "):
        update(bundle, [log("plain", plain), tmp_path / "records.jsonl"], tmp_path / "2")


def test_rewards_that_are_given_take_the_place_of_those_that_are_seen(bundle: Path, log: Log, tmp_path: Path) -> None:
    """Of decisions without one, nothing is learned: late and missing rewards are no rewards of 0."""
    decisions = [event.id for event in ONE if event.kind == "decision"]
    given = [msgspec.json.encode({"decision": name, "reward": 1.0}) for name in decisions[::3]]
    (tmp_path / "rewards.jsonl").write_bytes(b"\n".join(given))
    made = update(bundle, [log("first", ONE), tmp_path / "rewards.jsonl"], tmp_path / "2")
    assert 0 < made.counts.learned <= len(given)
    assert made.counts.learned + made.counts.forced == len(given)
    assert made.counts.waiting == len(decisions) - len(given)


def rewards(path: Path, decisions: Sequence[str], worth: float = 1.0) -> Path:
    path.write_bytes(b"\n".join(msgspec.json.encode({"decision": name, "reward": worth}) for name in decisions))
    return path


DECISIONS = [event.id for event in ONE if event.kind == "decision"]


def test_rewards_may_come_late(bundle: Path, log: Log, tmp_path: Path) -> None:
    """Half of them with the log, half of them later: each decision is learned from once, when its reward is there."""
    events = log("first", ONE)
    some = rewards(tmp_path / "some", DECISIONS[::2])
    others, together = rewards(tmp_path / "others", DECISIONS[1::2]), rewards(tmp_path / "all", DECISIONS)
    first = update(bundle, [events, some], tmp_path / "2")
    later = update(tmp_path / "2", [events, some, others], tmp_path / "3")
    whole = update(bundle, [events, together], tmp_path / "at once")
    assert first.counts.learned + later.counts.learned == whole.counts.learned
    mine, theirs = weights(tmp_path / "3"), weights(tmp_path / "at once")
    for name in ("sums.precision", "sums.moment"):  # in another order, so not to the last bit
        np.testing.assert_allclose(mine[name], theirs[name], atol=1e-9)
    with pytest.raises(LogError, match=r"together with another log, which is not given.*Mend: "):
        update(tmp_path / "2", [events, others], tmp_path / "4")
    with pytest.raises(LogError, match=r"none of the .* rewards is of a decision.*Mend: "):
        update(tmp_path / "2", [events, some, log("second", TWO)], tmp_path / "4")


def test_a_log_that_has_grown_teaches_what_is_new(bundle: Path, log: Log, tmp_path: Path) -> None:
    """A daily dump: what it held the day before is known."""
    yesterday, today = log("yesterday", ONE), log("today", [*ONE, *TWO])
    first = update(bundle, [yesterday], tmp_path / "2")
    made = update(tmp_path / "2", [today], tmp_path / "3")
    assert made.learned_before == first.counts.learned + first.counts.forced
    update(bundle, [today], tmp_path / "at once")
    check_same(tmp_path / "3", tmp_path / "at once")


def test_events_that_come_twice_count_once(bundle: Path, log: Log, tmp_path: Path) -> None:
    update(bundle, [log("once", ONE)], tmp_path / "2")
    twice = [event for event in ONE for _ in range(2)]
    update(bundle, [log("twice", twice)], tmp_path / "3")
    check_same(tmp_path / "2", tmp_path / "3")


def test_what_was_not_legal_teaches_nothing(bundle: Path, log: Log, tmp_path: Path) -> None:
    """A select action while inside a step, and the like."""
    wrong = [msgspec.structs.replace(e, action=0) if e.kind == "decision" else e for e in ONE]
    sound, lied = (
        update(bundle, [log("sound", ONE)], tmp_path / "2"),
        update(bundle, [log("lied", wrong)], tmp_path / "3"),
    )
    assert lied.counts.learned < 0.2 * sound.counts.learned


def test_names_that_look_like_other_lines_do_no_harm(bundle: Path, log: Log, tmp_path: Path) -> None:
    """A user may be called `reward`, another `offer`."""
    first = min(event.user for event in ONE)
    called = [msgspec.structs.replace(e, user="reward") if e.user == first else e for e in ONE]
    assert update(bundle, [log("called", called)], tmp_path / "2").log.refused.lines == 0
    update(bundle, [log("plain", ONE)], tmp_path / "3")
    check_same(tmp_path / "2", tmp_path / "3")


@pytest.mark.parametrize("worth", [1e200, -1e7])
def test_rewards_beyond_all_measure_are_refused(bundle: Path, log: Log, tmp_path: Path, worth: float) -> None:
    line = b'{"decision": "%s", "reward": %s}' % (DECISIONS[0].encode(), str(worth).encode())
    (tmp_path / "rewards").write_bytes(line)
    with pytest.raises(LogError, match=r"(?s)line 1: .*Mend: "):
        update(bundle, [log("first", ONE), tmp_path / "rewards"], tmp_path / "2")


def test_rewards_that_cannot_be_read_do_not_give_way_to_others(bundle: Path, log: Log, tmp_path: Path) -> None:
    """Whoever gives rewards wants these, and not what the events show."""
    (tmp_path / "rewards").write_bytes(b'{"decision": "x", "reward": "much"}')
    with pytest.raises(LogError, match=r"Expected `float`, got `str`.*Mend: "):
        update(bundle, [log("first", ONE), tmp_path / "rewards"], tmp_path / "2")


def test_lines_that_cannot_be_read_are_told_and_passed_over(bundle: Path, log: Log, tmp_path: Path) -> None:
    path = log("first", ONE)
    path.write_bytes(b'not json\n{"id":"x"}\n' + path.read_bytes())
    made = update(bundle, [path], tmp_path / "2")
    assert made.log.refused.lines == 2
    assert made.log.refused.first is not None
    assert "first.jsonl, line 1: not JSON" in made.log.refused.first
    update(bundle, [log("sound", ONE)], tmp_path / "3")
    check_same(tmp_path / "2", tmp_path / "3")


def test_wrong_calls_are_refused_and_nothing_is_written(bundle: Path, log: Log, tmp_path: Path) -> None:
    first, out = log("first", ONE), tmp_path / "2"
    plain = save_bundle(tmp_path / "rules", contents_of(TINY, "rules"))
    named = save_bundle(tmp_path / "named", contents_of(TINY, "linucb", version="spring"))
    empty, begun = log("empty", []), log("begun", ONE[:3])
    update(bundle, [first], tmp_path / "learned")
    wrong: list[tuple[Path, list[Path], type[Exception], str]] = [
        (plain, [first], BundleError, "family 'rules' does not learn from logs"),
        (named, [first], BundleError, "what comes after version 'spring' is not clear"),
        (bundle, [tmp_path / "none.jsonl"], LogError, "none.jsonl: No such file"),
        (bundle, [first, first], LogError, "one log was given twice"),
        (bundle, [empty], LogError, "no decision was found"),
        (bundle, [begun], LogError, "whose onboarding goes on"),
        (tmp_path / "learned", [first], LogError, "has learned from this log before"),
        (bundle, [log("rest", [e for e in ONE if e.kind != "signup"])], LogError, "whose sign-up no log holds"),
    ]
    for old, logs, kind, complaint in wrong:
        with pytest.raises(kind, match=f"(?s){complaint}.*Mend: "):
            update(old, logs, out)
        assert not out.exists()
    for version in ("", "spring"):
        with pytest.raises(BundleError, match=r"--version '.*Mend: "):
            update(named, [first], out, version=version)
    update(named, [first], out, version="summer")
    assert load_bundle(out).manifest.version == "summer"


def test_the_command_says_what_was_done(
    bundle: Path, log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["--bundle", str(bundle), "--log", str(log("first", ONE)), "--out", str(tmp_path / "2")]
    assert main(call) == 0
    out = capsys.readouterr().out
    assert "version 2" in out
    assert "decisions learned from" in out
    assert main([*call[:2], "--log", str(log("second", TWO)), *call[4:]]) == 2
    assert "exists already" in capsys.readouterr().err


def test_where_it_would_now_choose_otherwise_is_told(bundle: Path, log: Log, tmp_path: Path) -> None:
    made: Update = update(bundle, [log("first", ONE), log("second", TWO)], tmp_path / "2")
    assert 0.0 <= made.changed <= 1.0
