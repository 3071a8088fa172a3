"""`handrail replay`: a log in, decision records and a summary out; it resumes, and says what is wrong in one line."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from bundles import contents_of

import handrail
from journeys.events import LARGEST_EVENT, encoder, write_events
from journeys.loading import load_journey
from personas.persona import load_population
from policies.bundle import load_bundle, save_bundle
from policies.training.rollout import event_log
from serving import replay as replaying
from serving.answer import DeadLetter
from serving.decision import decoder
from serving.log_lines import lines_of
from serving.runtime import Runtime
from serving.stores.memory_store import MemoryStore
from serving.stores.sqlite_store import SqliteStore
from tests.policies.moments import random_scorers

TINY = load_journey("tiny")
SCORERS = zip(("select", "assist"), random_scorers(), strict=True)
TENSORS = {f"{part}.{name}": array for part, weights in SCORERS for name, array in weights._asdict().items()}
OF_ANY = {"journey": None, "family": "scorer", "tensors": TENSORS, "success": None, "usual": None, "persona": None}


class Files:
    """A bundle, a log of its decisions and one without them."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.bundle = save_bundle(folder / "bundle", contents_of(TINY))
        self.events = event_log(TINY, load_population("mixed"), load_bundle(self.bundle).policy, 8, 9)
        self.log, self.plain = folder / "log.jsonl", folder / "plain.jsonl"
        write_events(self.log, self.events)
        write_events(self.plain, [event for event in self.events if event.kind != "decision"])

    def replay(self, *arguments: object, log=None) -> int:
        return handrail.main(["replay", str(log or self.log), "--bundle", str(self.bundle), *map(str, arguments)])

    def decisions(self, *arguments: object, log=None) -> list:
        """Decision records of a replay, but for the time they took."""
        out = self.folder / "out.jsonl"
        assert self.replay("--out", out, *arguments, log=log) == 0
        return [msgspec.structs.replace(decoder.decode(line), latency_us=0.0) for line in out.read_bytes().splitlines()]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(replaying, "PATIENCE_SECONDS", 600.0)  # whether this run has to compile is not what is tested
    return Files(tmp_path)


def test_what_was_offered_is_what_is_decided(files):
    offered = [(e.id, e.user, e.time, e.action, e.propensity) for e in files.events if e.kind == "decision"]
    for mode in ("live", "shadow"):
        decisions = files.decisions("--mode", mode)
        assert sorted((d.id, d.user, d.time, d.action, d.propensity) for d in decisions) == sorted(offered)


@pytest.mark.parametrize("options", [(), ("--batch", 1), ("--state", "s.sqlite")])
def test_neither_batch_nor_store_changes_a_decision(files, options, monkeypatch):
    monkeypatch.chdir(files.folder)
    assert files.decisions(*options) == files.decisions("--batch", 7)


def test_auto_follows_the_log_and_then_the_state(files):
    assert {d.mode for d in files.decisions()} == {"shadow"}
    assert {d.mode for d in files.decisions(log=files.plain)} == {"live"}
    state = files.folder / "s.sqlite"
    assert {d.mode for d in files.decisions("--state", state, log=files.plain)} == {"live"}
    assert {d.mode for d in files.decisions("--state", state)} == {"live"}


def test_observations_are_there_when_asked_for(files):
    assert all(d.observation is None for d in files.decisions())
    assert {len(d.observation) for d in files.decisions("--observations")} == {126 * 4}


