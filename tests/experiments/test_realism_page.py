"""The command and its page: every comparison is there, wrong calls are answered, real figures are those of the data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from experiments.realism import command
from experiments.realism.comparisons import COMPARISONS, Comparison, carry_out
from experiments.realism.page import Setting, lines
from tests.experiments.tutorial_tables import real_data

DOCS = Path(__file__).resolve().parents[2] / "docs"
FEW = Setting(users=400)


def data_folder() -> Path:
    """The folder that holds a folder per data set."""
    return real_data().parent


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    command.write(data_folder(), folder, FEW)
    return folder


def test_samples_are_named_as_the_measures() -> None:
    for comparison in COMPARISONS:
        real = comparison.real(data_folder() / comparison.file)
        assert {measure.name for measure in comparison.measures} == set(real._fields)
        for sample in real:
            assert len(sample.values) == len(sample.people) > 1
            assert np.isfinite(sample.values).all()


def test_scales_and_statistics_go_together() -> None:
    for comparison in COMPARISONS:
        for measure in comparison.measures:
            assert (measure.statistic is None) == (measure.scale in {"times", "counts"}), measure.name
            assert measure.why.rstrip(")").endswith("."), measure.name


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)
def test_the_page_in_docs_names_every_comparison_and_measure(comparison: Comparison) -> None:
    text = (DOCS / command.PAGE).read_text(encoding="utf-8")
    section = text.split(f"\n## {comparison.title}\n")[1].split("\n## ")[0]
    assert f"(pictures/realism-{comparison.name}.png)" in section
    assert (DOCS / "pictures" / f"realism-{comparison.name}.png").stat().st_size > 5_000
    for measure in comparison.measures:
        assert f"- *{measure.title}*: " in section
        assert measure.why in section
        row = rf"^\| {re.escape(measure.title)}( \([^|]*\))? \|.*\*\*(close|comparable|different)\*\*"
        [found] = re.findall(row, section, re.M)
        assert found[1] == measure.judged, f"{measure.name}: its reason was written for another verdict. Mend: both"


@pytest.mark.slow
def test_the_real_figures_of_the_page_are_those_of_the_data() -> None:
    """The real side does not depend on how users are simulated: a page of other data or other measures shows here."""
    text = (DOCS / command.PAGE).read_text(encoding="utf-8")
    for comparison in COMPARISONS:
        real = comparison.real(data_folder() / comparison.file)
        compared = carry_out(comparison._replace(simulated=lambda _, real=real: real), real, np.empty(0))
        assert {finding.verdict for finding in compared.findings} == {"close"}
        for title, figures, *_ in lines(compared):
            assert f"| {title} | {figures} | " in text


def test_the_command_writes_page_and_pictures(written: Path) -> None:
    text = (written / command.PAGE).read_text(encoding="utf-8")
    for comparison in COMPARISONS:
        assert f"\n## {comparison.title}\n" in text
        assert (written / "pictures" / f"realism-{comparison.name}.png").read_bytes()[:4] == b"\x89PNG"
    assert "400 users of population `everyone`" in text


def test_links_inside_the_page_lead_to_its_headings(written: Path) -> None:
    text = (written / command.PAGE).read_text(encoding="utf-8")
    headings = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^## (.*)$", text, re.M)}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert len(links) == len(COMPARISONS)
    assert links <= headings


@pytest.mark.slow
def test_the_same_again_is_the_same_page_and_the_same_pictures(written: Path, tmp_path: Path) -> None:
    command.write(data_folder(), tmp_path, FEW)
    for path in written.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path.name


def test_missing_data_is_told_before_anything_is_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert re.search(r"handrail realism: .*half_a\.parquet: no such file\. Mend: ", said.err)
    assert "simulating" not in said.out + said.err
    assert not (tmp_path / "out").exists()


def test_a_wrong_call_returns_two() -> None:
    assert command.main([]) == 2
    assert command.main(["--help"]) == 0


def test_too_few_users_are_refused_by_measure() -> None:
    comparison = COMPARISONS[0]
    real = comparison.real(data_folder() / comparison.file)
    lonely = real.absences._replace(people=np.zeros_like(real.absences.people))
    with pytest.raises(ValueError, match="absences: the simulated sample has 1 people"):
        carry_out(comparison._replace(simulated=lambda _: real._replace(absences=lonely)), real, np.empty(0))
