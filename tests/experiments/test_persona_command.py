"""`handrail persona`: lists, checks, shows with pictures, and says in words what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import handrail
from personas.persona import load_persona, read, shipped
from personas.traits import TRAIT_NAMES

PICTURES = ("traits.png", "users.png", "compared.png")
PNG = b"\x89PNG"


def show(folder: Path, *arguments: str) -> int:
    return handrail.main(["persona", "show", *arguments, "--journey", "tiny", "--users", "60", "--out", str(folder)])


def test_list_names_all_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["persona", "list"]) == 0
    first_words = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert first_words >= {*shipped("persona"), *shipped("population")}


def test_check_takes_personas_populations_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump({"name": "mine", "summary": "x", "weights": {"expert": 1, "guarded": 2}}))
    assert handrail.main(["persona", "check", "newcomer", "everyone", str(mine)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("newcomer: sound. Persona 'newcomer'")
    assert lines[1].startswith("everyone: sound. Population 'everyone'")
    assert lines[2] == f"{mine}: sound. Population 'mine' of expert, guarded"


def test_check_names_every_faulty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = read("persona", "newcomer").data
    raw = raw | {"traits": {name: trait for name, trait in raw["traits"].items() if name != "memory"}}
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(yaml.safe_dump(raw))
    assert handrail.main(["persona", "check", str(faulty), "newcomer", "nobody"]) == 2
    said = capsys.readouterr()
    assert "trait 'memory' is missing. Mend: add it with its source" in said.err
    assert "no persona called 'nobody'. Mend: " in said.err
    assert said.out.startswith("newcomer: sound.")


@pytest.mark.parametrize("name", ["help_abuser", "newcomer"])
def test_show_prints_every_trait_and_draws(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(tmp_path, name) == 0
    said = capsys.readouterr().out
    assert load_persona(name).summary in said
    assert all(trait in said for trait in TRAIT_NAMES)
    assert "What 60 users do on 'tiny' under 'rules'" in said
    assert all((tmp_path / picture).read_bytes().startswith(PNG) for picture in PICTURES)


def test_the_same_call_draws_the_same_bytes(tmp_path: Path) -> None:
    assert show(tmp_path / "a", "explorer") == show(tmp_path / "b", "explorer") == 0
    for picture in PICTURES:
        assert (tmp_path / "a" / picture).read_bytes() == (tmp_path / "b" / picture).read_bytes()


def test_a_persona_of_ones_own_beyond_every_axis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = read("persona", "newcomer").data
    far = {"distribution": "lognormal", "a": 60.0, "b": 1.0, "source": "made up for this test"}
    raw = raw | {"name": "mine", "traits": raw["traits"] | {"prior_odds": far, "patience": far | {"a": 0.2}}}
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump(raw))
    assert show(tmp_path, str(mine), "--policy", "random", "--learner", "afm_forgetting") == 0
    assert "Traits of mine" in capsys.readouterr().out


def test_one_user_is_enough(tmp_path: Path) -> None:
    assert handrail.main(["persona", "show", "expert", "--users", "1", "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "exprt"], "no persona called 'exprt'. Mend: did you mean 'expert'"),
        (["show", "expert", "--journey", "sas"], "Mend: "),
        (["show", "expert", "--policy", "none"], "no policy 'none'. Mend: use one of"),
        (["show", "expert", "--learner", "bk"], "no learner called 'bk'. Mend: use one of afm"),
        (["show", "expert", "--users", "0"], "'0' is not a number of users. Mend: give 1 to 100,000"),
        (["show", "expert", "--seed", "-1"], "'-1' is not a seed. Mend: give 0 to 4,294,967,295"),
        (["show", "expert", "--out", "/proc/nowhere"], "/proc/nowhere: No such file or directory. Mend: "),
        (["draw", "expert"], "invalid choice: 'draw'"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_call_is_answered_in_words(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert handrail.main(["persona", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_help_tells_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["persona", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in ("list", "check", "show"))
