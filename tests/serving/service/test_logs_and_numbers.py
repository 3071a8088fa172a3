"""Logs do not flood, and the numbers of several workers are shown as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from serving.service.logs import MOST_ALIKE, WINDOW_SECONDS, Restraint, json_line
from serving.service.metrics import Board
from serving.service.numbers import METRICS, SECONDS, Numbers


def test_the_same_line_is_written_so_often_and_then_counted():
    now = [0.0]
    restraint = Restraint(lambda: now[0])

    def written(event: str) -> dict | None:
        try:
            return dict(restraint(None, "info", {"event": event}))
        except structlog.DropEvent:
            return None

    assert [written("store down") is not None for _ in range(MOST_ALIKE + 5)] == [True] * MOST_ALIKE + [False] * 5
    assert written("another") == {"event": "another"}
    now[0] = WINDOW_SECONDS + 1
    assert written("store down") == {"event": "store down", "suppressed": 5}
    assert written("store down") == {"event": "store down"}


def test_a_line_is_json_whatever_is_in_it():
    assert json.loads(json_line(None, "info", {"event": "x", "error": ValueError("y")})) == {"event": "x", "error": "y"}


def samples(board: Board) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(board.text().decode())
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def test_workers_numbers_are_summed_and_survive_the_worker(tmp_path):
    boards = [Board(Numbers(), tmp_path, slot) for slot in range(2)]
    for board, wait in zip(boards, (0.004, 0.3), strict=True):
        board.numbers.add("handrail_decisions", ("tiny", "select"), 3)
        board.numbers.set("handrail_lag", ("p",), 5)
        board.numbers.set("handrail_breaker", ("store",), float(wait > 0.1))
        board.numbers.observe("handrail_request_seconds", ("/v1/decide",), wait)
        board.leave()
    told = samples(boards[0])
    assert told == samples(boards[1])
    assert told["handrail_decisions_total", ("tiny", "select")] == 6
    assert told["handrail_lag", ("p",)] == 10
    assert told["handrail_breaker", ("store",)] == 1
    assert told["handrail_request_seconds_count", ("/v1/decide",)] == 2
    assert told["handrail_request_seconds_sum", ("/v1/decide",)] == pytest.approx(0.304)
    edges = {key[1][0]: value for key, value in told.items() if key[0] == "handrail_request_seconds_bucket"}
    assert [edges[name] for name in ("0.0025", "0.005", "0.25", "0.5", "+Inf")] == [0, 1, 1, 2, 2]
    again = Board(Numbers(), tmp_path, 0)  # the worker died; another follows in its place
    assert samples(again)["handrail_decisions_total", ("tiny", "select")] == 6
    assert samples(again)["handrail_worker_starts_total", ()] == 3
    assert samples(again)["handrail_lag", ("p",)] == 5  # what the dead one owned is another's now


def test_a_value_on_an_edge_belongs_below_it():
    numbers = Numbers()
    numbers.observe("handrail_request_seconds", ("x",), SECONDS[3])
    assert numbers.spreads["handrail_request_seconds", ("x",)].counts[3] == 1


def test_every_metric_is_in_the_reference():
    page = (Path(__file__).parents[3] / "docs" / "service.md").read_text()
    for name, metric in METRICS.items():
        shown = name.removeprefix("handrail_") + ("_total" if metric.kind == "counter" else "")
        assert f"`{shown}`" in page, name
