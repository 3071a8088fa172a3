"""Every part of the benchmarks runs to its end and gives figures; how good they are is not judged here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

TINY = """
import sys
from pathlib import Path
from benchmarks import report, settings, vector_env
import benchmarks.__main__ as command

vector_env.SIZES, vector_env.USUAL = (8, 64), 64
settings.settings = lambda quick, full: settings.Settings(
    rounds=1, sample_seconds=0.001, rollout=4_096, runtime_users=3, full=False, bandit_rounds=300
)
sys.argv = ["benchmarks", "--quick", "--only", sys.argv[1], "--json", sys.argv[2]]
command.main()
"""


@pytest.mark.parametrize("part", PARTS)
def test_a_part_gives_figures(part: str, tmp_path: Path) -> None:
    """In a process of its own, as the command sets how many threads libraries may use before it loads them."""
    out = tmp_path / "figures.json"
    call = [sys.executable, "-c", TINY, part, str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(out.read_text())["rows"]
    assert rows
    for row in rows:
        assert row["name"], row
        assert math.isfinite(row["median"]), row
        assert row["median"] > 0.0 or row["name"].endswith("errors"), row
        assert row["low"] <= row["median"] <= row["high"], row
