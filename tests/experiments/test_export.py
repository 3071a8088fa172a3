"""`handrail export`: a run folder becomes a bundle, its ONNX copy computes the same, and bad folders are refused."""

from __future__ import annotations

import msgspec
import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file, save_file

from experiments import export
from experiments.export import export_run
from experiments.onnx_copy import OnnxError, onnx_copy
from journeys.loading import load_journey
from policies.bundle import load_bundle
from policies.network import NetworkPolicy, Weights
from tests.policies.moments import random_scorers

TINY = load_journey("tiny")
SIZE, ACTIONS, HIDDEN = 126, 23, 8


RUN = {"journey": "tiny", "family": "network", "seed": 4, "temperature": 0.5}


def network(seed: int = 0) -> dict[str, np.ndarray]:
    luck = np.random.default_rng(seed)
    shapes = [(SIZE, HIDDEN), HIDDEN, (HIDDEN, HIDDEN), HIDDEN, (HIDDEN, ACTIONS), ACTIONS]
    return {n: luck.normal(size=s).astype(np.float32) for n, s in zip(Weights._fields, shapes, strict=True)}


@pytest.fixture
def run(tmp_path):
    """A folder as 'handrail train' leaves it."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_bytes(msgspec.json.encode(RUN))
    (folder / "metrics.json").write_bytes(msgspec.json.encode({"levels": [], "note": "x"}))
    (folder / "journey.json").write_bytes(msgspec.json.encode(TINY, order="deterministic"))
    head = {"success.weight": np.ones(SIZE), "success.bias": np.array([0.5]), "usual": np.zeros(SIZE, np.float32)}
    save_file({**network(), **head}, folder / "weights.safetensors")
    return folder


def test_a_run_becomes_a_bundle(run, tmp_path, capsys):
    assert export.main([str(run), "--out", str(tmp_path / "b"), "--name", "guide", "--version", "2.1"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "b")
    bundle = load_bundle(tmp_path / "b")
    assert (bundle.manifest.name, bundle.manifest.version, bundle.manifest.family) == ("guide", "2.1", "network")
    assert bundle.manifest.provenance == RUN
    assert bundle.manifest.temperature == bundle.policy.temperature == RUN["temperature"]
    assert bundle.manifest.metrics == {"levels": [], "note": "x"}
    assert bundle.manifest.onnx.max_difference < 1e-5
    assert bundle.manifest.onnx.observations > 500
    assert bundle.success.bias == 0.5
    assert np.array_equal(bundle.policy.weights.w1, network()["w1"])


def test_the_onnx_file_of_the_bundle_gives_the_policys_probabilities(run, tmp_path):
    path = export_run(run, tmp_path / "b")
    luck = np.random.default_rng(3)
    observations, masks = luck.random((40, SIZE)).astype(np.float32), luck.random((40, ACTIONS)) < 0.4
    masks[:, 5] = True
    session = onnxruntime.InferenceSession((path / "policy.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"observations": observations, "masks": masks})
    np.testing.assert_allclose(theirs, load_bundle(path).policy.probabilities(observations, masks), atol=1e-5)
    assert not theirs[~masks].any()


def test_the_temperature_is_in_the_copy():
    observations, masks = np.ones((1, SIZE), np.float32), np.ones((1, ACTIONS), bool)
    for temperature in (0.5, 3.0):
        assert onnx_copy(NetworkPolicy("", Weights(**network()), temperature), observations, masks).content


def test_a_copy_that_computes_something_else_is_refused(monkeypatch):
    policy = NetworkPolicy("", Weights(**network()))
    other = NetworkPolicy("", Weights(**network(1)))
    monkeypatch.setattr(policy, "probabilities", other.probabilities)
    with pytest.raises(OnnxError, match="differs"):
        onnx_copy(policy, np.ones((1, SIZE), np.float32), np.ones((1, ACTIONS), bool))


HEAD = {"persona.weight": np.ones((SIZE, 2)), "persona.bias": np.array([0.5, -0.5])}


def with_head(run, personas=("expert", "anxious"), **changes):
    """The folder of a run that has a persona head, too."""
    (run / "run.json").write_bytes(msgspec.json.encode(RUN | {"personas": personas}))
    tensors = load_file(run / "weights.safetensors") | HEAD | changes
    save_file({name: value for name, value in tensors.items() if value is not None}, run / "weights.safetensors")


def test_the_persona_head_goes_along(run, tmp_path):
    with_head(run)
    bundle = load_bundle(export_run(run, tmp_path / "b"))
    assert bundle.persona.names == bundle.manifest.personas == ("expert", "anxious")
    assert np.array_equal(bundle.persona.bias, HEAD["persona.bias"])


def test_a_run_from_before_there_was_a_persona_head_is_exported_without(run, tmp_path):
    assert load_bundle(export_run(run, tmp_path / "b")).persona is None


def test_a_bundle_of_any_journey_carries_no_head(run, tmp_path):
    own = {
        f"{p}.{n}": a
        for p, w in zip(("select", "assist"), random_scorers(), strict=True)
        for n, a in w._asdict().items()
    }
    with_head(run, **dict.fromkeys(network()), **own)
    (run / "run.json").write_bytes(msgspec.json.encode(RUN | {"family": "scorer", "personas": ("expert", "anxious")}))
    bundle = load_bundle(export_run(run, tmp_path / "b", any_journey=True), TINY)
    assert (bundle.success, bundle.persona, bundle.manifest.personas) == (None, None, ())


def without(name):
    def spoil(run):
        tensors = load_file(run / "weights.safetensors")
        del tensors[name]
        save_file(tensors, run / "weights.safetensors")

    return spoil


@pytest.mark.parametrize(
    ("breakage", "says"),
    [
        (lambda run: (run / "run.json").unlink(), "run.json: cannot be read"),
        (lambda run: (run / "run.json").write_text("{"), "run.json"),
        (lambda run: (run / "run.json").write_text('{"family": null}'), "'family' is missing"),
        (lambda run: (run / "run.json").write_text('{"family": "oracle"}'), "'oracle' is unknown"),
        (lambda run: (run / "metrics.json").unlink(), "metrics.json: cannot be read"),
        (lambda run: (run / "journey.json").write_text("{}"), "journey.json"),
        (lambda run: (run / "weights.safetensors").write_text("x"), "weights.safetensors"),
        (lambda run: (run / "weights.safetensors").unlink(), "weights.safetensors: cannot be read"),
        (without("w2"), "'w2' is missing"),
        (without("usual"), "'usual' is missing"),
        (lambda run: with_head(run, personas="expert"), "run.json: field 'personas' is not a list of names"),
        (lambda run: with_head(run, personas=()), "run.json, field 'personas' names none"),
        (lambda run: with_head(run, personas=("a", "a")), "run.json, field 'personas': a persona head has"),
        (lambda run: with_head(run, personas=("a",)), "tensor 'persona.weight' is float64 (126, 2), expected"),
        (lambda run: with_head(run, **{"persona.bias": None}), "tensor 'persona.bias' is missing"),
    ],
)
def test_a_folder_that_is_no_finished_run_is_told_in_one_line(run, tmp_path, capsys, breakage, says):
    breakage(run)
    assert export.main([str(run), "--out", str(tmp_path / "b")]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Mend: " in shown.err
    assert not (tmp_path / "b").exists()


def test_an_empty_version_is_named(run, tmp_path, capsys):
    assert export.main([str(run), "--out", str(tmp_path / "b"), "--version", ""]) == 2
    assert capsys.readouterr().err == (
        "handrail export: --version is empty. Mend: give one such as 1, or leave it out\n"
    )
    assert not (tmp_path / "b").exists()


def test_a_taken_target_is_refused(run, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "letter").write_text("dear")
    assert export.main([str(run), "--out", str(tmp_path / "b")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "b" / "letter").read_text() == "dear"
