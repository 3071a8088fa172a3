"""SIGHUP at a bad moment: it ends neither a service that is still starting nor its workers, and is followed later."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving.service.running import PATIENCE_SECONDS, bundle_at

pytestmark = pytest.mark.xdist_group("service")
ROOT = Path(__file__).parents[3]
HELD = 1 << (signal.SIGHUP - 1)  # its bit in the masks of /proc


@contextmanager
def starting(folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`handrail serve` from its first moment on, and its log."""
    bundle_at(folder / "guide")
    file, log = folder / "handrail.yaml", folder / "log.jsonl"
    file.write_text(f"bundles: [{{path: guide}}]\nhttp: {{port: 0, workers: {workers}}}\nwatch_seconds: 0\n")
    command = [sys.executable, "-m", "handrail", "serve", str(file)]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, text=True, cwd=ROOT) as process:
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until(what, process: subprocess.Popen[str], log: Path) -> None:
    """Until `what()` is true."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert process.poll() is None, (process.returncode, log.read_text())
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.005)


def holds(pid: int) -> bool:
    """Whether a process holds its SIGHUP."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigBlk:")[2].split()[0], 16) & HELD)


def workers_of(pid: int) -> list[int]:
    """The processes that it started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_service_that_starts_reloads_once_it_runs(tmp_path):
    with starting(tmp_path, 1) as (process, log):
        wait_until(lambda: holds(process.pid), process, log)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "bundle swapped" in log.read_text(), process, log)
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.slow
def test_workers_that_start_reload_once_they_run(tmp_path):
    with starting(tmp_path, 2) as (process, log):
        wait_until(lambda: len(workers_of(process.pid)) == 2, process, log)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.read_text().count("bundle swapped") == 2, process, log)
        assert "worker ended" not in log.read_text()
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
