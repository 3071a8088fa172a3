"""`handrail demo` tells the whole story, and the runtime decides as the simulator did."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments import demo
from policies.bundle import load_bundle
from tests.experiments.small_runs import small_training

pytestmark = pytest.mark.slow


def test_the_whole_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(demo, "SERVED_USERS", 20)
    assert demo.main(small_training(tmp_path / "demo")) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    decided, of = re.search(r"([\d,]+) of ([\d,]+) decisions are those", said).groups()
    assert decided == of
    assert int(of.replace(",", "")) > 200
    for part in ("p50", "because", "behaves most like the simulated kind", "report.html", "handrail replay", "greedy"):
        assert part in said
    assert load_bundle(tmp_path / "demo" / "bundle").journey.name == "tiny"
    assert (tmp_path / "demo" / "report.html").exists()
