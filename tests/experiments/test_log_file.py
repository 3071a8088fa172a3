"""A log is there whole or not at all, and Ctrl-C ends a command with one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import handrail
from experiments import simulate, world
from experiments.log_file import whole_or_nothing

BEFORE = b"the log of an earlier run\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(BEFORE)
    return path


def test_a_log_takes_its_name_at_the_end(log: Path) -> None:
    with whole_or_nothing(log) as part:
        part.write_bytes(b"new\n")
        assert log.read_bytes() == BEFORE
    assert log.read_bytes() == b"new\n"
    assert list(log.parent.iterdir()) == [log]


@pytest.mark.parametrize(
    ("module", "command", "work"), [(world, "world", "play"), (simulate, "simulate", "event_records")]
)
def test_an_interrupted_command_leaves_the_earlier_log(
    module: Any, command: str, work: str, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, work, interrupted)
    users = ["users=2"] if command == "simulate" else []
    call = [command, "journey=tiny", "policy=random", *users, f"out={log}", f"folder={log.parent / 'run'}"]
    assert handrail.main(call) == 130
    assert capsys.readouterr().err.strip().splitlines()[-1] == f"handrail {command}: interrupted"
    assert log.read_bytes() == BEFORE
    assert not log.with_name("events.jsonl.part").exists()