def test_a_bundle_of_any_journey_replays_a_journey_file(files, capsys):
    anywhere = save_bundle(files.folder / "anywhere", contents_of(TINY)._replace(**OF_ANY))
    mine = files.folder / "mine.yaml"
    mine.write_bytes(msgspec.yaml.encode(msgspec.to_builtins(TINY)))
    files.bundle = anywhere
    assert {d.mode for d in files.decisions("--journey", mine)} == {"shadow"}
    assert "test 1 on journey tiny" in capsys.readouterr().out
    assert files.decisions("--journey", "tiny") == files.decisions("--journey", mine)
    assert all(d.predicted_success is d.predicted_persona is None for d in files.decisions("--journey", "tiny"))
    assert "simulated kind" not in capsys.readouterr().out
    assert files.replay() == 2
    assert "--journey my.yaml" in capsys.readouterr().err
    assert files.replay("--journey", files.folder / "none.yaml") == 2
    assert "none.yaml: cannot be read" in capsys.readouterr().err


def test_a_bundle_of_one_journey_refuses_another(files, capsys):
    assert files.replay("--journey", "saas") == 2
    assert "made for journey 'tiny'" in capsys.readouterr().err


def test_an_interrupted_replay_goes_on_where_it_ended(files, monkeypatch, capsys):
    whole, state = files.decisions("--batch", 10), files.folder / "s.sqlite"
    calls, answer = [], replaying.answer

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        answer(*arguments)

    monkeypatch.setattr(replaying, "answer", interrupted)
    assert files.replay("--state", state, "--batch", 10) == 130
    assert "after 30 events; the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(replaying, "answer", answer)
    assert files.decisions("--state", state, "--batch", 10) == whole
    assert "duplicate" in capsys.readouterr().out
    store = SqliteStore(state)
    logged = sum(len(store.log("tiny", f"u{n}")) for n in range(8))
    store.close()
    assert logged == len(files.events)


def test_bad_lines_go_to_the_dead_letters_with_their_numbers(files, capsys):
    good = files.log.read_bytes().splitlines()
    log, letters = files.folder / "mixed.jsonl", files.folder / "letters.jsonl"
    long = b'{"id":"' + b"x" * (2 * LARGEST_EVENT) + b'"}'
    late = good[0].replace(b'"id":"', b'"id":"late-')
    log.write_bytes(b"\n".join([good[0], b"{", b"", long, *good[1:], late, good[0].replace(b"tiny", b"huge")]))
    whole = files.decisions()
    assert files.decisions("--dead-letters", letters, log=log) == whole
    found = [msgspec.json.decode(line, type=DeadLetter) for line in letters.read_bytes().splitlines()]
    assert sorted((letter.reason, letter.line) for letter in found) == [
        ("invalid", 5 + len(good)), ("late", 4 + len(good)), ("malformed", 2), ("oversized", 4)
    ]  # fmt: skip
    assert "oversized" in capsys.readouterr().out


def test_the_summary_counts(files, capsys):
    assert files.replay() == 0
    shown = capsys.readouterr().out
    decisions = sum(event.kind == "decision" for event in files.events)
    for text in ("test 1 on journey tiny, shadow mode", f"{len(files.events):,}", f"{decisions:,}", "wait p50 / p99"):
        assert text in shown


def test_the_summary_counts_users_by_the_kind_that_they_were_last_most_like(files, capsys):
    last = {d.user: d.predicted_persona.name for d in files.decisions()}
    shown = capsys.readouterr().out
    for kind in set(last.values()):
        count = list(last.values()).count(kind)
        assert re.search(rf"{kind} +│ +{count} +│ +{count / len(last):.1%}", shown), shown


def spoil(path):
    content = json.loads(path.read_text())
    content["temperature"] = 2.0
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("breakage", "says"),
    [
        (lambda f: f.log.unlink(), "no such file"),
        (lambda f: f.log.write_bytes(b""), "no event could be read"),
        (lambda f: f.log.write_bytes(b"\x00\x01\x02 not a log \xff\n" * 50), "no event could be read"),
        (lambda f: f.log.write_bytes(encoder.encode(f.events[0]).replace(b"tiny", b"huge")), "no event could be read"),
        (lambda f: spoil(f.bundle / "manifest.json"), "changed after it was written"),
        (lambda f: (f.bundle / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda f: (f.folder / "s.sqlite").write_bytes(b"no database" * 500), "s.sqlite"),
    ],
    ids=["no log", "empty log", "binary log", "another journey", "tampered bundle", "no bundle", "no state file"],
)
def test_what_cannot_be_replayed_is_told_in_one_line(files, capsys, breakage, says):
    breakage(files)
    assert files.replay("--state", files.folder / "s.sqlite") == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Mend: " in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def with_outputs(files) -> list:
    """An output and dead letters that are there already, as arguments."""
    for name in ("out.jsonl", "letters.jsonl"):
        (files.folder / name).write_bytes(b"of yesterday")
    return ["--out", files.folder / "out.jsonl", "--dead-letters", files.folder / "letters.jsonl"]


