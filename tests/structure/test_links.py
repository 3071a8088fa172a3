"""The written pages hold together: what they link to exists, and nothing in them waits to be filled in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)|<img[^>]*\ssrc=\"([^\"]+)\"", re.MULTILINE)
PLACEHOLDER = re.compile(r"RESULT_TEXT|\b(?:TODO|TBD|XXX|FIXME)\b")


def links_of(text: str) -> list[str]:
    """Targets of links and pictures, those inside code left out."""
    return ["".join(groups) for groups in LINK.findall(CODE.sub("", text))]


def anchors_of(text: str) -> set[str]:
    """What a heading is called in a link: small letters, no punctuation, dashes for blanks."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere: no such file, or no such heading in it."""
    broken = []
    for link in links_of(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = page.parent / target if target else page
        if not path.exists() or (anchor and anchor not in anchors_of(path.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_exists(page: Path) -> None:
    assert not broken_links(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_nothing_in_a_page_waits_to_be_filled_in(page: Path) -> None:
    assert not PLACEHOLDER.findall(page.read_text(encoding="utf-8"))


def test_the_front_page_has_links_and_a_broken_one_is_found(tmp_path: Path) -> None:
    assert len(links_of(PAGES[0].read_text(encoding="utf-8"))) > 10
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n[a](gone.md) [b](#a-page) ![c](no.png) `[d](code.md)` [e](page.md#nothing) [f](https://x)\n"
    )
    assert broken_links(page) == ["gone.md", "no.png", "page.md#nothing"]
