"""`handrail journey show`: everything in the journey is told, in 80 columns; pictures on demand."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from matplotlib.image import imread
from PIL import Image
from rich.console import Console

import handrail
from journeys import command
from journeys.drawing import content, picture
from journeys.loading import journey_from, load_journey, parse_journey, shipped
from journeys.show import PLAIN_WIDTH, drawn, show
from journeys.spec import Journey
from tests.journeys.random_logs import HELP, journeys

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "journeys.md").read_text(encoding="utf-8")
ALBUM = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]


def shown(journey: Journey, width: int = PLAIN_WIDTH) -> str:
    """What the command prints of a journey."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    show(journey, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", shipped())
def test_every_name_of_a_shipped_journey_is_told_unbroken_in_80_columns(name: str) -> None:
    journey, said = load_journey(name), shown(load_journey(name))
    assert all(len(line) <= 80 for line in said.splitlines())
    for thing in (*journey.steps, *journey.skills, *journey.goals):
        assert re.search(rf"(?<![\w-]){thing.name}(?![\w-])", said)
    for i, step in enumerate(journey.steps):
        assert re.search(rf"^ *{i + 1}  {step.name} +{step.kind} .* {step.minutes:g} ", said, re.MULTILINE)
        assert re.search(rf"[●○][ │]+{i + 1} {step.name}, {step.kind}$", said, re.MULTILINE)


@given(journeys())
def test_any_journey_can_be_shown_and_no_step_is_missing_from_its_graph(journey: Journey) -> None:
    said = shown(journey)
    assert all(len(line) <= 80 for line in said.splitlines())
    marks = [line for line in drawn(journey) if re.search("[●○]", line)]
    told = {int(re.search(r"(\d+) step", line)[1]) for line in marks}  # type: ignore[index]
    assert told == set(range(1, len(journey.steps) + 1))
    assert sum("●" in line for line in marks) == sum(
        step.required or journey.completed_when == "all" for step in journey.steps
    )


def test_the_graph_of_the_page_is_the_one_printed() -> None:
    journey = parse_journey(ALBUM, "photo-album.yaml")
    for line in drawn(journey):
        assert f"    {line}\n" in PAGE


def test_lines_that_join_are_told_from_lines_that_pass() -> None:
    raw = {
        "name": "braid",
        "skills": [{"name": "any"}],
        "steps": [
            {"name": "a", "help": HELP, "teaches": ["any"]},
            {"name": "b", "help": HELP},
            {"name": "c", "help": HELP, "after": ["a"]},
            {"name": "d", "help": HELP, "after": ["a", "b"]},
            {"name": "e", "help": HELP, "after": ["b"]},
        ],
    }
    assert list(drawn(journey_from(raw, "braid"))) == [
        "●        1 a, task",
        "│ ●      2 b, task",
        "│ │",
        "├─│─●    3 c, task",
        "└─┼─●    4 d, task",
        "  └─●    5 e, task",
    ]


def test_rules_and_goals_are_told() -> None:
    said = shown(load_journey("course"), width=120)
    assert "users are taken to forget" in said
    assert "friends, tournaments" in said
    assert "users are taken to forget" not in shown(load_journey("saas"))
    assert "Goals" not in shown(load_journey("tiny"))


def test_words_in_brackets_are_no_marks() -> None:
    said = shown(
        parse_journey(ALBUM.replace("title: Your first photo album", 'title: "[bold]Album[/x] :smile:"'), "a.yaml")
    )
    assert "[bold]Album[/x] :smile:" in said


def test_a_terminal_without_lines_gets_letters() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=80, highlight=False, markup=False, emoji=False)
    show(load_journey("saas"), console)
    file.seek(0)
    assert "`-+-|-|-*" in file.read()


def test_the_command_prints_a_journey_without_loading_matplotlib() -> None:
    call = "code = handrail.main(['journey', 'show', 'tiny'])"
    script = f"import sys, handrail; {call}; print(code, 'matplotlib' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "0 False"
    assert "find-it" in said


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_journey_gives_the_same_picture(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{i}.{ending}" for i in range(2)]
    for path in paths:
        assert handrail.main(["journey", "show", "creator", "--out", str(path)]) == 0
        assert f"picture: {path}" in capsys.readouterr().out.replace("\n", "") or path.exists()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(paths[0].read_bytes()) > 1000


def test_a_picture_holds_number_name_and_goals_of_every_step(tmp_path: Path) -> None:
    journey = load_journey("course")
    words = {text.get_text().replace("-\n", "-").replace("\n", " ") for text in picture(journey).axes[0].texts}
    assert {f"{i + 1} {step.name}" for i, step in enumerate(journey.steps)} <= words
    assert "9 min · a b" in words  # open-or-fold serves the first two goals
    assert "dashed: optional" in words
    assert handrail.main(["journey", "show", "course", "--out", str(tmp_path / "x.svg")]) == 0
    assert "Hold my own" in (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_no_words_of_a_picture_leave_it_or_touch_each_other() -> None:
    for name in shipped():
        drawing = picture(load_journey(name))
        drawing.canvas.draw()
        boxes = [text.get_window_extent() for text in drawing.axes[0].texts]
        assert all(drawing.bbox.x0 <= b.x0 and b.x1 <= drawing.bbox.x1 for b in boxes)
        assert all(drawing.bbox.y0 <= b.y0 and b.y1 <= drawing.bbox.y1 for b in boxes)
        assert not [1 for i, one in enumerate(boxes) for other in boxes[:i] if one.overlaps(other)]


@pytest.mark.parametrize("name", shipped())
def test_the_pictures_of_the_page_show_the_journeys_that_ship(name: str) -> None:
    path = ROOT / "docs" / "pictures" / f"journey-{name}.png"
    with Image.open(path) as image:
        assert image.text["Description"] == f"{name}, content {content(load_journey(name))}", "run: make docs"  # type: ignore[attr-defined]
    assert f"(pictures/{path.name})" in PAGE
    assert imread(path).std() > 0


def test_a_wrong_journey_and_a_wrong_ending_are_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert handrail.main(["journey", "show", "sas"]) == 2
    assert "did you mean 'saas'" in capsys.readouterr().err
    assert handrail.main(["journey", "show", "saas", "--out", "x.jpg"]) == 2
    said = capsys.readouterr()
    assert said.err == "x.jpg: not a kind of picture made here. Mend: end its name in .png or .svg\n"
    assert said.out == ""
    assert handrail.main(["journey", "show", "saas", "--out", str(tmp_path / "none" / "x.png")]) == 2
    assert "cannot be written: No such file or directory. Mend: give a path" in capsys.readouterr().err


def test_a_missing_matplotlib_is_told_with_its_mend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert command.main(["show", "saas", "--out", str(tmp_path / "x.png")]) == 2
    said = capsys.readouterr().err
    assert (
        "matplotlib is not installed. Mend: pip install '.[sim]' in a clone of the repository, or leave --out" in said
    )