@pytest.mark.parametrize("why", ["empty log", "other journey", "other mode", "no bundle", "no folder"])
def test_a_replay_that_cannot_run_leaves_the_old_output(files, why):
    outputs, state = with_outputs(files), files.folder / "s.sqlite"
    if why == "empty log":
        files.log.write_bytes(b"\n")
    if why == "other journey":
        files.log.write_bytes(encoder.encode(files.events[0]).replace(b"tiny", b"huge"))
    if why == "other mode":
        assert files.replay("--state", state, "--mode", "live") == 0
    if why == "no bundle":
        (files.bundle / "manifest.json").unlink()
    if why == "no folder":
        outputs[3] = files.folder / "nowhere" / "letters.jsonl"
    assert files.replay(*outputs, "--state", state, "--mode", "shadow") == 2
    assert (files.folder / "out.jsonl").read_bytes() == b"of yesterday"
    assert (files.folder / "letters.jsonl").read_bytes() == b"of yesterday"
    assert not (files.folder / "out.jsonl.partial").exists()
    assert state.exists() == (why == "other mode")


def test_what_an_interrupted_replay_wrote_is_kept_beside_the_old_output(files, monkeypatch, capsys):
    outputs, state = with_outputs(files), files.folder / "s.sqlite"
    answer = replaying.answer

    def interrupted(runtime, lines, tally, out):
        answer(runtime, lines, tally, out)
        raise KeyboardInterrupt

    monkeypatch.setattr(replaying, "answer", interrupted)
    assert files.replay(*outputs, "--state", state, "--batch", 20) == 130
    assert "out.jsonl.partial" in capsys.readouterr().err
    assert (files.folder / "out.jsonl").read_bytes() == b"of yesterday"
    begun = (files.folder / "out.jsonl.partial").read_bytes()
    assert begun.count(b"\n") > 1
    monkeypatch.setattr(replaying, "answer", answer)
    assert files.replay(*outputs, "--state", state) == 0
    assert (files.folder / "out.jsonl").read_bytes().startswith(begun)
    assert not (files.folder / "out.jsonl.partial").exists()


def test_an_output_that_is_a_link_stays_one_and_a_device_a_device(files):
    link = files.folder / "link"
    link.symlink_to(files.folder / "real")
    assert files.replay("--out", link, "--dead-letters", "/dev/null") == 0
    assert link.is_symlink()
    assert (files.folder / "real").stat().st_size


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("LOG", "--out"),
        ("LOG", "--dead-letters"),
        ("LOG", "--state"),
        ("--out", "--dead-letters"),
        ("--state", "--out"),
        ("--state", "--dead-letters"),
    ],
)
@pytest.mark.parametrize("kind", ["same", "roundabout", "symlink", "hard link"])
def test_no_file_is_written_over_another(files, capsys, one, two, kind):
    first = files.log if one == "LOG" else files.folder / "one"
    if one != "LOG":
        first.touch()
    second = {"same": first, "roundabout": files.folder / "bundle" / ".." / first.name}.get(kind, files.folder / "two")
    if kind == "symlink":
        second.symlink_to(first)
    if kind == "hard link":
        second.hardlink_to(first)
    before = first.read_bytes()
    given = [two, second] if one == "LOG" else [one, first, two, second]
    assert files.replay(*given) == 2
    shown = capsys.readouterr().err
    assert f"{one} and {two} are one file. Mend: " in shown
    assert shown.count("\n") == 1
    assert first.read_bytes() == before


