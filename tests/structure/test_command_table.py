"""The command `handrail`: what it says where it cannot do what was asked."""

from __future__ import annotations

import pytest

import handrail


def test_a_missing_extra_is_mended_from_a_clone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The package is private: the extra's name alone could not be installed from anywhere."""

    def missing(module: str) -> None:
        raise ModuleNotFoundError(f"No module named 'torch', asked for by {module}", name="torch.nn")

    monkeypatch.setattr(handrail, "import_module", missing)
    assert handrail.main(["train"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "handrail train: torch.nn is not installed. Mend: pip install '.[train]' in a clone of the repository\n"
    )


def test_a_mistyped_command_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert handrail.main(["trian"]) == 2
    assert "Mend: use one of train, simulate" in capsys.readouterr().err
