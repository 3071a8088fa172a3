"""The report is one page with everything on it, that needs nothing else."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import pytest

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects pictures and links, and fails on tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: dict[str, bytes] = {}
        self.outside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        for name in ("src", "href"):
            value = given.get(name)
            if value and value.startswith("data:image/png;base64,"):
                self.pictures[str(given["alt"])] = b64decode(value.partition(",")[2])
            elif value:
                self.outside.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def page(small_run: Path) -> Page:
    page = Page()
    page.feed((small_run / "report.html").read_text(encoding="utf-8"))
    assert not page.open
    return page


def test_every_picture_is_inside(page: Page, small_run: Path) -> None:
    files = {path.read_bytes() for path in (small_run / "plots").iterdir()}
    assert set(page.pictures.values()) == files
    assert len(page.pictures) == 6
    assert not page.outside, "a page that needs the network cannot be kept"


def test_numbers_configuration_and_provenance_are_there(page: Page) -> None:
    text = re.sub(r"\s+", " ", " ".join(page.words))
    for part in (
        "Differences to greedy", "ppo against greedy", "anxious", "return (reward)", "journey hash",
        "total_steps: 1024", "stable-baselines3", "First five minutes of a note-taking app",
    ):  # fmt: skip
        assert part in text, part
    assert re.search(r"[+-]\d\.\d{3} ±\d\.\d{3}", text)


def test_step_titles_cannot_inject_markup(tmp_path: Path) -> None:
    """A journey's text is data: it is escaped wherever it is shown."""
    from experiments import compare

    source = Path("conf/journey/tiny.yaml").read_text(encoding="utf-8")
    journey = tmp_path / "evil.yaml"
    journey.write_text(source.replace("First five minutes of", "<script>alert(1)</script>"), encoding="utf-8")
    assert compare.main([f"journey_file={journey}", "users=20", f"folder={tmp_path / 'c'}"]) == 0
    text = (tmp_path / "c" / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