def test_files_yet_to_be_written_are_told_apart_too(files, capsys):
    assert files.replay("--out", files.folder / "new", "--dead-letters", files.bundle / ".." / "new") == 2
    assert "are one file" in capsys.readouterr().err


def test_a_log_that_was_named_as_a_partial_file_is_safe(files, capsys):
    log = files.log.rename(files.folder / "out.jsonl.partial")
    before = log.read_bytes()
    assert files.replay("--out", files.folder / "out.jsonl", log=log) == 2
    assert "LOG and the .partial file of --out are one file" in capsys.readouterr().err
    assert log.read_bytes() == before


@pytest.mark.parametrize("log", ["-", "/dev/null"])
def test_a_stream_is_no_log(files, capsys, log):
    assert files.replay(log=log) == 2
    assert "a log is a regular file" in capsys.readouterr().err


def test_a_state_of_the_other_mode_is_refused(files, capsys):
    state = files.folder / "s.sqlite"
    assert files.replay("--state", state, "--mode", "live") == 0
    assert files.replay("--state", state, "--mode", "shadow") == 2
    assert "begun in live mode" in capsys.readouterr().err


@pytest.mark.parametrize("call", [("--batch", 0), ("--batch=-1",), ("--batch", "x"), ("--out", ""), ("--state", "")])
def test_a_wrong_call_is_told_with_its_mend(files, capsys, call):
    with pytest.raises(SystemExit, match="2"):
        files.replay(*call)
    assert "Mend: " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", ["--out", "--dead-letters"])
@pytest.mark.parametrize("place", ["bundle", "no/such", "log.jsonl/x"])
def test_an_output_that_cannot_be_written_is_told_in_one_line(files, capsys, name, place):
    assert files.replay(name, files.folder / place) == 2
    shown = capsys.readouterr()
    assert name in shown.err
    assert "Mend: " in shown.err
    assert shown.err.count("\n") == 1


def test_a_replay_says_where_it_wrote(files, capsys):
    outputs = with_outputs(files)
    assert files.replay(*outputs) == 0
    shown = capsys.readouterr().out
    assert f"decisions: {outputs[1]}\ndead letters: {outputs[3]}\n" in shown
    assert "state: " not in shown


def test_a_long_start_is_explained_and_a_short_one_not(files, monkeypatch, capsys):
    """Compiling takes long the first time; here it is the patience that is short."""
    assert files.replay() == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(replaying, "PATIENCE_SECONDS", 0.0)
    assert files.replay() == 0
    assert capsys.readouterr().err == "compiling, the first time only; this takes about half a minute\n"


def test_lines_are_numbered_and_none_is_read_beyond_the_limit(tmp_path):
    path = tmp_path / "log"
    long = [b"x" * 100, b"x" * 11, b"y" * 10 + b"\rz", b" " * 30 + b"{}"]
    path.write_bytes(b"one\n\n" + b"\r\n".join(long) + b"\nfour\r\n" + b"y" * 10 + b"\n" + b"y" * 10 + b"\r\nlast")
    with path.open("rb") as log:
        lines = list(lines_of(log, 10))
    assert [number for number, _ in lines] == [1, 3, 4, 5, 7, 8, 9, 10]
    assert [line for _, line in lines if len(line) <= 10] == [b"one", b"four", b"y" * 10, b"y" * 10, b"last"]
    assert all(len(line) <= 12 for _, line in lines)


def test_the_runtime_reads_single_lines_too(files):
    runtime = Runtime(load_bundle(files.bundle), MemoryStore())
    assert runtime.process_line(files.plain.read_bytes().splitlines()[0]).decision.moment == "select"
