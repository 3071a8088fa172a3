"""`handrail journey check`: a line and 0 for sound files, every fault and 2 for others, with the bare install."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import handrail
from journeys.loading import load_journey

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "journeys.md").read_text(encoding="utf-8")
ALBUM = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the page as a file, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "photo-album.yaml"
    path.write_text(ALBUM, encoding="utf-8")
    return path


def test_a_sound_file_gets_the_line_that_the_page_shows(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["journey", "check", album.name]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert len(said.out.splitlines()) == 1
    assert f"    {said.out}" in PAGE


def test_a_shipped_journey_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["journey", "check", "saas"]) == 0
    said = capsys.readouterr().out
    journey = load_journey("saas")
    assert f"{len(journey.steps)} steps ({sum(s.required for s in journey.steps)} required)" in said
    assert f"{len(journey.skills)} skills, {sum(s.minutes for s in journey.steps):g} minutes" in said
    assert journey.hash().startswith(said.split()[-1])


def test_every_fault_is_told_and_the_code_is_two(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ALBUM.replace("needs: [sharing]", "needs: [sharin]").replace("after: [upload]", "after: [uplod]")
    album.write_text(wrong, encoding="utf-8")
    assert handrail.main(["journey", "check", album.name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.partition(": ")[0] for line in said.err.splitlines()] == [
        "photo-album.yaml, line 36",
        "photo-album.yaml, line 37",
    ]
    assert said.err.count("Mend: ") == 2


def test_one_wrong_file_among_several_gives_two_and_hides_none(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["journey", "check", "nowhere.yaml", album.name]) == 2
    said = capsys.readouterr()
    assert "nowhere.yaml: cannot be read: No such file" in said.err
    assert "photo-album.yaml: sound" in said.out


@pytest.mark.parametrize("arguments", [[], ["chekc", "saas"], ["check"]])
def test_a_wrong_call_gives_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        handrail.main(["journey", *arguments])
    assert ended.value.code == 2


def test_the_command_is_of_the_bare_install() -> None:
    assert handrail.COMMANDS["journey"].extra == ""
